import CLinux
import Glibc

/// Reading and writing the files of ksmbd's tools, with their messages.
extension Tool {
    /// The lines of a file. - Returns: nil if there is none.
    private func lines(_ path: String) throws(Exit) -> [[UInt8]]? {
        do throws(TextFile.Failure) {
            guard let bytes = try TextFile.readBytes(path) else { return nil }
            return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
        } catch {
            throw fail(error.description)
        }
    }

    /// - Parameter mode: of a new file; one that is there keeps its own.
    func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(Exit) {
        do throws(TextFile.Failure) {
            try TextFile.rewrite(path, with: bytes, modeOfNew: mode)
        } catch {
            throw fail(error.description)
        }
        info("Wrote `\(path)'")
    }

    /// ksmbdpwd.db. - Parameter makes: one that is missing is made.
    func loadUsers(_ path: String, makes: Bool) throws(Exit) -> ToolUsers {
        var users = ToolUsers()
        guard let lines = try lines(path) else {
            if makes { try replace(path, with: [], mode: 0o600) } else { info("No user database") }
            return users
        }
        for line in lines where !line.isEmpty {
            guard users.add(line: line) else {
                throw fail("Invalid pwddb entry `\(String(decoding: line, as: UTF8.self))'")
            }
        }
        return users
    }

    /// ksmbd.conf. - Parameter makes: one that is missing is made.
    func loadConfiguration(_ path: String, makes: Bool) throws(Exit) -> ToolConfiguration {
        var configuration = ToolConfiguration()
        guard let lines = try lines(path) else {
            if makes { try replace(path, with: [], mode: 0o640) } else { info("No configuration file") }
            return configuration
        }
        for line in lines {
            guard configuration.add(line: line) else {
                throw fail("Invalid smbconf entry `\(String(decoding: line, as: UTF8.self))'")
            }
        }
        return configuration
    }
}

/// ksmbdpwd.db as ksmbd.adduser(8) keeps it: names and hashes as bytes.
struct ToolUsers {
    typealias Bytes = [UInt8]
    private(set) var hashes: [Bytes: Bytes] = [:]

    subscript(_ name: Bytes) -> Bytes? {
        get { hashes[name] }
        set { hashes[name] = newValue }
    }

    /// UTF-8 of 1 to 47 bytes that can be printed, without a colon.
    static func isUserName(_ name: Bytes) -> Bool {
        (1..<48).contains(name.count) && String(validating: name, as: UTF8.self) != nil
            && name.allSatisfy { ToolConfiguration.isPrintable($0) && $0 != UInt8(ascii: ":") }
    }

    /// `user:hash`; the last line of a user counts. - Returns: false for what is none.
    mutating func add(line: Bytes) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let (name, hash) = (Array(line[..<colon]), Array(line[(colon + 1)...]))
        var digits = hash[...]
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard Self.isUserName(name), !digits.isEmpty, digits.allSatisfy(Self.isDigit) else { return false }
        hashes[name] = hash
        return true
    }

    /// Of base64.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// The file, without `guests`: what the configuration makes a guest's account has no password.
    func text(without guests: Set<Bytes>) -> Bytes {
        hashes.filter { !guests.contains($0.key) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .flatMap { $0.key + Array(":".utf8) + $0.value + Array("\n".utf8) }
    }
}
