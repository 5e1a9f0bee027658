/// SID_NAME_USE, [MS-LSAT] 2.2.13.
public enum AccountKind: UInt16, Sendable {
    case user = 1
    case group = 2
    case domain = 3
    /// A local group.
    case alias = 4
    case wellKnownGroup = 5
    case unknown = 8
}

/// A user, a group, or another thing with a SID and a name.
public struct AccountDescription: Equatable, Sendable {
    public var kind: AccountKind
    public var name: String
    /// The domain that the name belongs to; of a domain itself, its name once more.
    public var domain: String
    public var sid: SID
    /// The name of a person, where it is known.
    public var fullName: String

    public init(kind: AccountKind, name: String, domain: String, sid: SID, fullName: String = "") {
        self.kind = kind
        self.name = name
        self.domain = domain
        self.sid = sid
        self.fullName = fullName
    }

    /// The SID of the domain that it belongs to.
    var domainSID: SID { kind == .domain ? sid : sid.domain ?? sid }
}

/// The names and SIDs that every Windows has, [MS-DTYP] 2.4.2.4.
enum KnownAccounts {
    static let builtinDomain = SID(5, 32)
    private static func wellKnown(_ name: String, _ domain: String, _ sid: SID) -> AccountDescription {
        AccountDescription(kind: .wellKnownGroup, name: name, domain: domain, sid: sid)
    }
    private static func builtin(_ name: String, _ relativeID: UInt32) -> AccountDescription {
        AccountDescription(kind: .alias, name: name, domain: "BUILTIN", sid: builtinDomain.appending(relativeID))
    }

    static let aliases = [
        builtin("Administrators", 544), builtin("Users", 545), builtin("Guests", 546),
    ]
    /// Groups of Windows that have names here, in descriptors that come from there, and no members.
    private static let memberless = [
        builtin("Power Users", 547), builtin("Account Operators", 548), builtin("Server Operators", 549),
        builtin("Print Operators", 550), builtin("Backup Operators", 551), builtin("Replicator", 552),
        builtin("Pre-Windows 2000 Compatible Access", 554), builtin("Remote Desktop Users", 555),
        builtin("Network Configuration Operators", 556), builtin("Distributed COM Users", 562),
    ]
    private static let universal = [
        wellKnown("NULL SID", "", SID(0, 0)), wellKnown("Everyone", "", SID(1, 0)),
        wellKnown("LOCAL", "", SID(2, 0)), wellKnown("CONSOLE LOGON", "", SID(2, 1)),
        wellKnown("CREATOR OWNER", "", SID(3, 0)), wellKnown("CREATOR GROUP", "", SID(3, 1)),
        wellKnown("CREATOR OWNER SERVER", "", SID(3, 2)), wellKnown("CREATOR GROUP SERVER", "", SID(3, 3)),
        wellKnown("OWNER RIGHTS", "", SID(3, 4)),
    ]
    /// By their relative identifier below S-1-5.
    private static let ofAuthority: [(UInt32, String)] = [
        (1, "DIALUP"), (2, "NETWORK"), (3, "BATCH"), (4, "INTERACTIVE"), (6, "SERVICE"), (7, "ANONYMOUS LOGON"),
        (8, "PROXY"), (9, "ENTERPRISE DOMAIN CONTROLLERS"), (10, "SELF"), (11, "Authenticated Users"),
        (12, "RESTRICTED"), (13, "TERMINAL SERVER USER"), (14, "REMOTE INTERACTIVE LOGON"),
        (15, "This Organization"), (17, "IUSR"), (18, "SYSTEM"), (19, "LOCAL SERVICE"), (20, "NETWORK SERVICE"),
    ]
    static let all =
        aliases + memberless
        + [AccountDescription(kind: .domain, name: "BUILTIN", domain: "BUILTIN", sid: builtinDomain)] + universal
        + ofAuthority.map { wellKnown($1, "NT AUTHORITY", SID(5, $0)) }

    /// The group of Windows that every user of a computer without domain is in.
    static let noneRelativeID: UInt32 = 513
    static func none(in domain: AccountDescription) -> AccountDescription {
        AccountDescription(
            kind: .group, name: "None", domain: domain.name, sid: domain.sid.appending(noneRelativeID))
    }

    static func account(_ sid: SID) -> AccountDescription? { all.first { $0.sid == sid } }
    static func account(named name: String, domain: String?) -> AccountDescription? {
        all.first { account in
            account.name.lowercased() == name.lowercased()
                && (domain == nil || account.domain.lowercased() == domain?.lowercased())
        }
    }
}

extension RPCCall {
    /// As `ServerData.resolve`; those who have not proved who they are learn nothing of the server's own accounts.
    func resolve(_ sid: SID) -> AccountDescription? {
        caller.isAuthenticated ? server.resolve(sid) : KnownAccounts.account(sid)
    }
    func resolve(_ name: String) -> AccountDescription? {
        caller.isAuthenticated ? server.resolve(name) : KnownAccounts.account(named: name, domain: nil)
    }
}

extension ServerData {
    /// Whom a SID stands for: those that everybody knows, this server's domain, the server's own accounts.
    func resolve(_ sid: SID) -> AccountDescription? {
        if let known = KnownAccounts.account(sid) { return known }
        let domain = accountDomain
        if sid == domain.sid { return domain }
        let none = KnownAccounts.none(in: domain)
        return sid == none.sid ? none : account(sid)
    }

    /// Who is meant by a name: `name`, `domain\name`, `name@domain`, or a domain's own name; [MS-LSAT] 3.1.4.5.
    func resolve(_ text: String) -> AccountDescription? {
        let (name, domain) = Self.parts(of: text)
        // Windows takes nothing at all for the domain Builtin.
        if name.isEmpty { return domainAccount(domain ?? "BUILTIN") }
        if let known = KnownAccounts.account(named: name, domain: domain) { return known }
        if let found = account(named: name, domain: domain) { return found }
        let none = KnownAccounts.none(in: accountDomain)
        if name.lowercased() == none.name.lowercased(),
            domain == nil || domain?.lowercased() == none.domain.lowercased()
        {
            return none
        }
        return domain == nil ? domainAccount(name) : nil
    }

    private func domainAccount(_ name: String) -> AccountDescription? {
        let domain = accountDomain
        if name.lowercased() == domain.name.lowercased() { return domain }
        return KnownAccounts.all.first { $0.kind == .domain && $0.name.lowercased() == name.lowercased() }
    }

    private static func parts(of text: String) -> (name: String, domain: String?) {
        let parts = text.split(separator: "\\", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { return (String(parts[1]), parts[0].isEmpty ? nil : String(parts[0])) }
        if let at = text.lastIndex(of: "@"), at != text.startIndex {
            return (String(text[..<at]), String(text[text.index(after: at)...]))
        }
        return (text, nil)
    }
}
