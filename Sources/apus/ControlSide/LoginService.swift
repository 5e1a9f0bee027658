import Authentication
import Configuration
import ControlPlane
import DCERPC
import Glibc
import NTTypes
import Platform

/// The control plane: accounts, logins and share rules. It hears of the data plane only through `ControlPlaneRequest`.
final class LoginService: ControlPlaneHandler {
    /// What a reload replaces as a whole.
    struct Settings: Sendable {
        var configuration: ServerConfiguration
        var users: UserDatabase
    }
    private struct Exchange {
        var login: AuthenticationExchange
        var start: Int
    }
    private struct State {
        var exchanges: [UInt64: Exchange] = [:]
        var connectionCounts: [String: Int] = [:]
    }
    /// Logins under way at once; more than that is an attack, and the oldest gives way.
    private static let exchangeCountMax = 4096
    private let settings: Mutex<Settings>
    private let state = Mutex(State())
    private let now: @Sendable () -> FileTime
    private let log: @Sendable (String) -> Void
    private let actsAsUsers: Bool
    private let facts: ServerFacts
    private let pipes: PipeTable

    init(
        settings: Settings, domainSID: SID, actsAsUsers: Bool, now: @escaping @Sendable () -> FileTime,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.settings = Mutex(settings)
        self.actsAsUsers = actsAsUsers
        self.now = now
        self.log = log
        facts = ServerFacts(
            settings: settings, domainSID: domainSID, system: UnixNames(), actsAsUsers: actsAsUsers, now: now)
        pipes = PipeTable(server: facts)
    }

    func replace(_ new: Settings) {
        settings.withLock { $0 = new }
        facts.replace(new)
    }

    func answer(_ request: ControlPlaneRequest) -> ControlPlaneAnswer {
        switch request {
        case .initialToken: return .token(AuthenticationExchange.initialToken())
        case .authenticate(let exchange, let token, let address): return step(exchange, token, address)
        case .abandon(let exchange):
            _ = state.withLock { $0.exchanges.removeValue(forKey: exchange) }
            return .acknowledged
        case .connectTree(
            let share, let user, let isGuest, let isAnonymous, let userID, let groupID, let groupIDs, let address):
            return connect(
                share,
                ShareRules.Client(
                    user: user, isGuest: isGuest, isAnonymous: isAnonymous, groupIDs: [groupID] + groupIDs,
                    address: address),
                UnixAccounts.Identity(userID: userID, groupID: groupID, groups: groupIDs))
        case .disconnectTree(let share, _):
            state.withLock { $0.connectionCounts[share.lowercased(), default: 1] -= 1 }
            return .acknowledged
        case .logOut, .heartbeat: return .acknowledged
        case .pipe(let request): return pipes.answer(request)
        }
    }

    // MARK: logins

    private func step(_ id: UInt64, _ token: [UInt8], _ address: String) -> ControlPlaneAnswer {
        let login = state.withLock { $0.exchanges[id]?.login } ?? begin(id)
        switch login.step(token) {
        case .more(let token): return .authenticationContinues(token: token)
        case .failed(let status):
            end(id)
            log("\(address): login refused: \(status)")
            return .refused(status: status.rawValue)
        case .done(let token, let done):
            end(id)
            guard let identity = identity(for: done) else {
                log("\(address): there is neither an account '\(done.user)' on this system nor the guest account")
                return .refused(status: NTStatus.logonFailure.rawValue)
            }
            log("\(address): \(done.isAnonymous ? "anonymous" : "'\(done.user)'") logged in")
            return .authenticated(
                token: token, user: done.user, domain: done.domain, sessionKey: done.sessionKey,
                userID: identity.userID, groupID: identity.groupID, groupIDs: identity.groups, isGuest: done.isGuest,
                isAnonymous: done.isAnonymous, expiry: 0)
        }
    }

