import Configuration
import ControlPlane
import FileStore
import NTTypes
import Platform
import SMBServer

/// The engine's `AccessControl` over the control plane's messages. What must outlive a control plane is here: how many
/// use a share, and how far each login has got.
final class ControlPlaneAccess: AccessControl {
    /// Whom the system knows. Tests put a name service that fails in its place.
    struct Accounts: Sendable {
        var identity: @Sendable (String) throws(UnixAccounts.Failure) -> UnixAccounts.Identity? = UnixAccounts.identity
        var groupID: @Sendable (String) throws(UnixAccounts.Failure) -> UInt32? = UnixAccounts.groupID
    }
    private struct State {
        /// NEGOTIATE's token, which is the same for everybody.
        var token: [UInt8] = []
        var shares: [String: Share] = [:]
        var configuration = ServerConfiguration()
        /// Tree connects, by the share's name in lower case.
        var connectionCounts: [String: Int] = [:]
        /// The client's and the server's tokens of logins under way.
        var histories: [UInt64: [[UInt8]]] = [:]
    }
    /// A longer history is not kept: such a login fails if the control plane ends before it does. Strangers make them:
    /// `Limits.messageByteCountBeforeLoginMax`.
    private static let historyByteCountMax = 2048
    /// As many sessions as there can be at most.
    private static let historyCountMax = 65_536

    private let ask: @Sendable (ControlPlaneRequest) -> ControlPlaneAnswer?
    private let tell: @Sendable (ControlPlaneRequest) -> Void
    /// False for a server that was not started by root, which can only be itself.
    private let actsAsUsers: Bool
    private let accounts: Accounts
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - ask: the control plane; nil when it does not answer.
    ///   - tell: the same without waiting for it.
    ///   - accounts: of this system.
    init(
        ask: @escaping @Sendable (ControlPlaneRequest) -> ControlPlaneAnswer?,
        tell: @escaping @Sendable (ControlPlaneRequest) -> Void, shares: [Share],
        configuration: ServerConfiguration, actsAsUsers: Bool, accounts: Accounts = Accounts(),
        log: @escaping @Sendable (String) -> Void
    ) {
        self.ask = ask
        self.tell = tell
        self.actsAsUsers = actsAsUsers
        self.accounts = accounts
        self.log = log
        replaceShares(shares, of: configuration)
    }

