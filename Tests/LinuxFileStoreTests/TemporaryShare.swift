import CLinux
import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Testing

/// A folder that goes away with the test, and a store over it.
final class TemporaryShare {
    let root: String
    let store: LinuxFileStore
    let user: Credentials

    /// - Parameter parent: where the folder is made; nil for the usual place.
    init(
        in parent: String? = nil, user: Credentials = Credentials(userID: geteuid(), groupID: getegid(), groups: []),
        _ change: (inout LinuxFileStoreOptions) -> Void = { _ in }
    ) throws {
        Self.actAsMyself()
        let folder = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/apus-store-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        root = String(cString: made)
        chmod(root, 0o777)
        var options = LinuxFileStoreOptions()
        change(&options)
        store = try LinuxFileStore(root: root, options: options)
        self.user = user
    }

    deinit {
        Self.actAsMyself()
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("rm"), strdup("-rf"), strdup(root), nil]
        var child = pid_t()
        posix_spawnp(&child, "rm", nil, nil, &arguments, environ)
        waitpid(child, nil, 0)
        for argument in arguments { free(argument) }
    }

    /// The path on this machine; what uses it does so as the one who runs the tests, whoever this thread has been
    /// before.
    func local(_ name: String) -> String {
        Self.actAsMyself()
        return root + "/" + name
    }

    static func actAsMyself() { if geteuid() == 0 { apus_act_as(0, 0, nil, 0) } }

    /// Makes a file as a local process would.
    func writeLocally(_ name: String, _ text: String = "", mode: mode_t = 0o644) {
        let descriptor = Glibc.open(local(name), O_WRONLY | O_CREAT | O_TRUNC, mode)
        _ = Glibc.write(descriptor, text, text.utf8.count)
        Glibc.close(descriptor)
        chmod(local(name), mode)
    }

    func exists(_ name: String) -> Bool { Glibc.access(local(name), F_OK) == 0 }

    func setAttribute(_ file: String, _ name: String, _ value: [UInt8]) -> Int {
        apus_setxattr(local(file), name, value, value.count, 0)
    }

    func attribute(_ file: String, _ name: String) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 65536)
        let count = apus_getxattr(local(file), name, &value, value.count)
        return count < 0 ? nil : Array(value[..<count])
    }

    // MARK: opens

    func open(
        _ path: String, _ access: AccessMask = .fileAllAccess, _ disposition: CreateDisposition = .open,
        _ options: CreateOptions = [], attributes: FileAttributes = [], as other: Credentials? = nil,
        _ change: (inout OpenParameters) -> Void = { _ in }
    ) throws(NTStatus) -> OpenedFile {
        var parameters = OpenParameters(
            desiredAccess: access, disposition: disposition, options: options, attributes: attributes)
        change(&parameters)
        return try store.open(NTPath(test: path), parameters, as: other ?? user)
    }

    @discardableResult
    func create(_ path: String, _ text: String = "") throws(NTStatus) -> any StoreFile {
        let opened = try open(path, .fileAllAccess, .create, .nonDirectoryFile)
        try opened.file.write(text)
        return opened.file
    }

    @discardableResult
    func makeFolder(_ path: String) throws(NTStatus) -> any StoreFile {
        try open(path, .fileAllAccess, .create, .directoryFile).file
    }

    func status(_ body: () throws(NTStatus) -> Void) -> NTStatus {
        do throws(NTStatus) { try body() } catch { return error }
        return .success
    }

    func names(_ path: String = "") throws(NTStatus) -> [String] {
        let folder = try open(path, [.readData, .readAttributes], .open, .directoryFile).file
        let cursor = try folder.makeDirectoryCursor(as: user)
        var names: [String] = []
        while let entry = try cursor.next(matches: { _ in true }, wantsInformation: false) {
            names.append(entry.name.description)
        }
        return names
    }
}

extension NTPath {
    /// "folder/file:stream"
    init(test path: String) {
        let parts = path.split(separator: ":", maxSplits: 1)
        self.init(
            components: (parts.first ?? "").split(separator: "/").map { NTName(String($0)) },
            stream: parts.count > 1 ? NTName(String(parts[1])) : nil)
    }
}

extension StoreFile {
    func write(_ text: String, at offset: UInt64 = 0) throws(NTStatus) {
        let bytes = Array(text.utf8)
        var failure: NTStatus?
        bytes.withUnsafeBytes { bytes in
            do throws(NTStatus) { try write(bytes, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func text(_ count: Int = 4096, at offset: UInt64 = 0) throws(NTStatus) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        var result: Result<Int, NTStatus> = .success(0)
        bytes.withUnsafeMutableBytes { buffer in
            do throws(NTStatus) {
                result = .success(try read(into: buffer, at: offset, mayBlock: true))
            } catch { result = .failure(error) }
        }
        return String(decoding: bytes[..<(try result.get())], as: UTF8.self)
    }
}
