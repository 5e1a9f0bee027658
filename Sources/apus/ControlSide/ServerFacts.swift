import Configuration
import DCERPC
import NTTypes
import Platform
import SMBCrypto

/// What the RPC services tell, from the configuration.
final class ServerFacts: ServerData {
    private let settings: Mutex<LoginService.Settings>
    private let system: any SystemAccounts
    private let domainSID: SID
    private let clock: @Sendable () -> FileTime
    /// Files are touched as the users who log in, so that root among them is root.
    let actsAsUsers: Bool

    init(
        settings: LoginService.Settings, domainSID: SID, system: any SystemAccounts, actsAsUsers: Bool,
        now: @escaping @Sendable () -> FileTime
    ) {
        self.settings = Mutex(settings)
        self.domainSID = domainSID
        self.system = system
        self.actsAsUsers = actsAsUsers
        clock = now
    }

    func replace(_ new: LoginService.Settings) { settings.withLock { $0 = new } }
    private var configuration: ServerConfiguration { settings.withLock { $0.configuration } }

    var server: ServerDescription {
        let current = configuration
        return ServerDescription(name: current.name, workgroup: current.workgroup, comment: current.comment)
    }
    func randomUInt64() -> UInt64 { randomBytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } }
    func now() -> FileTime { clock() }

    func shares() -> [ShareDescription] {
        let current = configuration
        let disks = current.shares.map { share in
            ShareDescription(
                name: share.name, comment: share.comment, kind: .disk, path: share.path,
                isBrowseable: share.isBrowseable,
                connectionCountMax: share.connectionCountMax > 0 ? UInt32(clamping: share.connectionCountMax) : nil,
                requiresEncryption: share.encryption == .required)
        }
        return disks + [
            ShareDescription(name: "IPC$", comment: "IPC Service (\(current.comment))", kind: .pipes, path: "")
        ]
    }

    func sessions() -> [SessionDescription] { [] }
    func treeConnects() -> [TreeConnectDescription] { [] }
    func openFiles() -> [OpenFileDescription] { [] }
    func closeFile(_: UInt32) -> Bool { false }
    func endSessions(client _: String?, user _: String?) -> Bool { false }
}

/// Accounts: Linux's users and groups, each with two SIDs. S-1-22-1-UID and S-1-22-2-GID are Samba's for all of them,
/// and what descriptors of files hold. In the server's own domain, where clients look for names, relative identifiers
/// are made from the numbers: 2 * UID + 1000 and 2 * GID + 1001, Samba's and ksmbd's rule too.
extension ServerFacts {
    private static let unixUsers = SID(22, 1)
    private static let unixGroups = SID(22, 2)

    var accountDomain: AccountDescription {
        let name = configuration.name.uppercased()
        return AccountDescription(kind: .domain, name: name, domain: name, sid: domainSID)
    }

    func users() -> [AccountDescription] {
        let names = settings.withLock { $0.users.users.map(\.name) }
        return names.compactMap(user)
    }

    /// Who has a password here. The account of Linux of that name gives the number; without one there is no number that
    /// would not be somebody else's, so such a user has no SID.
    private func user(_ name: String) -> AccountDescription? {
        guard let number = system.userID(of: name), number <= Self.numberMax else { return nil }
        return AccountDescription(
            kind: .user, name: name, domain: accountDomain.name, sid: domainSID.appending(2 * number + 1000))
    }
    private static var numberMax: UInt32 { (UInt32.max - 1001) / 2 }

    func account(_ sid: SID) -> AccountDescription? {
        guard let last = sid.subauthorities.last else { return nil }
        let domain = SID(authority: sid.authority, subauthorities: sid.subauthorities.dropLast())
        switch domain {
        case Self.unixUsers:
            return unix(.user, system.userName(of: last) ?? "\(last)", "Unix User", sid)
        case Self.unixGroups:
            return unix(.alias, system.groupName(of: last) ?? "\(last)", "Unix Group", sid)
        case domainSID where last >= 1000:
            let isUser = last % 2 == 0
            let name = isUser ? system.userName(of: (last - 1000) / 2) : system.groupName(of: (last - 1001) / 2)
            return name.map { unix(isUser ? .user : .group, $0, accountDomain.name, sid) }
        default: return nil
        }
    }

    private func unix(_ kind: AccountKind, _ name: String, _ domain: String, _ sid: SID) -> AccountDescription {
        AccountDescription(kind: kind, name: name, domain: domain, sid: sid)
    }

    func account(named name: String, domain: String?) -> AccountDescription? {
        switch domain?.lowercased() {
        case "unix user":
            return system.userID(of: name).map { unix(.user, name, "Unix User", Self.unixUsers.appending($0)) }
        case "unix group":
            return system.groupID(of: name).map { unix(.alias, name, "Unix Group", Self.unixGroups.appending($0)) }
        case nil, accountDomain.name.lowercased(), configuration.workgroup.lowercased():
            // Names are as the user database spells them; of groups, as Linux does.
            let known = settings.withLock { $0.users.user(named: name)?.name } ?? name
            if let found = user(known) { return found }
            guard let number = system.groupID(of: name), number <= Self.numberMax else { return nil }
            return unix(.group, name, accountDomain.name, domainSID.appending(2 * number + 1001))
        default: return nil
        }
    }

    func groups(of user: AccountDescription) -> [SID] {
        system.groupIDs(of: user.name).filter { $0 <= Self.numberMax }.map { domainSID.appending(2 * $0 + 1001) }
    }
}
