import ControlPlane
import FileStore
import NTTypes
import Platform
import SMBServer

/// The engine's `AccessControl` over the control plane's messages.
final class ControlPlaneAccess: AccessControl {
    private let client: ControlPlaneClient
    private let shares: Mutex<[String: Share]>
    /// NEGOTIATE's token never changes; asked for once.
    private let token = Mutex<[UInt8]?>(nil)

    init(client: ControlPlaneClient, shares: [Share]) {
        self.client = client
        self.shares = Mutex(Self.byName(shares))
    }

    /// After a reload: those who connect from now on get these.
    func replaceShares(_ new: [Share]) { shares.withLock { $0 = Self.byName(new) } }

    private static func byName(_ shares: [Share]) -> [String: Share] {
        Dictionary(shares.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    }

    func initialToken() -> [UInt8] {
        if let token = token.withLock({ $0 }) { return token }
        guard case .token(let token)? = client.ask(.initialToken) else { return [] }
        self.token.withLock { $0 = token }
        return token
    }

    func authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String) -> AuthenticationStep {
        switch client.ask(.authenticate(exchange: exchange, token: token, remoteAddress: remoteAddress)) {
        case .authenticationContinues(let token): return .more(token: token)
        case .authenticated(
            let token, let user, let domain, let sessionKey, let userID, let groupID, let groupIDs, let isGuest,
            let isAnonymous, let expiry):
            return .done(
                token: token,
                AuthenticatedUser(
                    name: user, domain: domain, sessionKey: sessionKey,
                    credentials: Credentials(userID: userID, groupID: groupID, groups: groupIDs), isGuest: isGuest,
                    isAnonymous: isAnonymous, expiry: expiry == 0 ? nil : FileTime(rawValue: expiry)))
        case .refused(let status): return .failed(NTStatus(rawValue: status))
        default: return .failed(.insufficientServerResources)
        }
    }

    func abandon(exchange: UInt64) { _ = client.ask(.abandon(exchange: exchange)) }

    func connectTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        let credentials = user.credentials
        let answer = client.ask(
            .connectTree(
                share: share, user: user.name, isGuest: user.isGuest, isAnonymous: user.isAnonymous,
                userID: credentials.userID, groupID: credentials.groupID, groupIDs: credentials.groups,
                remoteAddress: remoteAddress))
        switch answer {
        case .treeGranted(let name, let isWritable, let userID, let groupID, let groupIDs):
            guard let share = shares.withLock({ $0[name.lowercased()] }) else { return .refused(.badNetworkName) }
            let isSame =
                userID == credentials.userID && groupID == credentials.groupID && groupIDs == credentials.groups
            return .granted(
                share: share, isWritable: isWritable,
                credentials: isSame ? credentials : Credentials(userID: userID, groupID: groupID, groups: groupIDs))
        case .refused(let status): return .refused(NTStatus(rawValue: status))
        default: return .refused(.insufficientServerResources)
        }
    }

    func disconnectTree(share: String, user: AuthenticatedUser) {
        _ = client.ask(.disconnectTree(share: share, user: user.name))
    }
    func logOut(user: AuthenticatedUser) { _ = client.ask(.logOut(user: user.name)) }
}
