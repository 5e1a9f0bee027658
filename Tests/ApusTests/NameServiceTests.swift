import Configuration
import ControlPlane
import Glibc
import LinuxFileStore
import NTTypes
import Platform
import SMBServer
import Testing

@testable import apus

/// A name service that cannot tell (its server is away, no descriptor is left) has not said that there is nobody.
@Suite("Name services that fail") struct NameServiceTests {
    private static let configuration = """
        [global]
        guest account = nobody
        [open]
        path = /
        [no-crew]
        path = /
        invalid users = @crew
        [forced]
        path = /
        force user = crew
        [grouped]
        path = /
        force group = crew
        """
    private final class NameService: Sendable {
        let failure: Mutex<CInt?>
        init(failure: CInt?) { self.failure = Mutex(failure) }
        func mayFail(_ name: String) throws(UnixAccounts.Failure) {
            if let code = failure.withLock({ $0 }) { throw UnixAccounts.Failure(name: name, code: code) }
        }
    }
    private static let root = UnixAccounts.Identity(userID: 0, groupID: 0, groups: [])
    private static let nobody = UnixAccounts.Identity(userID: 65_534, groupID: 65_534, groups: [])

    /// With a name service that knows root and nobody; of others it fails to tell, or says that there are none such.
    private func access(_ service: NameService, login: LoginOutcome) throws -> ControlPlaneAccess {
        let (configuration, _) = try ServerConfiguration.load(path: "test.conf", text: Self.configuration)
        let store = try LinuxFileStore(root: "/", options: LinuxFileStoreOptions())
        var accounts = ControlPlaneAccess.Accounts()
        accounts.identity = { (name) throws(UnixAccounts.Failure) in
            if name == "root" { return Self.root }
            if name == "nobody" { return Self.nobody }
            try service.mayFail(name)
            return nil
        }
        accounts.groupID = { (name) throws(UnixAccounts.Failure) in
            try service.mayFail(name)
            return nil
        }
        return ControlPlaneAccess(
            ask: { request in
                if case .connectTree(let share, _, _, _, _, _, _) = request {
                    return .treeGranted(share: share, readOnly: nil)
                }
                return .authenticated(token: [], login)
            }, tell: { _ in }, shares: configuration.shares.map { Share(name: $0.name, kind: .disk(store)) },
            configuration: configuration, actsAsUsers: true, accounts: accounts, log: { _ in })
    }
    private func login(_ user: String) -> LoginOutcome {
        LoginOutcome(
            user: user, domain: "D", mustHaveAccount: false, sessionKey: [UInt8](repeating: 7, count: 16),
            isGuest: false, isAnonymous: false, expiry: 0)
    }

    /// Who has an account that cannot be looked up is not the guest account instead: his files would be nobody's.
    @Test(arguments: [EIO, EMFILE, ENOENT, EAGAIN, ETIMEDOUT, ERANGE] as [CInt])
    func whoCannotBeLookedUpIsRefused(_ code: CInt) throws {
        let service = NameService(failure: code)
        let access = try access(service, login: login("alice"))
        guard
            case .failed(.insufficientServerResources, let reason) = access.authenticate(
                exchange: 1, token: [], remoteAddress: "192.0.2.1")
        else {
            Issue.record("alice is let in")
            return
        }
        #expect(reason?.rule.contains("the name service cannot say who 'alice' is") == true)
        service.failure.withLock { $0 = nil }
        guard case .done(_, let user) = access.authenticate(exchange: 2, token: [], remoteAddress: "192.0.2.1") else {
            Issue.record("who certainly has no account is not let in as the guest account")
            return
        }
        #expect(user.credentials.userID == Self.nobody.userID)
    }

    /// A group that is kept out, and whom a share makes of everybody: neither is passed over.
    @Test(arguments: ["no-crew", "forced", "grouped"])
    func aShareWhoseRuleCannotBeJudgedIsRefused(_ share: String) throws {
        let service = NameService(failure: EIO)
        let access = try access(service, login: login("root"))
        guard case .done(_, let user) = access.authenticate(exchange: 1, token: [], remoteAddress: "192.0.2.1") else {
            throw NTStatus.logonFailure
        }
        guard case .granted = access.connectTree(share: "open", user: user, remoteAddress: "192.0.2.1") else {
            Issue.record("a share that asks for no name is refused")
            return
        }
        for decision in [
            access.connectTree(share: share, user: user, remoteAddress: "192.0.2.1"),
            access.renewTree(share: share, user: user, remoteAddress: "192.0.2.1"),
        ] {
            guard case .refused(.insufficientServerResources, _) = decision else {
                Issue.record("\(share): \(decision)")
                continue
            }
        }
    }

    /// What is in no list is none, and no failure.
    @Test func thisSystemAnswers() throws {
        #expect(try UnixAccounts.identity(of: "root")?.userID == 0)
        #expect(try UnixAccounts.identity(of: "no-such-user-here") == nil)
        #expect(try UnixAccounts.groupID(of: "root") == 0)
        #expect(try UnixAccounts.groupID(of: "no-such-group-here") == nil)
        #expect(try UnixAccounts.userName(of: 0) == "root" && UnixAccounts.groupName(of: 0) == "root")
        #expect(try UnixAccounts.userName(of: 4_000_000_000) == nil)
    }
}