    /// After a reload: those who connect from now on get these.
    func replaceShares(_ new: [Share], of configuration: ServerConfiguration) {
        state.withLock { state in
            state.configuration = configuration
            state.shares = Dictionary(new.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// What was read last.
    var configuration: ServerConfiguration { state.withLock { $0.configuration } }

    /// Those that clients can use, IPC$ left out.
    var shareNames: [String] {
        state.withLock { state in state.shares.values.filter { $0.name != "IPC$" }.map(\.name).sorted() }
    }

    func replaceInitialToken(_ token: [UInt8]) { state.withLock { $0.token = token } }

    func initialToken() -> [UInt8] { state.withLock { $0.token } }

    // MARK: logins

    func authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String) -> AuthenticationStep {
        let history = state.withLock { $0.histories.removeValue(forKey: exchange) }
        var answer = ask(
            .authenticate(
                exchange: exchange, isContinued: history != nil, token: token, remoteAddress: remoteAddress))
        // Another control plane than the one before: it is told what was said.
        if answer == .exchangeUnknown, let history {
            guard ask(.resumeExchange(exchange: exchange, tokens: history)) == .acknowledged else {
                return .failed(.logonFailure)
            }
            answer = ask(
                .authenticate(exchange: exchange, isContinued: true, token: token, remoteAddress: remoteAddress))
        }
        switch answer {
        case .authenticationContinues(let answer):
            remember((history ?? []) + [token, answer], of: exchange)
            return .more(token: answer)
        case .late(let outcome, let milliseconds):
            return .late(step(outcome, remoteAddress), by: .milliseconds(Int64(milliseconds)))
        default: return step(answer, remoteAddress)
        }
    }

    /// The end of a login.
    private func step(_ answer: ControlPlaneAnswer?, _ remoteAddress: String) -> AuthenticationStep {
        switch answer {
        case .authenticated(let token, let login): accept(token, login, remoteAddress)
        case .refused(let status, let reason): .failed(NTStatus(rawValue: status), reason: reason)
        default: .failed(.insufficientServerResources)
        }
    }

    private func remember(_ history: [[UInt8]], of exchange: UInt64) {
        let isShort = history.reduce(0) { $0 + $1.count } <= Self.historyByteCountMax
        state.withLock { state in
            guard state.histories.count < Self.historyCountMax else { return }
            // Even an empty history says that the login is under way.
            state.histories[exchange] = isShort ? history : []
        }
    }

    private func accept(_ token: [UInt8], _ login: LoginOutcome, _ remoteAddress: String) -> AuthenticationStep {
        let found: Credentials?
        do throws(UnixAccounts.Failure) { found = try credentials(of: login) } catch {
            log("\(remoteAddress): '\(login.user.printable)' cannot log in: \(error)")
            return .failed(.insufficientServerResources, reason: RefusalReason(.login, error, user: login.user))
        }
        guard let credentials = found else {
            let account = login.isGuest || login.isAnonymous ? configuration.guestAccount : login.user
            let rule = "this system has no account '\(account.printable)'"
            log("\(remoteAddress): \(rule)")
            return .failed(
                .logonFailure,
                reason: RefusalReason(.login, rule, remedy: "useradd -M \(account.printable)", user: login.user))
        }
        if LogLevel.current == .debug {
            log("\(remoteAddress): '\(login.user.printable)' has logged in, and acts as user \(credentials.userID)")
        }
        return .done(
            token: token,
            AuthenticatedUser(
                name: login.user, domain: login.domain, sessionKey: login.sessionKey, credentials: credentials,
                isGuest: login.isGuest, isAnonymous: login.isAnonymous,
                expiry: login.expiry == 0 ? nil : FileTime(rawValue: login.expiry)))
    }

    /// Name services are asked here, not in the control plane, which may neither open nor connect to anything; and so
    /// a control plane that was taken over still cannot make up an identity, nor call somebody by another's name.
    private func credentials(of login: LoginOutcome) throws(UnixAccounts.Failure) -> Credentials? {
        let isGuest = login.isGuest || login.isAnonymous
        guard actsAsUsers else { return UnixAccounts.own.credentials(isGuest: isGuest) }
        let guest = configuration.guestAccount
        let names = isGuest ? [guest] : login.mustHaveAccount ? [login.user] : [login.user, guest]
        return try names.firstResult(accounts.identity)?.credentials(isGuest: isGuest)
    }

    func abandon(exchange: UInt64) {
        guard state.withLock({ $0.histories.removeValue(forKey: exchange) }) != nil else { return }
        tell(.abandon(exchange: exchange))
    }

    func logOut(user: AuthenticatedUser) {}

    // MARK: tree connects

    func connectTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        let key = share.lowercased()
        let count = state.withLock { state -> Int in
            let count = state.connectionCounts[key, default: 0]
            state.connectionCounts[key] = count + 1
            return count
        }
        let decision = answer(share, user, remoteAddress, connectionCount: count)
        if case .refused = decision { countOut(key) }
        return decision
    }

    func renewTree(share: String, user: AuthenticatedUser, remoteAddress: String) -> TreeDecision {
        let count = state.withLock { $0.connectionCounts[share.lowercased(), default: 1] }
        return answer(share, user, remoteAddress, connectionCount: max(0, count - 1))
    }

    func disconnectTree(share: String, user: AuthenticatedUser) { countOut(share.lowercased()) }

    private func countOut(_ key: String) {
        state.withLock { state in
            let left = state.connectionCounts[key, default: 1] - 1
            state.connectionCounts[key] = left > 0 ? left : nil
        }
    }

    private func answer(
        _ name: String, _ user: AuthenticatedUser, _ remoteAddress: String, connectionCount: Int
    ) -> TreeDecision {
        do throws(UnixAccounts.Failure) {
            return try decide(name, user, remoteAddress, connectionCount: connectionCount)
        } catch {
            log("\(remoteAddress): '\(user.name.printable)' may not use [\(name.printable)]: \(error)")
            return .refused(.insufficientServerResources, reason: RefusalReason(.share, error, user: user.name))
        }
    }

    private func decide(
        _ name: String, _ user: AuthenticatedUser, _ remoteAddress: String, connectionCount: Int
    ) throws(UnixAccounts.Failure) -> TreeDecision {
        // Asking the name service takes as long as all the rest of a login: not for a share whose rules name no group.
        let groupIDs = configuration.groupNames(of: name).isEmpty ? [] : try groupIDs(of: user)
        let answer = ask(
            .connectTree(
                share: name, user: user.name, isGuest: user.isGuest, isAnonymous: user.isAnonymous,
                groupIDs: groupIDs, connectionCount: UInt32(connectionCount), remoteAddress: remoteAddress))
        switch answer {
        case .treeGranted(let granted, let readOnly):
            guard granted.lowercased() == name.lowercased(),
                let share = state.withLock({ $0.shares[granted.lowercased()] })
            else {
                let rule = "the folder of [\(granted)] could not be opened when the configuration was read"
                return .refused(
                    .badNetworkName,
                    reason: RefusalReason(.share, rule, remedy: "mend its path (see the log), and reload"))
            }
            let own = try judge(name, user, groupIDs, remoteAddress, connectionCount: connectionCount)
            return try grant(share, user, own, readOnly: readOnly, remoteAddress)
        case .refused(let status, let reason): return .refused(NTStatus(rawValue: status), reason: reason)
        default: return .refused(.insufficientServerResources)
        }
    }

    /// What the configuration that this process has read says. Whom files are touched as is never the control plane's
    /// word, and it allows nobody more than this: taken over it could still refuse, and no more.
    private func judge(
        _ name: String, _ user: AuthenticatedUser, _ groupIDs: [UInt32], _ remoteAddress: String, connectionCount: Int
    ) throws(UnixAccounts.Failure) -> ShareAdmission {
        let configuration = self.configuration
        var numbers: [String: UInt32] = [:]
        for group in configuration.groupNames(of: name) { numbers[group] = try accounts.groupID(group) }
        let client = ShareRules.Client(
            user: user.name, isGuest: user.isGuest, isAnonymous: user.isAnonymous, groupIDs: groupIDs,
            address: remoteAddress)
        return configuration.admit(client, to: name, groupIDs: numbers, connectionCount: connectionCount)
    }

    /// - Parameter readOnly: why the control plane lets the user only read; nil where it may write.
    private func grant(
        _ share: Share, _ user: AuthenticatedUser, _ own: ShareAdmission, readOnly: RefusalReason?,
        _ remoteAddress: String
    ) throws(UnixAccounts.Failure) -> TreeDecision {
        switch own {
        case .refused(let status, let reason):
            log("\(remoteAddress): '\(user.name.printable)' may not use [\(share.name)]: \(reason.rule)")
            return .refused(status, reason: reason)
        case .granted(_, let isAdministrator, let forcedUser, let forcedGroup, let ownReadOnly):
            guard let acting = try acting(user.credentials, isAdministrator, forcedUser, forcedGroup) else {
                let rule =
                    "[\(share.name)]: force user = \(forcedUser), force group = \(forcedGroup): "
                    + "this system has none such"
                log(rule)
                return .refused(
                    .accessDenied, reason: RefusalReason(.share, rule, remedy: "name a user and group of this system"))
            }
            let readOnly = readOnly ?? ownReadOnly
            if LogLevel.current == .debug {
                let how = readOnly == nil ? "" : ", read-only"
                log("\(remoteAddress): '\(user.name.printable)' uses [\(share.name)]\(how)")
            }
            return .granted(share: share, isWritable: readOnly == nil, credentials: acting, readOnly: readOnly)
        }
    }

    /// The groups by which @group in a list is judged. Where all files are touched as one user, that one's groups say
    /// nothing of who has logged in.
    private func groupIDs(of user: AuthenticatedUser) throws(UnixAccounts.Failure) -> [UInt32] {
        if actsAsUsers { return [user.credentials.groupID] + user.credentials.groups }
        guard user.isAuthenticated, let account = try accounts.identity(user.name) else { return [] }
        return [account.groupID] + account.groups
    }

    /// nil where the share says to act as somebody that there is not: nobody else will do.
    private func acting(
        _ own: Credentials, _ isAdministrator: Bool, _ forcedUser: String, _ forcedGroup: String
    ) throws(UnixAccounts.Failure) -> Credentials? {
        guard actsAsUsers, isAdministrator || !forcedUser.isEmpty || !forcedGroup.isEmpty else { return own }
        var identity = UnixAccounts.Identity(userID: own.userID, groupID: own.groupID, groups: own.groups)
        if isAdministrator { identity = UnixAccounts.Identity(userID: 0, groupID: 0, groups: []) }
        if !forcedUser.isEmpty {
            guard let forced = try accounts.identity(forcedUser) else { return nil }
            identity = forced
        }
        if !forcedGroup.isEmpty {
            guard let group = try accounts.groupID(forcedGroup) else { return nil }
            identity.groupID = group
        }
        return identity.credentials(isGuest: own.isGuest)
    }
}

extension RefusalReason {
    fileprivate init(_ stage: RefusalStage, _ failure: UnixAccounts.Failure, user: String) {
        self.init(
            stage, failure.description, remedy: "see `getent passwd \(failure.name.printable)` and /etc/nsswitch.conf",
            user: user)
    }
}

extension UnixAccounts.Identity {
    fileprivate func credentials(isGuest: Bool) -> Credentials {
        Credentials(userID: userID, groupID: groupID, groups: groups, isGuest: isGuest)
    }
}
