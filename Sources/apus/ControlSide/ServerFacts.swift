import Configuration
import ControlPlane
import DCERPC
import NTTypes
import Platform
import SMBCrypto

/// What the RPC services tell during one request: from the configuration and the user database, and asked back of the
/// data plane. What the data plane does not answer does not exist.
final class ServerFacts: ServerData {
    private let settings: LoginService.Settings
    private let dataPlane: DataPlaneClient
    private let list: AccountList
    private let clock: @Sendable () -> FileTime
    /// Entries of one list at most; nobody reads more.
    private static let entryCountMax = 16_384

    init(
        settings: LoginService.Settings, dataPlane: DataPlaneClient, list: AccountList,
        now: @escaping @Sendable () -> FileTime
    ) {
        self.settings = settings
        self.dataPlane = dataPlane
        self.list = list
        clock = now
    }

    private var configuration: ServerConfiguration { settings.configuration }

    var server: ServerDescription {
        ServerDescription(
            name: configuration.name, workgroup: configuration.workgroup, comment: configuration.comment)
    }
    func randomUInt64() -> UInt64 { randomBytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } }
    func now() -> FileTime { clock() }

    func shares() -> [ShareDescription] {
        let disks = configuration.shares.map { share in
            ShareDescription(
                name: share.name, comment: share.comment, kind: .disk, path: share.path,
                isBrowseable: share.isBrowseable,
                connectionCountMax: share.connectionCountMax > 0 ? UInt32(clamping: share.connectionCountMax) : nil,
                requiresEncryption: share.encryption == .required)
        }
        return disks + [
            ShareDescription(name: "IPC$", comment: "IPC Service (\(configuration.comment))", kind: .pipes, path: "")
        ]
    }

    // MARK: what is open

    func sessions(of user: String?) -> [SessionDescription] {
        list(DataPlaneQuery.sessions, user, identifier: \.identifier) { fact in
            if case .sessions(let part) = fact { part } else { nil }
        }.map { entry in
            SessionDescription(
                user: entry.user, client: entry.client, isGuest: entry.isGuest, openFileCount: entry.openFileCount,
                age: entry.age, idleTime: 0)
        }
    }

    func treeConnects(of user: String?) -> [TreeConnectDescription] {
        list(DataPlaneQuery.treeConnects, user, identifier: \.identifier) { fact in
            if case .treeConnects(let part) = fact { part } else { nil }
        }.map { entry in
            TreeConnectDescription(
                identifier: UInt32(truncatingIfNeeded: entry.identifier), share: entry.share, user: entry.user,
                client: entry.client, openFileCount: entry.openFileCount, age: entry.age)
        }
    }

    func openFiles(of user: String?) -> [OpenFileDescription] {
        list(DataPlaneQuery.openFiles, user, identifier: \.identifier) { fact in
            if case .openFiles(let part) = fact { part } else { nil }
        }.map { entry in
            OpenFileDescription(
                identifier: UInt32(truncatingIfNeeded: entry.identifier), path: entry.path, share: entry.share,
                user: entry.user, lockCount: entry.lockCount, access: entry.access)
        }
    }

    /// All parts of a list.
    private func list<Entry>(
        _ query: (String?, UInt64) -> DataPlaneQuery, _ user: String?, identifier: (Entry) -> UInt64,
        part: (DataPlaneFact) -> [Entry]?
    ) -> [Entry] {
        var entries: [Entry] = []
        var last: UInt64 = 0
        while entries.count < Self.entryCountMax, let fact = dataPlane.ask(query(user, last)),
            let next = part(fact), let end = next.last.map(identifier), end > last
        {
            entries += next
            last = end
        }
        return entries
    }

    func closeFile(_ identifier: UInt32) -> Bool { dataPlane.ask(.closeFile(identifier: identifier)) == .done(true) }
    func endSessions(client: String?, user: String?) -> Bool {
        dataPlane.ask(.endSessions(client: client, user: user)) == .done(true)
    }

    // MARK: shares that change

    func addShare(_ share: ShareDescription) -> ShareChangeOutcome {
        change(
            .addShare(
                name: share.name, path: share.path, comment: share.comment,
                connectionCountMax: share.connectionCountMax ?? 0))
    }

    func changeShare(_ name: String, comment: String?, connectionCountMax: UInt32?) -> ShareChangeOutcome {
        change(.changeShare(name: name, comment: comment, connectionCountMax: connectionCountMax))
    }

    func removeShare(_ name: String) -> ShareChangeOutcome { change(.removeShare(name: name)) }

    private func change(_ query: DataPlaneQuery) -> ShareChangeOutcome {
        guard case .shareChange(let change)? = dataPlane.ask(query) else { return .failed }
        return switch change {
        case .done: .done
        case .forbidden: .forbidden
        case .exists: .exists
        case .missing: .missing
        case .noFolder: .noFolder
        case .unwritable: .unwritable
        case .failed: .failed
        }
    }

    // MARK: accounts

    var accountDomain: AccountDescription {
        let name = configuration.name.uppercased()
        return AccountDescription(kind: .domain, name: name, domain: name, sid: domainSID)
    }

    private var domainSID: SID {
        guard case .numbers(let numbers)? = dataPlane.ask(.domain), numbers.count == 3 else {
            return SID(5, 21, 0, 0, 0)
        }
        return SID(authority: 5, subauthorities: [21] + numbers)
    }

    func users() -> [AccountDescription] {
        let domain = accountDomain
        return list.users { settings.users.users.prefix(Self.entryCountMax).compactMap { user($0.name, in: domain) } }
    }

    func user(relativeID: UInt32) -> AccountDescription? {
        guard relativeID >= 1000, relativeID % 2 == 0, let name = name(.userName(number: (relativeID - 1000) / 2)),
            settings.users.has(name)
        else { return nil }
        return user(name, in: accountDomain)
    }

    /// Who has a password here. The account of Linux of that name gives the number; without one there is no number that
    /// would not be somebody else's, so such a user has no SID.
    private func user(_ name: String, in domain: AccountDescription) -> AccountDescription? {
        guard let number = number(.userID(name: name)), number <= Self.numberMax else { return nil }
        return AccountDescription(
            kind: .user, name: name, domain: domain.name, sid: domain.sid.appending(2 * number + 1000))
    }
    private static var numberMax: UInt32 { (UInt32.max - 1001) / 2 }

    private func number(_ query: DataPlaneQuery) -> UInt32? {
        if case .number(let number)? = dataPlane.ask(query) { number } else { nil }
    }
    private func name(_ query: DataPlaneQuery) -> String? {
        if case .name(let name)? = dataPlane.ask(query) { name } else { nil }
    }

    /// Linux's users and groups have two SIDs each. S-1-22-1-UID and S-1-22-2-GID are Samba's for all of them, and what
    /// descriptors of files hold. In the server's own domain relative identifiers are made from the numbers:
    /// 2 * UID + 1000 and 2 * GID + 1001, Samba's and ksmbd's rule too.
    /// Users with a password here have their names there.
    func account(_ sid: SID) -> AccountDescription? {
        guard let last = sid.subauthorities.last else { return nil }
        let parent = SID(authority: sid.authority, subauthorities: sid.subauthorities.dropLast())
        func unix(_ kind: AccountKind, _ name: String, _ domain: String) -> AccountDescription {
            AccountDescription(kind: kind, name: name, domain: domain, sid: sid)
        }
        if parent == Self.unixUsers { return unix(.user, name(.userName(number: last)) ?? "\(last)", "Unix User") }
        if parent == Self.unixGroups { return unix(.group, name(.groupName(number: last)) ?? "\(last)", "Unix Group") }
        let domain = accountDomain
        guard parent == domain.sid, last >= 1000 else { return nil }
        if last % 2 == 0 { return name(.userName(number: (last - 1000) / 2)).map { unix(.user, $0, domain.name) } }
        return name(.groupName(number: (last - 1001) / 2)).map { unix(.group, $0, domain.name) }
    }
    private static let unixUsers = SID(22, 1)
    private static let unixGroups = SID(22, 2)

    func account(named name: String, domain: String?) -> AccountDescription? {
        func unix(_ kind: AccountKind, _ domain: String, _ sid: SID) -> AccountDescription {
            AccountDescription(kind: kind, name: name, domain: domain, sid: sid)
        }
        let own = accountDomain
        switch domain?.lowercased() {
        case "unix user":
            return number(.userID(name: name)).map { unix(.user, "Unix User", Self.unixUsers.appending($0)) }
        case "unix group":
            return number(.groupID(name: name)).map { unix(.group, "Unix Group", Self.unixGroups.appending($0)) }
        case nil, own.name.lowercased():
            // Those of the user database, as it spells them; without a domain, all that Linux knows besides.
            if let known = settings.users.user(named: name), let found = user(known.name, in: own) { return found }
            guard domain == nil else { return nil }
            return account(named: name, domain: "Unix User") ?? account(named: name, domain: "Unix Group")
        default: return nil
        }
    }
}

/// Those who have a password here, with their numbers. Each is asked for, and there may be thousands, so that the list
/// is kept for a while; whoever wants it meanwhile waits for it, and does not have it made once more.
final class AccountList: Sendable {
    private static let age: UInt64 = 60_000_000_000
    private let kept = Mutex<(users: [AccountDescription], end: UInt64)?>(nil)

    func users(_ make: () -> [AccountDescription]) -> [AccountDescription] {
        kept.withLock { kept in
            if let kept, Uptime.nanoseconds < kept.end { return kept.users }
            let users = make()
            kept = (users, Uptime.nanoseconds + Self.age)
            return users
        }
    }
}
