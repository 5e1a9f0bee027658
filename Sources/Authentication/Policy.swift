import NTTypes
import Platform

/// An account that may log in with NTLM.
public struct Account: Equatable, Sendable {
    /// In the spelling of the account database.
    public var name: String
    /// MD4 of the password in UTF-16LE: 16 bytes, [MS-NLMP] 3.3.1.
    public var ntHash: [UInt8]

    public init(name: String, ntHash: [UInt8]) {
        self.name = name
        self.ntHash = ntHash
    }
}

extension Account: HoldsSecret {
    public var description: String { name }
}

/// Where accounts come from. Asked on any thread.
public protocol AccountDatabase: Sendable {
    /// The account of that name without regard to case, nil if there is none.
    func account(named name: String) -> Account?
}

/// What a server says of itself in a login, and whom it lets in.
public struct AuthenticationPolicy: Equatable, Sendable {
    /// NetBIOS name of this server, at most 15 characters.
    public var computerName: String
    /// NetBIOS name of the workgroup; for a server without a domain Windows puts its own name here.
    public var domainName: String
    public var dnsComputerName: String
    public var dnsDomainName: String
    /// NTLMv1 can be broken in hours: only for clients that know nothing else.
    public var allowsNTLMv1 = false
    /// Whether a login without a name succeeds (as anonymous, which then sees next to nothing).
    public var allowsAnonymous = true
    /// Whether a name that no account has becomes a guest (`map to guest = bad user`).
    public var mapsUnknownUserToGuest = false

    public init(computerName: String, domainName: String, dnsComputerName: String = "", dnsDomainName: String = "") {
        self.computerName = computerName
        self.domainName = domainName
        self.dnsComputerName = dnsComputerName.isEmpty ? computerName.lowercased() : dnsComputerName
        self.dnsDomainName = dnsDomainName
    }
}

/// Who has logged in.
public struct Login: Equatable, Sendable {
    /// The account's name in the database's spelling; what the client said for a guest; empty for anonymous.
    public var user: String
    /// As the client said it.
    public var domain: String
    /// Session.FullSessionKey: 16 bytes from NTLM, 16 or 32 from Kerberos. Zeros for guests, who share no secret
    /// with the server.
    public var sessionKey: [UInt8]
    public var isGuest = false
    public var isAnonymous = false
    /// The name stands for an account of this system and nothing else: known by a ticket, not by a password here.
    public var mustHaveAccount = false
    /// When the ticket ends; nil for never.
    public var expiry: FileTime?
}

extension Login: HoldsSecret {
    public var description: String { "\(domain)\\\(user)" }
}

/// What a mechanism makes of a client's token.
enum MechanismStep: Equatable, Sendable {
    case more([UInt8])
    case done(Login, token: [UInt8]?)
    case failed(NTStatus)
}

extension Mechanism {
    var claimedUser: String { "" }
}

/// The server's side of one authentication mechanism in one login.
protocol Mechanism: Sendable {
    /// The names under which clients ask for it.
    static var identifiers: [MechanismIdentifier] { get }
    mutating func accept(_ token: [UInt8]) -> MechanismStep
    /// Who the client says it is, as far as it has said so; for messages.
    var claimedUser: String { get }
    /// Whether messages can be signed once the login is done.
    var canSign: Bool { get }
    /// GSS_GetMIC over the first message of the server. Only once, after `.done`, if `canSign`.
    mutating func signature(of message: [UInt8]) -> [UInt8]
    /// GSS_VerifyMIC over the first message of the client. Only once, after `.done`, if `canSign`.
    mutating func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool
}
