import Glibc
import NTTypes
import SMBCrypto

/// The SID of the domain that the server's accounts belong to: S-1-5-21-a-b-c. Descriptors in the world name it, so it
/// stays what it once was: in ksmbd.subauth, beside the users, in the form of ksmbd-tools (`a:b:c`).
struct DomainIdentity: Equatable, Sendable {
    /// a, b and c.
    let subauthorities: [UInt32]

    /// - Parameter users: the path of the user database.
    static func load(besides users: String, log: (String) -> Void) -> DomainIdentity {
        let folder = users.lastIndex(of: "/").map { String(users[...$0]) } ?? ""
        let path = folder + "ksmbd.subauth"
        do throws(TextFile.Failure) {
            if let text = try TextFile.read(path) {
                if let known = DomainIdentity(text) { return known }
                log("\(path): is not three numbers with colons between them; another SID is used until it is mended")
                return DomainIdentity()
            }
            let new = DomainIdentity()
            try TextFile.replace(path, with: new.text, mode: 0o600)
            return new
        } catch {
            log("\(error): the server's SID will be another after the next start")
            return DomainIdentity()
        }
    }

    /// A new one, at random.
    init() {
        subauthorities = (0..<3).map { _ in randomBytes(count: 4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) } }
    }

    /// nil for what is not `a:b:c`.
    init?(_ text: String) {
        let parts = text.split(whereSeparator: \.isNewline).first?.split(separator: ":") ?? []
        subauthorities = parts.compactMap { UInt32($0) }
        guard parts.count == 3, subauthorities.count == 3 else { return nil }
    }

    var identifier: SecurityIdentifier { SecurityIdentifier(authority: 5, subauthorities: [21] + subauthorities) }
    var text: String { subauthorities.map { "\($0)" }.joined(separator: ":") + "\n" }
}
