import Configuration
import ControlPlane
import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Platform
import SMBServer
import Testing

@testable import apus

/// A control plane that was taken over, and answers in good form. It may let in whom it likes by a name that this
/// system knows; it says nothing of who that is here, nor of what may be done in a share.
@Suite("A hostile control plane: answers") struct HostileAnswerTests {
    private final class Impostor: Sendable {
        let answer: Mutex<ControlPlaneAnswer?>
        let asked = Mutex<[ControlPlaneRequest]>([])
        init(_ answer: ControlPlaneAnswer?) { self.answer = Mutex(answer) }
        func ask(_ request: ControlPlaneRequest) -> ControlPlaneAnswer? {
            asked.withLock { $0.append(request) }
            return answer.withLock { $0 }
        }
    }

    private static let configuration = """
        [global]
        guest account = nobody
        [open]
        path = /
        read only = no
        [looked]
        path = /
        [private]
        path = /
        valid users = alice
        [no-root]
        path = /
        read only = no
        invalid users = root
        [forced]
        path = /
        force user = no-such-user-here
        """

    private func access(_ impostor: Impostor, actsAsUsers: Bool = true) throws -> ControlPlaneAccess {
        let (configuration, _) = try ServerConfiguration.load(path: "test.conf", text: Self.configuration)
        let store = try LinuxFileStore(root: "/", options: LinuxFileStoreOptions())
        let shares = configuration.shares.map { Share(name: $0.name, kind: .disk(store)) }
        return ControlPlaneAccess(
            ask: impostor.ask, tell: { _ = impostor.ask($0) }, shares: shares + [Share(name: "IPC$", kind: .pipes)],
            configuration: configuration, actsAsUsers: actsAsUsers, log: { _ in })
    }

    private static func login(
        _ user: String, mustHaveAccount: Bool = true, isGuest: Bool = false, isAnonymous: Bool = false,
        key: Int = 16, expiry: UInt64 = 0
    ) -> ControlPlaneAnswer {
        .authenticated(
            token: [1],
            LoginOutcome(
                user: user, domain: "D", mustHaveAccount: mustHaveAccount,
                sessionKey: [UInt8](repeating: 7, count: key), isGuest: isGuest, isAnonymous: isAnonymous,
                expiry: expiry))
    }
    private func user(_ answer: ControlPlaneAnswer) throws -> AuthenticatedUser? {
        let step = try access(Impostor(answer)).authenticate(exchange: 1, token: [], remoteAddress: "192.0.2.1")
        if case .done(_, let user) = step { return user }
        guard case .failed(let status, _) = step else { return nil }
        #expect(status.isError)
        return nil
    }

