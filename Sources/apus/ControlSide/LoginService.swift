import Authentication
import CLinux
import Configuration
import ControlPlane
import Glibc
import NTTypes
import Platform

/// The control plane: accounts, logins and share rules. It hears of the data plane only through `ControlPlaneRequest`.
final class LoginService: ControlPlaneHandler {
    /// What was read when the process started; a reload starts another process.
    struct Settings: Sendable {
        var configuration: ServerConfiguration
        var users: UserDatabase
        /// For messages.
        var usersPath = ""
        /// The groups that the configuration names, by name.
        var groupIDs: [String: UInt32] = [:]
        /// nil where tickets are not taken.
        var kerberos: KerberosService?
    }
    private struct Exchange {
        var login: AuthenticationExchange
        var accounts: Accounts
        var start: Int
    }
    /// Logins under way at once; more than that is an attack, and the oldest gives way.
    private static let exchangeCountMax = 4096
    let settings: Settings
    private let pipes = PipeTable()
    private let list = AccountList()
    private let exchanges = Mutex<[UInt64: Exchange]>([:])
    private let delays = Mutex(LoginDelays())
    private let now: @Sendable () -> FileTime
    private let log: @Sendable (String) -> Void

    init(settings: Settings, now: @escaping @Sendable () -> FileTime, log: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.now = now
        self.log = log
    }

    func answer(_ request: ControlPlaneRequest, asking dataPlane: DataPlaneClient) -> ControlPlaneAnswer {
        guard case .pipe(let request) = request else { return answer(request) }
        return pipes.answer(request, ServerFacts(settings: settings, dataPlane: dataPlane, list: list, now: now))
    }

    /// Of requests other than those of pipes, which want a data plane to ask back.
    func answer(_ request: ControlPlaneRequest) -> ControlPlaneAnswer {
        switch request {
        case .initialToken:
            return .token(AuthenticationExchange.initialToken(offersKerberos: settings.kerberos != nil))
        case .authenticate(let exchange, let isContinued, let token, let address):
            return step(exchange, isContinued, token, address)
        case .resumeExchange(let exchange, let tokens): return resume(exchange, tokens)
        case .abandon(let exchange):
            end(exchange)
            return .acknowledged
        case .connectTree(
            let share, let user, let isGuest, let isAnonymous, let groupIDs, let connectionCount, let address):
            let client = ShareRules.Client(
                user: user, isGuest: isGuest, isAnonymous: isAnonymous, groupIDs: groupIDs, address: address)
            return connect(share, client, Int(connectionCount))
        case .heartbeat(let isVerbose):
            LogLevel.current = isVerbose ? .debug : .info
            return .acknowledged
        case .pipe: return refused(.notSupported)
        }
    }

    /// Has the libraries open and read what they need for a login, while they may.
    func warmUp() {
        var client = NTLMClient(user: "nobody", password: "")
        let login = AuthenticationExchange(policy: policy, accounts: Accounts(users: settings.users), now: now())
        guard case .more(let challenge) = login.step(client.initialToken()), let answer = try? client.step(challenge)
        else { return }
        _ = login.step(answer)
    }

    // MARK: logins

    private func step(_ id: UInt64, _ isContinued: Bool, _ token: [UInt8], _ address: String) -> ControlPlaneAnswer {
        let known = exchanges.withLock { $0[id] }
        if isContinued, known == nil { return .exchangeUnknown }
        let exchange = known ?? begin(id)
        let network = ClientNetwork.name(of: address)
        switch exchange.login.step(token) {
        case .more(let token): return .authenticationContinues(token: token)
        case .failed(let status):
            end(id)
            let reason = reason(status, exchange.login.claimedUser)
            log("\(address): login refused: \(reason.rule)")
            let delay = delays.withLock {
                $0.failed(address: network, account: exchange.accounts.lastAsked, now: Self.uptime)
            }
            return ControlPlaneAnswer.refused(status: status.rawValue, reason: reason).late(by: delay)
        case .done(let token, let done):
            end(id)
            guard done.user.utf8.count <= LoginOutcome.nameByteCountMax,
                done.domain.utf8.count <= LoginOutcome.nameByteCountMax
            else { return refused(.logonFailure) }
            if LogLevel.current == .debug {
                log("\(address): \(done.isAnonymous ? "anonymous" : "'\(done.user)'") logged in")
            }
            let delay = delays.withLock {
                $0.succeeded(address: network, account: exchange.accounts.lastAsked, now: Self.uptime)
            }
            return .authenticated(token: token, outcome(done)).late(by: delay)
        }
    }

