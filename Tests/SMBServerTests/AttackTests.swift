import EngineHost
import FileStore
import NTTypes
import Platform
import SMBServer
import SMBTestClient
import SMBWire
import Testing

// Each suite is a class of attacks of docs/security.md, which names the test beside what it is against. tools/defences
// takes each defence away and makes sure that its test fails.

@Suite("Attacks: sessions, trees and opens that end while they are used") struct TeardownAttackTests {
    /// CVE-2022-47939, CVE-2026-23428.
    @Test func aCompoundDoesNotUseTheTreeThatItDisconnected() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let file = try client.open("file")
        let replies = try client.call([
            .treeDisconnect, TestRequest.write(file, [1]).related, TestRequest.create("other").related,
        ])
        #expect(replies[0].status == .success && replies[1].status == .networkNameDeleted && replies[2].status.isError)
        #expect(host.server.occupancy.opens == 0)
    }

    /// CVE-2025-37899, CVE-2025-22040.
    @Test func whatIsOpenedWhileItsSessionEndsIsClosed() throws {
        let hook = Hook()
        let host = try EngineHost(wrap: { RecordingStore($0, Users(), hook) })
        let victim = try host.logIn()
        let id = try #require(victim.session?.id)
        hook.set {
            let client = host.connect()
            guard (try? client.negotiate()) != nil else { return }
            _ = try? client.logIn(user: EngineHost.user, password: EngineHost.password, previousSessionID: id)
        }
        #expect(try victim.call(.create("file")).status == .userSessionDeleted)
        #expect(host.server.occupancy.opens == 0 && host.server.occupancy.countedOpens == 0)
    }

    /// CVE-2026-89788.
    @Test func aSessionThatEndsDuringATreeConnectKeepsNoTree() throws {
        let host = try EngineHost()
        let victim = try host.logIn(share: "")
        let id = try #require(victim.session?.id)
        host.access.whileConnectingTree {
            let client = host.connect()
            guard (try? client.negotiate()) != nil else { return }
            _ = try? client.logIn(user: EngineHost.user, password: EngineHost.password, previousSessionID: id)
        }
        #expect(try victim.call(TestClient.treeConnect("share")).status.isError)
        #expect(host.access.treeCount == 0)
    }

    /// CVE-2025-37899, CVE-2025-22040: the session ends while a connection is proving that it may become its channel.
    @Test func whoBindsToASessionThatEndsHasNone() throws {
        let host = try EngineHost { $0.isMultichannel = true }
        let contexts = TestClient.contexts(signing: [.aesGMAC])
        let victim = host.connect()
        try victim.negotiate([.smb311], contexts: contexts)
        let session = try victim.logIn(user: EngineHost.user, password: EngineHost.password)
        let other = host.connect()
        try other.negotiate([.smb311], contexts: contexts)
        host.access.whileAuthenticating {
            let client = host.connect()
            guard (try? client.negotiate()) != nil else { return }
            _ = try? client.logIn(
                user: EngineHost.user, password: EngineHost.password, previousSessionID: session.id)
        }
        let refused = TestClientError.refused(step: "SESSION_SETUP", status: NTStatus.userSessionDeleted.rawValue)
        #expect(throws: refused) {
            try other.bind(to: session, user: EngineHost.user, password: EngineHost.password)
        }
        // A stranger it is still, and will have to go.
        #expect(try #require(other.wire as? EngineWire).connection.isStranger)
        host.pass(seconds: 31)
        #expect(try #require(other.wire as? EngineWire).connection.isOverdue)
    }

    /// Whatever waits: for a change in a folder, or for somebody else's oplock to be given back.
    @Test func aLogoffEndsWhatWaits() throws {
        let host = try EngineHost()
        let holder = try host.logIn()
        _ = try holder.open("file") { $0.requestedOplockLevel = 9 }
        let client = try host.logIn()
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        #expect(try client.call(.notify(folder)).isInterim)
        #expect(try client.call(.create("file")).isInterim)
        client.send([.logoff])
        let replies = try client.repliesAtHand()
        #expect(replies.count == 3)
        #expect(replies.contains { $0.status == .notifyCleanup })
        #expect(replies.contains { $0.header.command == SMB2Command.create.rawValue && $0.status.isError })
        #expect(replies.contains { $0.status == .success })
        #expect(try client.call(.create("file")).status == .userSessionDeleted)
        #expect(host.server.occupancy.opens == 1)
    }

    /// CVE-2023-53358, CVE-2025-37777 and all of the class: from several threads at once, each of which ends the
    /// sessions that the others have just made, until nobody is left.
    @Test func clientsThatEndEachOthersSessionsLeaveNothing() throws {
        let host = try EngineHost()
        host.access.decideWithin(microseconds: 300)
        let ids = Mutex<[UInt64]>([0, 0, 0, 0])
        let done = Semaphore()
        for number in 0..<4 {
            let isStarted = Thread.detach(name: "client \(number)", stackByteCount: 4 << 20) {
                for round in 0..<40 {
                    guard let client = try? host.logIn(share: "") else { continue }
                    let victim = ids.withLock { ids -> UInt64 in
                        ids[number] = client.session?.id ?? 0
                        return ids[(number + 1 + round % 3) % ids.count]
                    }
                    _ = try? client.connectTree("share")
                    _ = try? client.call(.create("file \(round % 3)") { $0.requestedOplockLevel = 9 })
                    _ = try? client.logIn(
                        user: EngineHost.user, password: EngineHost.password, previousSessionID: victim)
                    _ = try? client.call([.create("other"), TestRequest.treeDisconnect.related])
                    if round % 2 == 0 { _ = try? client.call(.logoff) }
                    (client.wire as? EngineWire)?.close()
                }
                done.signal()
            }
            try #require(isStarted)
        }
        for _ in 0..<4 { done.wait() }
        #expect(host.server.occupancy == Occupancy())
        #expect(host.access.treeCount == 0)
    }
}

