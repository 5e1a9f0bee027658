import Authentication
import FileStore
import Glibc
import NTTypes
import Platform
import SMBServer

/// The control plane's decisions without a control plane: one account, everybody may use every share.
final class LocalAccess: AccessControl {
    private struct OneAccount: AccountDatabase {
        func account(named name: String) -> Account? {
            guard name.lowercased() == EngineHost.user else { return nil }
            // MD4 of the password.
            return Account(
                name: EngineHost.user,
                ntHash: [
                    0x7C, 0x4F, 0xE5, 0xEA, 0xDA, 0x68, 0x27, 0x14, 0xA0, 0x36, 0xE3, 0x93, 0x78, 0x36, 0x2B, 0xAB,
                ])
        }
    }

    private let shares: [Share]
    private let isWritable: Bool
    private let world: World
    private let exchanges = Mutex<[UInt64: AuthenticationExchange]>([:])

    init(shares: [Share], _ isWritable: Bool, _ world: World) {
        self.shares = shares
        self.isWritable = isWritable
        self.world = world
    }

    func authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String) -> AuthenticationStep {
        let login = exchanges.withLock { exchanges in
            if let known = exchanges[exchange] { return known }
            let made = AuthenticationExchange(
                policy: AuthenticationPolicy(computerName: "APUS", domainName: "WORKGROUP"), accounts: OneAccount(),
                now: world.now, random: { [UInt8](repeating: 0xC1, count: $0) })
            exchanges[exchange] = made
            return made
        }
        let outcome = login.step(token)
        if case .more(let token) = outcome { return .more(token: token) }
        abandon(exchange: exchange)
        switch outcome {
        case .failed(let status): return .failed(status)
        case .done(let token, let login):
            let user = AuthenticatedUser(
                name: login.user, domain: login.domain, sessionKey: login.sessionKey,
                credentials: Credentials(userID: geteuid(), groupID: getegid(), groups: []), isGuest: login.isGuest,
                isAnonymous: login.isAnonymous)
            return .done(token: token, user)
        case .more: return .failed(.internalError)
        }
    }

    func abandon(exchange: UInt64) { _ = exchanges.withLock { $0.removeValue(forKey: exchange) } }
    /// Logins under way.
    var exchangeCount: Int { exchanges.withLock { $0.count } }
    func initialToken() -> [UInt8] { AuthenticationExchange.initialToken() }

    func connectTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        guard let found = shares.first(where: { $0.name.lowercased() == share.lowercased() }) else {
            return .refused(.badNetworkName)
        }
        return .granted(share: found, isWritable: isWritable, credentials: user.credentials)
    }
    func disconnectTree(share: String, user: AuthenticatedUser) {}
    func logOut(user: AuthenticatedUser) {}
}
