import FileStore
import NTTypes
import Platform

/// What the engine asks of the control plane: who may log in, and what a tree connect may do. Calls block.
public protocol AccessControl: AnyObject, Sendable {
    /// One step of a login.
    /// - Parameters:
    ///   - exchange: names this login over its steps; the engine chooses it, unique in the process.
    ///   - token: the SecurityBuffer of the SESSION_SETUP request: SPNEGO or bare NTLMSSP.
    ///   - remoteAddress: the client's, for the log and for delays after failures.
    func authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String) -> AuthenticationStep
    /// The exchange will not be continued.
    func abandon(exchange: UInt64)
    /// The token for the NEGOTIATE response: SPNEGO NegTokenInit2, [MS-SPNG] 2.2.1.
    func initialToken() -> [UInt8]
    /// Whether, and how, `user` at `remoteAddress` may use the share; checked in the order of facts: limits, hosts,
    /// guest, lists.
    func connectTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision
    /// The same for a user who has connected the share, and has logged in again to the session.
    func renewTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision
    func disconnectTree(share: String, user: AuthenticatedUser)
    func logOut(user: AuthenticatedUser)
}

public enum AuthenticationStep: Sendable {
    /// Send the token with STATUS_MORE_PROCESSING_REQUIRED and wait for the next.
    case more(token: [UInt8])
    case done(token: [UInt8], AuthenticatedUser)
    /// - reason: in words, where the control plane gives them.
    case failed(NTStatus, reason: RefusalReason? = nil)
    /// The same, to be told only after a while: too many logins have failed.
    indirect case late(AuthenticationStep, by: Duration)
}

/// Who has logged in.
public struct AuthenticatedUser: Sendable {
    public var name: String
    public var domain: String
    /// Session.FullSessionKey, [MS-SMB2] 3.3.1.8: the mechanism's key, whole. Of guests and anonymous users it is known
    /// to everybody (zeros), so it protects nothing.
    public var sessionKey: [UInt8]
    public var credentials: Credentials
    public var isGuest: Bool
    public var isAnonymous: Bool
    /// When the ticket ends; nil for never.
    public var expiry: FileTime?
    /// The user has proved who it is, so that only the two of us know the key.
    public var isAuthenticated: Bool { !isGuest && !isAnonymous }

    public init(
        name: String, domain: String, sessionKey: [UInt8], credentials: Credentials,
        isGuest: Bool = false, isAnonymous: Bool = false, expiry: FileTime? = nil
    ) {
        self.name = name
        self.domain = domain
        self.sessionKey = sessionKey
        self.credentials = credentials
        self.isGuest = isGuest
        self.isAnonymous = isAnonymous
        self.expiry = expiry
    }
}

extension AuthenticatedUser: HoldsSecret {
    public var description: String { "\(domain)\\\(name)" }
}

public enum TreeDecision: Sendable {
    /// - writable: false makes every change STATUS_ACCESS_DENIED (the share, or the user's place in `read list`).
    /// - administrator: file operations run as root (`admin users`).
    /// - readOnly: why it is not writable.
    /// - credentials: other than the session's where the share says `force user` / `force group`.
    case granted(share: Share, isWritable: Bool, credentials: Credentials, readOnly: RefusalReason? = nil)
    case refused(NTStatus, reason: RefusalReason? = nil)
}