@Suite("Attacks: before anybody has logged in") struct LoginAttackTests {
    /// CVE-2025-22037.
    @Test func noLoginAfterANegotiationThatFailed() throws {
        let client = try EngineHost().connect()
        let nonsense = NegotiateRequest(
            securityMode: .signingEnabled, capabilities: [], clientGUID: .zero, dialects: [0x0FFF], contexts: [])
        let reply = try client.call(TestRequest(.negotiate) { nonsense.encode(into: $0, headerStart: 0) })
        #expect(reply.status == .notSupported)
        client.send([TestClient.sessionSetup([1, 2, 3])])
        #expect(!client.wire.isOpen)
    }

    /// CVE-2023-52441, CVE-2023-54203: the SMB1 message may come once and first; what it settles is not all there is.
    @Test func nothingButNegotiateAfterTheMultiProtocolAnswer() throws {
        let client = try EngineHost().connect()
        client.wire.send(Self.multiProtocolNegotiate)
        #expect(try client.nextReply().status == .success)
        client.messageID = 1
        client.send([TestClient.sessionSetup([1, 2, 3])])
        #expect(!client.wire.isOpen)
    }

    @Test func theMultiProtocolMessageComesFirstOrNotAtAll() throws {
        let client = try EngineHost().connect()
        try client.negotiate()
        client.wire.send(Self.multiProtocolNegotiate)
        #expect(!client.wire.isOpen)
    }

    private static let multiProtocolNegotiate: [UInt8] = {
        let dialects = Array("\u{2}NT LM 0.12\0\u{2}SMB 2.???\0".utf8)
        let header: [UInt8] = [0xFF, 0x53, 0x4D, 0x42, 0x72] + [UInt8](repeating: 0, count: 27)
        return header + [0, UInt8(dialects.count), 0] + dialects
    }()