    /// What is no account's name is nobody: not what stands in it before a zero, and not the next best account.
    @Test(arguments: ["root\0", "root\0x", "\0", "", "no-such-user-here", "root ", "0", "../root", "ro\not"])
    func namesThatNoAccountHasAreRefused(_ name: String) throws { #expect(try user(Self.login(name)) == nil) }

    /// Without a need for an account such a user is who has the least rights.
    @Test(arguments: ["root\0x", "\0", "", "no-such-user-here"])
    func whoNeedsNoAccountHasTheRightsOfGuests(_ name: String) throws {
        let guest = try #require(try UnixAccounts.identity(of: "nobody"))
        let user = try #require(try user(Self.login(name, mustHaveAccount: false)))
        #expect(user.credentials.userID == guest.userID && user.credentials.groupID == guest.groupID)
    }

    /// A guest is one under whatever name.
    @Test(arguments: [(true, false), (false, true), (true, true)])
    func aGuestIsNoOneElse(_ isGuest: Bool, _ isAnonymous: Bool) throws {
        let guest = try #require(try UnixAccounts.identity(of: "nobody"))
        let user = try #require(try user(Self.login("root", isGuest: isGuest, isAnonymous: isAnonymous)))
        #expect(user.credentials.userID == guest.userID && !user.isAuthenticated)
    }

    /// Of all that can be said only one thing lets somebody in.
    @Test func noOtherAnswerIsALogin() throws {
        let answers: [ControlPlaneAnswer?] = [
            nil, .acknowledged, .token([1]), .exchangeUnknown, .treeGranted(share: "open", readOnly: nil),
            .pipe(.init(messages: [[1]], hasMore: true)), .refused(status: 0xC000_0016), .refused(status: 0xC000_0000),
            .late(.refused(status: 0xC000_006D), milliseconds: 1), .authenticationContinues(token: [1]),
        ]
        for answer in answers {
            let access = try access(Impostor(answer))
            for exchange: UInt64 in [1, 1, 1, 2] {
                var step = access.authenticate(exchange: exchange, token: [1], remoteAddress: "192.0.2.1")
                if case .late(let outcome, _) = step { step = outcome }
                if case .done = step { Issue.record("\(String(describing: answer)) lets somebody in") }
            }
        }
    }

    private func connect(
        _ share: String, as name: String, _ answer: ControlPlaneAnswer, isGuest: Bool = false
    ) throws -> TreeDecision {
        let impostor = Impostor(Self.login(name, isGuest: isGuest))
        let access = try access(impostor, actsAsUsers: true)
        guard case .done(_, let user) = access.authenticate(exchange: 1, token: [], remoteAddress: "192.0.2.1") else {
            throw NTStatus.logonFailure
        }
        impostor.answer.withLock { $0 = answer }
        return access.connectTree(share: share, user: user, remoteAddress: "192.0.2.1")
    }

    /// It grants what the configuration does not, and other than what was asked for: in vain.
    @Test func aShareIsNoMoreOpenThanTheConfigurationSays() throws {
        for (share, name, granted, isGuest) in [
            ("private", "root", "private", false), ("private", "root", "open", false),
            ("open", "root", "private", false),
            ("open", "root", "no-such-share", false), ("open", "root", "IPC$", false), ("IPC$", "root", "open", false),
            ("no-root", "root", "no-root", false), ("forced", "root", "forced", false), ("open", "root", "open", true),
            ("no-such-share", "root", "no-such-share", false), ("open", "root", "", false),
            ("open", "root", "open\0", false),
        ] {
            let decision = try connect(share, as: name, .treeGranted(share: granted, readOnly: nil), isGuest: isGuest)
            if case .granted = decision { Issue.record("\(share) for \(name), granted as \(granted)") }
        }
        for answer in [.acknowledged, Self.login("root"), .exchangeUnknown, .token([])] as [ControlPlaneAnswer] {
            if case .granted = try connect("open", as: "root", answer) { Issue.record("\(answer)") }
        }
    }

    /// It says that nobody minds changes.
    @Test func aShareIsNoMoreWritableThanTheConfigurationSays() throws {
        let root = try #require(try UnixAccounts.identity(of: "root"))
        for (share, expected) in [("open", true), ("looked", false)] {
            let decision = try connect(share, as: "root", .treeGranted(share: share, readOnly: nil))
            guard case .granted(_, let isWritable, let credentials, _) = decision else {
                Issue.record("\(share) is refused")
                continue
            }
            #expect(isWritable == expected && credentials.userID == root.userID)
        }
        let reason = RefusalReason(.share, "no", remedy: "")
        let decision = try connect("open", as: "root", .treeGranted(share: "open", readOnly: reason))
        guard case .granted(_, false, _, _) = decision else {
            Issue.record("a share is writable against its word")
            return
        }
    }

    /// Tokens of one login are not told for another.
    @Test func eachLoginKeepsItsOwnTokens() throws {
        let impostor = Impostor(.authenticationContinues(token: [9]))
        let access = try access(impostor)
        _ = access.authenticate(exchange: 1, token: [1], remoteAddress: "192.0.2.1")
        _ = access.authenticate(exchange: 2, token: [2], remoteAddress: "192.0.2.1")
        impostor.answer.withLock { $0 = .exchangeUnknown }
        _ = access.authenticate(exchange: 2, token: [3], remoteAddress: "192.0.2.1")
        let told = impostor.asked.withLock { $0 }.compactMap { request -> [[UInt8]]? in
            if case .resumeExchange(2, let tokens) = request { tokens } else { nil }
        }
        #expect(told == [[[2], [9]]])
        access.abandon(exchange: 1)
        #expect(impostor.asked.withLock { $0.last } == .abandon(exchange: 1))
    }
}
