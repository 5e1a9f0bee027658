import Authentication
import FileStore
import Glibc
import NTTypes
import Platform
import SMBServer

/// The control plane's decisions without a control plane: two accounts, everybody may use every share.
public final class LocalAccess: AccessControl {
    private struct Accounts: AccountDatabase {
        func account(named name: String) -> Account? {
            guard [EngineHost.user, EngineHost.otherUser].contains(name.lowercased()) else { return nil }
            // MD4 of the password.
            return Account(
                name: name.lowercased(),
                ntHash: [
                    0x7C, 0x4F, 0xE5, 0xEA, 0xDA, 0x68, 0x27, 0x14, 0xA0, 0x36, 0xE3, 0x93, 0x78, 0x36, 0x2B, 0xAB,
                ])
        }
    }

    private let shares: [Share]
    private let world: World
    private let exchanges = Mutex<[UInt64: AuthenticationExchange]>([:])
    private struct Orders {
        var groups: [UInt32] = []
        var delay: Duration?
        var whileConnecting: (@Sendable () -> Void)?
        var whileAuthenticating: (@Sendable () -> Void)?
        /// In microseconds.
        var decisionTime: UInt32 = 0
        var treeCount = 0
        var isWritable: Bool
    }
    private let orders: Mutex<Orders>

    init(shares: [Share], _ isWritable: Bool, _ world: World) {
        self.shares = shares
        orders = Mutex(Orders(isWritable: isWritable))
        self.world = world
    }

    /// Groups of who logs in from now on.
    public func setGroups(_ groups: [UInt32]) { orders.withLock { $0.groups = groups } }
    /// Of shares that are connected from now on, and of all after another login.
    public func setWritable(_ isWritable: Bool) { orders.withLock { $0.isWritable = isWritable } }
    /// The outcome of a login is told so much later.
    public func setDelay(_ delay: Duration?) { orders.withLock { $0.delay = delay } }
    /// Called once, while the next tree connect is being decided.
    public func whileConnectingTree(_ body: @escaping @Sendable () -> Void) {
        orders.withLock { $0.whileConnecting = body }
    }
    /// Called once, while the next login's last step is being decided.
    public func whileAuthenticating(_ body: @escaping @Sendable () -> Void) {
        orders.withLock { $0.whileAuthenticating = body }
    }
    /// Each tree connect takes so long to be decided, as with a process that must be asked.
    public func decideWithin(microseconds: UInt32) { orders.withLock { $0.decisionTime = microseconds } }
    /// Tree connects that were granted and not given back.
    public var treeCount: Int { orders.withLock { $0.treeCount } }

    public func authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String) -> AuthenticationStep {
        let login = exchanges.withLock { exchanges in
            if let known = exchanges[exchange] { return known }
            let made = AuthenticationExchange(
                policy: AuthenticationPolicy(computerName: "APUS", domainName: "WORKGROUP"), accounts: Accounts(),
                now: world.now, random: { [UInt8](repeating: 0xC1, count: $0) })
            exchanges[exchange] = made
            return made
        }
        let outcome = login.step(token)
        if case .more(let token) = outcome { return .more(token: token) }
        abandon(exchange: exchange)
        let hook = orders.withLock { orders in
            defer { orders.whileAuthenticating = nil }
            return orders.whileAuthenticating
        }
        hook?()
        let (groups, delay) = orders.withLock { ($0.groups, $0.delay) }
        var step = AuthenticationStep.failed(.internalError)
        if case .failed(let status) = outcome { step = .failed(status) }
        if case .done(let token, let login) = outcome {
            let user = AuthenticatedUser(
                name: login.user, domain: login.domain, sessionKey: login.sessionKey,
                credentials: Credentials(userID: geteuid(), groupID: getegid(), groups: groups),
                isGuest: login.isGuest, isAnonymous: login.isAnonymous)
            step = .done(token: token, user)
        }
        return delay.map { .late(step, by: $0) } ?? step
    }

    public func abandon(exchange: UInt64) { _ = exchanges.withLock { $0.removeValue(forKey: exchange) } }
    /// Logins under way.
    public var exchangeCount: Int { exchanges.withLock { $0.count } }
    public func initialToken() -> [UInt8] { AuthenticationExchange.initialToken() }

    public func connectTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        let (hook, time) = orders.withLock { orders in
            defer { orders.whileConnecting = nil }
            return (orders.whileConnecting, orders.decisionTime)
        }
        hook?()
        let decision = decide(share, user)
        if case .granted = decision { orders.withLock { $0.treeCount += 1 } }
        if time > 0 { usleep(time) }
        return decision
    }

    private func decide(_ share: String, _ user: AuthenticatedUser) -> TreeDecision {
        guard let found = shares.first(where: { $0.name.lowercased() == share.lowercased() }) else {
            return .refused(.badNetworkName)
        }
        let isWritable = orders.withLock { $0.isWritable }
        return .granted(share: found, isWritable: isWritable, credentials: user.credentials)
    }
    public func renewTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        decide(share, user)
    }
    public func disconnectTree(share: String, user: AuthenticatedUser) { orders.withLock { $0.treeCount -= 1 } }
    public func logOut(user: AuthenticatedUser) {}
}