    /// CVE-2025-38561: each login has a hash of its own messages, whatever else goes on.
    @Test func loginsThatInterleaveKeepTheirKeysApart() throws {
        let host = try EngineHost()
        let client = host.connect()
        try client.negotiate([.smb311])
        let first = try client.logIn(user: EngineHost.user, password: EngineHost.password)
        let begun = try client.call(TestClient.sessionSetup(Self.negotiateMessage).with { $0.sessionID = 0 })
        #expect(begun.status == .moreProcessingRequired)
        let second = try client.logIn(user: EngineHost.user, password: EngineHost.password)
        for session in [first, second] {
            client.session = session
            #expect(try client.call(TestClient.treeConnect("share")).status == .success)
        }
    }

    /// NTLMSSP's first message, bare.
    static let negotiateMessage: [UInt8] =
        Array("NTLMSSP\0".utf8) + [1, 0, 0, 0, 0x97, 0x82, 0x08, 0xE2] + [UInt8](repeating: 0, count: 24)

    /// CVE-2023-32255: a message of an unknown type ends the login, and nothing of it is kept.
    @Test func anUnknownMessageTypeLeavesNothing() throws {
        let host = try EngineHost()
        let client = host.connect()
        try client.negotiate()
        for type in [0, 2, 3, 4, 0xFF] as [UInt8] {
            let token = Array("NTLMSSP\0".utf8) + [type, 0, 0, 0] + [UInt8](repeating: 0, count: 64)
            #expect(try client.call(TestClient.sessionSetup(token)).status.isError)
        }
        #expect(host.access.exchangeCount == 0)
        #expect(host.server.occupancy.sessions == 0)
    }

    /// 7.2-rc4: whose session it was is believed only of who has proved it.
    @Test func aFailedLoginEndsNobodysSession() throws {
        let host = try EngineHost()
        let victim = try host.logIn()
        let id = try #require(victim.session?.id)
        for (user, password) in [(EngineHost.user, "wrong"), (EngineHost.otherUser, EngineHost.password)] {
            let client = host.connect()
            try client.negotiate()
            _ = try? client.logIn(user: user, password: password, previousSessionID: id)
        }
        #expect(try victim.call(.create("file")).status == .success)
    }

    @Test func aStrangerSendsLittle() throws {
        let client = try EngineHost().connect()
        try client.negotiate()
        let connection = try #require(client.wire as? EngineWire).connection
        #expect(connection.messageByteCountMax == 47 << 10)
    }

    /// Each with what the control plane keeps for it.
    @Test func aStrangerHasFewLoginsUnderWay() throws {
        let host = try EngineHost()
        let client = host.connect()
        try client.negotiate()
        var begun: [NTStatus] = []
        for _ in 0..<4 { begun.append(try client.call(TestClient.sessionSetup(Self.negotiateMessage)).status) }
        #expect(begun.map { $0 == .moreProcessingRequired } == [true, true, false, false])
        #expect(host.access.exchangeCount == 2)
        client.wire.close()
        #expect(host.access.exchangeCount == 0)
    }

    /// Being busy makes no difference: the time counts from the beginning.
    @Test func aStrangerDoesNotStay() throws {
        let host = try EngineHost()
        let client = host.connect()
        try client.negotiate()
        let connection = try #require(client.wire as? EngineWire).connection
        for _ in 0..<31 {
            host.pass(seconds: 1)
            _ = try client.call(.echo)
        }
        #expect(connection.isOverdue)
    }