    private func begin(_ id: UInt64) -> AuthenticationExchange {
        let current = settings.withLock { $0 }
        let configuration = current.configuration
        var policy = AuthenticationPolicy(computerName: configuration.name, domainName: configuration.name)
        policy.allowsNTLMv1 = configuration.allowsNTLMv1
        policy.mapsUnknownUserToGuest = configuration.mapsUnknownUserToGuest
        let login = AuthenticationExchange(policy: policy, accounts: Accounts(users: current.users), now: now())
        var time = timespec()
        // SAFETY: the structure outlives the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        state.withLock { state in
            if state.exchanges.count >= Self.exchangeCountMax,
                let oldest = state.exchanges.min(by: { $0.value.start < $1.value.start })
            {
                state.exchanges[oldest.key] = nil
            }
            state.exchanges[id] = Exchange(login: login, start: time.tv_sec)
        }
        return login
    }

    private func end(_ id: UInt64) { _ = state.withLock { $0.exchanges.removeValue(forKey: id) } }

    /// As whom the user's files are touched. A server without root can only be itself.
    private func identity(for login: Login) -> UnixAccounts.Identity? {
        guard actsAsUsers else { return UnixAccounts.own }
        if !login.isGuest, !login.isAnonymous, let own = UnixAccounts.identity(of: login.user) { return own }
        // Who has a password here but no account on this system touches files with the least rights there are.
        return UnixAccounts.identity(of: settings.withLock { $0.configuration.guestAccount })
    }

    // MARK: tree connects

    private func connect(
        _ name: String, _ client: ShareRules.Client, _ identity: UnixAccounts.Identity
    ) -> ControlPlaneAnswer {
        let configuration = settings.withLock { $0.configuration }
        if name.lowercased() == "ipc$" {
            guard configuration.restrictAnonymous == 0 || !(client.isGuest || client.isAnonymous) else {
                return refused(.accessDenied)
            }
            return granted("IPC$", true, identity)
        }
        guard let share = configuration.shares.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            return refused(.badNetworkName)
        }
        let rules = ShareRules(share: share, restrictAnonymous: configuration.restrictAnonymous)
        guard case .granted(let isWritable, let isAdministrator) = rules.decide(client) else {
            log("\(client.address): '\(client.user)' may not use [\(share.name)]")
            return refused(.accessDenied)
        }
        let isFull = state.withLock { state in
            let count = state.connectionCounts[share.name.lowercased(), default: 0]
            if share.connectionCountMax > 0, count >= share.connectionCountMax { return true }
            state.connectionCounts[share.name.lowercased()] = count + 1
            return false
        }
        if isFull { return refused(.requestNotAccepted) }
        return granted(share.name, isWritable, acting(identity, share, isAdministrator))
    }

    private func acting(
        _ identity: UnixAccounts.Identity, _ share: ShareConfiguration, _ isAdministrator: Bool
    ) -> UnixAccounts.Identity {
        guard actsAsUsers else { return identity }
        var identity = identity
        if isAdministrator { identity = UnixAccounts.Identity(userID: 0, groupID: 0, groups: []) }
        if let forced = UnixAccounts.identity(of: share.forceUser), !share.forceUser.isEmpty { identity = forced }
        if let group = UnixAccounts.groupID(of: share.forceGroup), !share.forceGroup.isEmpty {
            identity.groupID = group
        }
        return identity
    }

    private func granted(_ share: String, _ isWritable: Bool, _ identity: UnixAccounts.Identity) -> ControlPlaneAnswer {
        .treeGranted(
            share: share, isWritable: isWritable, userID: identity.userID, groupID: identity.groupID,
            groupIDs: identity.groups)
    }
    private func refused(_ status: NTStatus) -> ControlPlaneAnswer { .refused(status: status.rawValue) }
}

/// The user database as the login code asks it.
private struct Accounts: AccountDatabase {
    let users: UserDatabase
    func account(named name: String) -> Account? {
        users.user(named: name).map { Account(name: $0.name, ntHash: $0.passwordHash) }
    }
}