    /// Seconds.
    private static var uptime: Int {
        var time = timespec()
        // SAFETY: the structure outlives the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }

    private func outcome(_ login: Login) -> LoginOutcome {
        LoginOutcome(
            user: login.user, domain: login.domain, mustHaveAccount: login.mustHaveAccount,
            sessionKey: login.sessionKey, isGuest: login.isGuest, isAnonymous: login.isAnonymous,
            expiry: login.expiry?.rawValue ?? 0)
    }

    private var policy: AuthenticationPolicy {
        let configuration = settings.configuration
        var policy = AuthenticationPolicy(computerName: configuration.name, domainName: configuration.name)
        policy.allowsNTLMv1 = configuration.allowsNTLMv1
        policy.mapsUnknownUserToGuest = configuration.mapsUnknownUserToGuest
        return policy
    }

    private func begin(_ id: UInt64) -> Exchange {
        let accounts = Accounts(users: settings.users)
        let login = AuthenticationExchange(
            policy: policy, accounts: accounts, kerberos: settings.kerberos, now: now())
        let exchange = Exchange(login: login, accounts: accounts, start: Self.uptime)
        remember(exchange, id)
        return exchange
    }

    private func remember(_ exchange: Exchange, _ id: UInt64) {
        exchanges.withLock { exchanges in
            if exchanges.count >= Self.exchangeCountMax,
                let oldest = exchanges.min(by: { $0.value.start < $1.value.start })
            {
                exchanges[oldest.key] = nil
            }
            exchanges[id] = exchange
        }
    }

    /// Takes up a login that began with a control plane which is no more.
    private func resume(_ id: UInt64, _ tokens: [[UInt8]]) -> ControlPlaneAnswer {
        let accounts = Accounts(users: settings.users)
        let login = AuthenticationExchange(
            replaying: tokens, policy: policy, accounts: accounts, kerberos: settings.kerberos, now: now())
        guard let login else { return refused(.logonFailure) }
        remember(Exchange(login: login, accounts: accounts, start: Self.uptime), id)
        return .acknowledged
    }

    private func end(_ id: UInt64) { _ = exchanges.withLock { $0.removeValue(forKey: id) } }

    // MARK: tree connects

    private func connect(_ name: String, _ client: ShareRules.Client, _ connectionCount: Int) -> ControlPlaneAnswer {
        let admission = settings.configuration.admit(
            client, to: name, groupIDs: settings.groupIDs, connectionCount: connectionCount)
        switch admission {
        case .refused(let status, let reason):
            log("\(client.address): '\(client.user)' may not use [\(name)]: \(reason.rule)")
            return .refused(status: status.rawValue, reason: reason)
        case .granted(let share, _, _, _, let readOnly): return .treeGranted(share: share, readOnly: readOnly)
        }
    }

    private func refused(_ status: NTStatus) -> ControlPlaneAnswer { .refused(status: status.rawValue) }
}

extension ControlPlaneAnswer {
    fileprivate func late(by milliseconds: UInt32) -> ControlPlaneAnswer {
        milliseconds == 0 ? self : .late(self, milliseconds: milliseconds)
    }
}

/// The user database as one login asks it.
private final class Accounts: AccountDatabase {
    private let users: UserDatabase
    private let asked = Mutex<String?>(nil)
    init(users: UserDatabase) { self.users = users }
    /// Who was asked for, be there such a user or not.
    var lastAsked: String? { asked.withLock { $0 } }

    func account(named name: String) -> Account? {
        asked.withLock { $0 = name }
        return users.user(named: name).map { Account(name: $0.name, ntHash: $0.passwordHash) }
    }
}
