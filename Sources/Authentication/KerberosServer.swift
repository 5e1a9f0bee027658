import CKerberos
import NTTypes

/// The keys of this service, loaded once for the process, and logins with them.
public struct KerberosService: Sendable {
    /// Why there is no Kerberos: for the administrator.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }
    /// How many keys there are.
    public let keyCount: Int
    private let log: @Sendable (String) -> Void

    /// Copies the keys into memory, and reads Kerberos's configuration: no file is needed afterwards. To be called once
    /// in the life of the process.
    /// - Parameters:
    ///   - keytab: a path; empty for the system's own, /etc/krb5.keytab.
    ///   - service: the principals to serve: `name`, `name/host` or `name/host@REALM`; empty for cifs and host.
    ///   - log: is told why tickets are refused.
    public init(keytab: String, service: String, log: @escaping @Sendable (String) -> Void) throws(Failure) {
        var error = [CChar](repeating: 0, count: Int(KERBEROS_TEXT_SIZE))
        // SAFETY: all texts live through the call, and `error` has the size that the function wants.
        let count = unsafe kerberos_start(keytab, service, &error)
        guard count > 0 else { throw Failure(description: text(error)) }
        keyCount = Int(count)
        self.log = log
    }

    /// - Parameter now: of the clock by which the ticket's end is told.
    func makeMechanism(now: FileTime) -> (any Mechanism)? { KerberosServer(now: now, log: log) }
}

/// The server's side of one login with a Kerberos ticket, RFC 4121.
@safe final class KerberosServer: Mechanism, @unchecked Sendable {
    // SAFETY (@unchecked Sendable): only the phase of an `AuthenticationExchange` refers to it, behind that one's lock:
    // one thread at a time uses the pointer, which never changes, and `isDone`.
    private let login: OpaquePointer
    private let now: FileTime
    private let log: @Sendable (String) -> Void
    private var isDone = false

    /// MS-KRB5 first, a slip of Windows 2000 that its successors still prefer; both mean the same, [MS-SPNG] 3.2.5.2.
    static let identifiers: [MechanismIdentifier] = [.kerberosOfWindows, .kerberos]

    init?(now: FileTime, log: @escaping @Sendable (String) -> Void) {
        // SAFETY: a new object, freed in deinit.
        guard let login = unsafe kerberos_begin() else { return nil }
        unsafe self.login = login
        self.now = now
        self.log = log
    }

    deinit {
        // SAFETY: nobody holds a reference any more.
        unsafe kerberos_end(login)
    }

    func accept(_ token: [UInt8]) -> MechanismStep {
        guard !isDone else { return .failed(.invalidParameter) }
        // SAFETY: a C structure of plain fields, all zero.
        var result = unsafe kerberos_result()
        var error = [CChar](repeating: 0, count: Int(KERBEROS_TEXT_SIZE))
        // SAFETY: token, result and error live through the call.
        let outcome = unsafe kerberos_accept(login, token, token.count, &result, &error)
        guard outcome >= 0 else {
            log("kerberos: \(text(error))")
            return .failed(.logonFailure.because(.ticket))
        }
        // SAFETY: the token is the login's until the next call.
        let answer = unsafe [UInt8](UnsafeBufferPointer(start: result.token, count: result.token_size))
        guard outcome == 1 else { return .more(answer) }
        isDone = true
        // SAFETY: the function has filled it.
        return unsafe finish(result, answer)
    }

    private func finish(_ result: kerberos_result, _ answer: [UInt8]) -> MechanismStep {
        // SAFETY: a copy; C arrays of that size, the texts terminated by the function that filled them.
        var result = unsafe result
        let key = unsafe withUnsafeBytes(of: &result.session_key) { unsafe Array($0.prefix(result.session_key_size)) }
        let principal = unsafe withUnsafeBytes(of: &result.principal) { unsafe text($0.map(CChar.init(bitPattern:))) }
        let account = unsafe withUnsafeBytes(of: &result.account) { unsafe text($0.map(CChar.init(bitPattern:))) }
        guard !account.isEmpty else {
            log("kerberos: no account for '\(principal)': by the rules of auth_to_local in krb5.conf there is none")
            return .failed(.logonFailure.because(.unknownAccount))
        }
        // SAFETY: a number.
        let lifetime = unsafe UInt64(result.lifetime)
        let realm = principal.split(separator: "@").last.map(String.init) ?? ""
        let login = Login(
            user: account, domain: realm, sessionKey: key, mustHaveAccount: true,
            expiry: FileTime(rawValue: now.rawValue + lifetime * 10_000_000))
        return .done(login, token: answer)
    }

    var canSign: Bool { isDone }

    func signature(of message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 256)
        // SAFETY: both arrays live through the call, their sizes are said.
        let count = unsafe kerberos_sign(login, message, message.count, &signature, signature.count)
        return Array(signature[..<count])
    }

    func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        // SAFETY: both arrays live through the call, their sizes are said.
        unsafe kerberos_verify(login, message, message.count, signature, signature.count) == 1
    }
}

/// What stands before the terminating zero.
private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