    @Test func whoLogsOffIsAStrangerAgain() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let connection = try #require(client.wire as? EngineWire).connection
        host.pass(seconds: 1000)
        #expect(!connection.isOverdue)
        #expect(try client.call(.logoff).status == .success)
        host.pass(seconds: 29)
        #expect(!connection.isOverdue)
        host.pass(seconds: 2)
        #expect(connection.isOverdue)
    }

    @Test("a late outcome is late, good or bad, and holds no thread", arguments: [true, false])
    func lateOutcome(isGood: Bool) throws {
        let host = try EngineHost()
        host.access.setDelay(.seconds(5))
        let client = host.connect()
        try client.negotiate()
        let password = isGood ? EngineHost.password : "wrong"
        #expect(throws: TestClientError.self) { try client.logIn(user: EngineHost.user, password: password) }
        #expect(try client.repliesAtHand().isEmpty)
        host.pass(seconds: 4)
        #expect(try client.repliesAtHand().isEmpty)
        #expect(try client.call(.echo).status == .success)
        host.pass(seconds: 2)
        let told = try client.repliesAtHand().map(\.status)
        #expect(told == [isGood ? .success : .logonFailure])
    }

    @Test func whoDoesNotWaitIsNotTold() throws {
        let host = try EngineHost()
        host.access.setDelay(.seconds(5))
        let client = host.connect()
        try client.negotiate()
        #expect(throws: TestClientError.self) {
            try client.logIn(user: EngineHost.user, password: EngineHost.password)
        }
        client.send([.cancel(messageID: client.messageID - 1)])
        // The request names its session, which the client has not been told of: the one there is.
        client.wire.close()
        host.pass(seconds: 6)
        #expect(host.server.occupancy == Occupancy())
    }

    /// Who knows the session, having logged in to it, can call the next login off: and hears no more than that.
    @Test("who calls a login off is not told how it would have gone", arguments: [EngineHost.password, "wrong"])
    func calledOff(password: String) throws {
        let host = try EngineHost()
        let client = try host.logIn()
        host.access.setDelay(.seconds(5))
        #expect(throws: TestClientError.self) {
            try client.logInAgain(user: EngineHost.user, password: password)
        }
        client.send([.cancel(messageID: client.messageID - 1)])
        #expect(try client.repliesAtHand().map(\.status) == [.logonFailure])
    }

    /// CVE-2026-43377: what is logged names people and addresses, and holds no secret, in whatever way it is written.
    @Test func nothingLoggedHoldsAKey() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        client.seals = true
        _ = try client.call(.create("file"))
        client.seals = false
        try client.logInAgain(user: EngineHost.user, password: EngineHost.password)
        let stranger = host.connect()
        try stranger.negotiate()
        _ = try? stranger.logIn(user: EngineHost.user, password: "wrong")
        client.send([TestRequest.echo.with { $0.messageID = 1 }])
        let log = host.world.log.joined(separator: "\n").lowercased()
        #expect(!log.isEmpty)
        // Bytes one behind the other: in hexadecimal, with or without something between them, in decimal, in base 64.
        #expect(log.firstMatch(of: /[0-9a-f]{16}/) == nil)
        #expect(log.firstMatch(of: /([0-9a-f]{2}[ :,-]+){7}/) == nil)
        #expect(log.firstMatch(of: /([0-9]{1,3}, ?){7}/) == nil)
        #expect(log.firstMatch(of: /[0-9a-z+\/]{22}=/) == nil)
        #expect(!log.contains(EngineHost.password.lowercased()))
    }

    /// Who prints a user, or what it has logged in with, prints none of its keys.
    @Test func aUserDoesNotShowItsKey() {
        let user = AuthenticatedUser(
            name: "alice", domain: "D", sessionKey: [UInt8](repeating: 0xC5, count: 16),
            credentials: Credentials(userID: 1, groupID: 1, groups: []))
        let step = AuthenticationStep.done(token: [], user)
        var dumped = ""
        dump(step, to: &dumped)
        for text in ["\(user)", "\([user])", "\(step)", String(reflecting: user), dumped] {
            #expect(text.contains("alice"))
            #expect(!text.contains("197") && !text.lowercased().contains("c5c5"))
        }
    }
}

extension Wire {
    fileprivate func close() { (self as? EngineWire)?.close() }
}
