import DCERPC
import Glibc
import SMBCrypto

/// The SID of the domain that the server's accounts belong to: S-1-5-21-a-b-c. Descriptors in the world name it, so it
/// stays what it once was: in ksmbd.subauth, beside the users, in the form of ksmbd-tools (`a:b:c`).
enum DomainIdentity {
    /// - Parameter users: the path of the user database.
    static func load(besides users: String, log: (String) -> Void) -> SID {
        let folder = users.lastIndex(of: "/").map { String(users[...$0]) } ?? ""
        let path = folder + "ksmbd.subauth"
        do throws(TextFile.Failure) {
            if let text = try TextFile.read(path) {
                if let known = parse(text) { return known }
                log("\(path): is not three numbers with colons between them; another SID is used until it is mended")
                return make()
            }
            let new = make()
            let numbers = new.subauthorities.dropFirst().map { "\($0)" }.joined(separator: ":")
            try TextFile.replace(path, with: numbers + "\n", mode: 0o600)
            return new
        } catch {
            log("\(error): the server's SID will be another after the next start")
            return make()
        }
    }

    /// nil for what is not `a:b:c`.
    static func parse(_ text: String) -> SID? {
        let parts = text.split(whereSeparator: \.isNewline).first?.split(separator: ":") ?? []
        let numbers = parts.compactMap { UInt32($0) }
        guard parts.count == 3, numbers.count == 3 else { return nil }
        return SID(authority: 5, subauthorities: [21] + numbers)
    }

    private static func make() -> SID {
        let numbers = (0..<3).map { _ in randomBytes(count: 4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) } }
        return SID(authority: 5, subauthorities: [21] + numbers)
    }
}
