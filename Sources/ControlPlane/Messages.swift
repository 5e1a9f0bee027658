import NTTypes
import Platform

/// Everything the data plane asks of the control plane, in one place: the boundary between the process that acts on
/// files as root and the process that reads logins and accounts. Both ends check lengths; neither trusts the other.
///
/// Each message is one datagram on a SOCK_SEQPACKET socket pair: the number of the request (32 bits, little-endian) and
/// the message of at most `byteCountMax` bytes. A channel carries one request and then its answer; between them the
/// control plane may ask back (`DataPlaneQuery`), as far as that request allows (`QueryScope`). Whatever outlives a
/// request is the data plane's, so that a control plane that was killed and started again can answer the next one; of
/// pipes it is given what the one before has told of them (`PipeRecord`).
public enum ControlPlaneRequest: Equatable, Sendable {
    /// Largest encoded request or answer, in bytes.
    public static let byteCountMax = 192 << 10

    /// Data plane, once the control plane was started: the SPNEGO hint for NEGOTIATE. Answer: `token`. That it comes
    /// means that the control plane is ready.
    case initialToken
    /// Data plane, for each SESSION_SETUP. Answer: `authenticationContinues`, `authenticated`, `refused`, or
    /// `exchangeUnknown` if `isContinued` and this process has not seen the steps before.
    /// - exchange: the data plane's name for this login, unique in its life.
    case authenticate(exchange: UInt64, isContinued: Bool, token: [UInt8], remoteAddress: String)
    /// Data plane, after `exchangeUnknown`: the steps so far, for the control plane to take them again. Answer:
    /// `acknowledged`, or `refused` when that leads elsewhere than it did.
    /// - tokens: the client's and the server's in turn, an even number.
    case resumeExchange(exchange: UInt64, tokens: [[UInt8]])
    /// Data plane, when a login is not going on; nobody waits for the answer, `acknowledged`.
    case abandon(exchange: UInt64)
    /// Data plane, for TREE_CONNECT. Answer: `treeGranted` or `refused`.
    /// - user, isGuest, isAnonymous: as `authenticated` gave them.
    /// - groupIDs: all groups of the session.
    /// - connectionCount: tree connects of this share that there are already.
    case connectTree(
        share: String, user: String, isGuest: Bool, isAnonymous: Bool, groupIDs: [UInt32], connectionCount: UInt32,
        remoteAddress: String)
    /// Data plane, every other second. Answer: `acknowledged`.
    /// - isVerbose: each login is to be told in the log.
    case heartbeat(isVerbose: Bool)
    /// Data plane, for named pipes; see there.
    case pipe(PipeRequest)

    /// Whether this is one of the answers that stand with the request. Whoever gives another is no control plane.
    func isAnswered(by answer: ControlPlaneAnswer) -> Bool {
        switch (self, answer) {
        case (.initialToken, .token): true
        case (.authenticate, .authenticationContinues), (.authenticate, .authenticated), (.authenticate, .late): true
        case (.authenticate(_, let isContinued, _, _), .exchangeUnknown): isContinued
        case (.resumeExchange, .acknowledged), (.abandon, .acknowledged), (.heartbeat, .acknowledged): true
        case (.connectTree(let asked, _, _, _, _, _, _), .treeGranted(let granted, _)):
            asked.lowercased() == granted.lowercased()
        case (.pipe(.transact), .pipe), (.pipe(.transact), .exchangeUnknown): true
        case (.pipe(.find), .acknowledged), (.pipe(.open), .acknowledged), (.pipe(.close), .acknowledged): true
        case (.authenticate, .refused), (.resumeExchange, .refused), (.connectTree, .refused), (.pipe, .refused): true
        default: false
        }
    }
}

public enum ControlPlaneAnswer: Equatable, Sendable {
    /// Longest delay of an answer, in milliseconds.
    public static let delayMax: UInt32 = 10_000

    case acknowledged
    case token([UInt8])
    case authenticationContinues(token: [UInt8])
    case authenticated(token: [UInt8], LoginOutcome)
    /// - status: an NTSTATUS, an error.
    /// - reason: for the record of denials and for people; the client does not get it.
    case refused(status: UInt32, reason: RefusalReason? = nil)
    /// `authenticated` or `refused`, after `authenticate`: the client is to hear of it only so much later.
    /// - milliseconds: at most `delayMax`.
    indirect case late(ControlPlaneAnswer, milliseconds: UInt32)
    case exchangeUnknown
    /// - share: its name as configured; what it is, and as whom its files are touched, the data plane knows from the
    ///   same configuration.
    /// - readOnly: why nothing may be changed; nil where the client may write.
    case treeGranted(share: String, readOnly: RefusalReason?)
    case pipe(PipeAnswer)
}

/// Who has logged in. Names only: which account of this system that is, the data plane finds out itself.
public struct LoginOutcome: Equatable, Sendable {
    public static let sessionKeyByteCountMax = 64
    /// Longest token for a client, in bytes: it goes into a message whose length field has 16 bits.
    public static let tokenByteCountMax = 32 << 10
    /// Longest user or domain name, in bytes.
    public static let nameByteCountMax = 1024

    public var user: String
    public var domain: String
    /// Without an account of its name on this system the user is not let in; otherwise it is as who has the least
    /// rights: the account of guests.
    public var mustHaveAccount: Bool
    /// As the mechanism gave it.
    public var sessionKey: [UInt8]
    public var isGuest: Bool
    public var isAnonymous: Bool
    /// FILETIME, 0 for never.
    public var expiry: UInt64

    public init(
        user: String, domain: String, mustHaveAccount: Bool, sessionKey: [UInt8], isGuest: Bool, isAnonymous: Bool,
        expiry: UInt64
    ) {
        self.user = user
        self.domain = domain
        self.mustHaveAccount = mustHaveAccount
        self.sessionKey = sessionKey
        self.isGuest = isGuest
        self.isAnonymous = isAnonymous
        self.expiry = expiry
    }
}

extension LoginOutcome: HoldsSecret {
    public var description: String { "\(domain)\\\(user)" }
}
