import EngineHost
import NTTypes
import Platform
import SMBCrypto
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// A session with two channels.
private struct TwoChannels {
    let host: EngineHost
    let first: TestClient
    let second: TestClient

    init(signing: [SigningAlgorithm] = [.aesGMAC], requiresSigning: Bool = false) throws {
        host = try EngineHost { $0.isMultichannel = true }
        let contexts = TestClient.contexts(signing: signing)
        first = host.connect()
        try first.negotiate([.smb311], contexts: contexts)
        try first.logIn(user: EngineHost.user, password: EngineHost.password, requiresSigning: requiresSigning)
        try first.connectTree("share")
        second = host.connect()
        try second.negotiate([.smb311], contexts: contexts)
        let session = try #require(first.session)
        try second.bind(to: session, user: EngineHost.user, password: EngineHost.password)
        second.treeID = first.treeID
    }
}

@Suite("Channels [MS-SMB2] 3.3.5.5.3") struct ChannelTests {
    @Test("each has its own key", arguments: [[.aesGMAC], [.aesCMAC], [.hmacSHA256]] as [[SigningAlgorithm]])
    func eachHasItsOwnKey(signing: [SigningAlgorithm]) throws {
        let pair = try TwoChannels(signing: signing)
        let file = try pair.first.open("file")
        let reply = try pair.second.call(.write(file, [1, 2, 3]))
        #expect(reply.status == .success)
        #expect(reply.hasGoodSignature == true)
        pair.second.session?.signingKey = try #require(pair.first.session).signingKey
        #expect(try pair.second.call(.read(file, count: 3)).status == .accessDenied)
    }

    @Test func theSessionLivesAsLongAsOneOfThem() throws {
        let pair = try TwoChannels()
        let file = try pair.first.open("file")
        (pair.first.wire as? EngineWire)?.close()
        #expect(try pair.second.call(.write(file, [1])).status == .success)
        (pair.second.wire as? EngineWire)?.close()
        #expect(pair.host.server.sessions.count == 0)
        #expect(pair.host.server.openCount.load(ordering: .relaxed) == 0)
    }

    @Test func whoDoesNotBindHasNoPartInIt() throws {
        let pair = try TwoChannels()
        let file = try pair.first.open("file")
        let stranger = pair.host.connect()
        try stranger.negotiate([.smb311])
        stranger.session = pair.first.session
        stranger.treeID = pair.first.treeID
        let reply = try stranger.call(.read(file, count: 1))
        #expect(reply.status == .userSessionDeleted)
        // Smbtorture's session.bind2: who demands signatures must be able to see it.
        #expect(reply.header.flags.contains(.signed))
        #expect(reply.header.signatureLow == 0)
        #expect(reply.header.signatureHigh == 0)
    }

    @Test("another user is refused, and the session goes on", arguments: ["", "mallory"])
    func anotherUser(name: String) throws {
        let pair = try TwoChannels()
        let other = pair.host.connect()
        try other.negotiate([.smb311], contexts: TestClient.contexts(signing: [.aesGMAC]))
        let session = try #require(pair.first.session)
        #expect(throws: TestClientError.self) { try other.bind(to: session, user: name, password: "wrong") }
        #expect(try pair.first.call(.echo).status == .success)
        #expect(try pair.second.call(.create("file")).status == .success)
    }

    @Test func whereAllIsSignedALoginIsTooThatIsNotTheFirst() throws {
        let pair = try TwoChannels(requiresSigning: true)
        pair.second.signs = false
        let setup = TestClient.sessionSetup([1, 2, 3]).with { $0.sessionID = pair.first.session?.id }
        #expect(try pair.second.call(setup).status == .accessDenied)
        #expect(try pair.first.call(.create("file")).status == .success)
    }

    @Test func aBreakTakesTheNextChannelWhenOneDoesNotCarryIt() throws {
        let pair = try TwoChannels()
        let file = try pair.first.open("file") { $0.requestedOplockLevel = 0x09 }
        (pair.first.wire as? EngineWire)?.losesAll = true
        let other = try pair.host.logIn()
        #expect(try other.call(.create("file")).isInterim)
        #expect(try pair.first.nextReply().header.messageID == .max)
        pair.host.pass(seconds: 2)
        #expect(throws: TestClientError.self) { try pair.second.nextReply() }
        pair.host.pass(seconds: 2)
        #expect(try pair.second.nextReply().header.messageID == .max)
        #expect(try pair.second.call(.acknowledge(level: 1, file)).status == .success)
        #expect(try other.nextReply().status == .success)
        // What was answered is not sent again.
        pair.host.pass(seconds: 10)
        #expect(throws: TestClientError.self) { try pair.second.nextReply() }
    }

    @Test func anOplocksBreakTakesTheChannelOnWhichTheFileWasOpened() throws {
        let pair = try TwoChannels()
        let file = try pair.second.open("file") { $0.requestedOplockLevel = 0x09 }
        let other = try pair.host.logIn()
        #expect(try other.call(.create("file")).isInterim)
        #expect(throws: TestClientError.self) { try pair.first.nextReply() }
        #expect(try pair.second.nextReply().header.messageID == .max)
        // What is left of it is broken on the first, once that is all there is.
        #expect(try pair.second.call(.acknowledge(level: 1, file)).status == .success)
        (pair.second.wire as? EngineWire)?.close()
        let opened = try other.nextReply().decode { r throws(WireError) in try CreateResponse(from: &r) }
        #expect(try other.call(.write(opened.fileID, [1])).status == .success)
        #expect(try pair.first.nextReply().header.messageID == .max)
    }

    @Test func aCreateThatWaitsGoesOnWithoutItsChannel() throws {
        let pair = try TwoChannels()
        let holder = try pair.host.logIn()
        let file = try holder.open("file") { $0.requestedOplockLevel = 0x09 }
        let request = TestRequest.create("file") { parameters in
            // DH2Q, 2.2.13.2.11: a create GUID is what a replay is known by.
            let data = [UInt8](repeating: 0, count: 16) + [UInt8](repeating: 7, count: 16)
            parameters.contexts = [CreateContext(name: .durableHandleRequestV2, data: data)]
        }
        #expect(try pair.first.call(request).isInterim)
        (pair.first.wire as? EngineWire)?.close()
        let again = request.with { $0.flags.insert(.replayOperation) }
        #expect(try pair.second.call(again).status == .fileNotAvailable)
        #expect(try holder.call(.close(file)).status == .success)
        let reply = try pair.second.call(again)
        #expect(reply.status == .success)
        let made = try reply.decode { r throws(WireError) in try CreateResponse(from: &r) }.fileID
        #expect(try pair.second.call(.close(made)).status == .success)
        #expect(pair.host.server.createReplays.count == 0)
    }

    @Test func aLockIsNotCarriedOutTwice() throws {
        let pair = try TwoChannels()
        let file = try pair.first.open("file")
        let lock = LockRequest.Element(offset: 0, length: 1, flags: [.exclusive, .failImmediately])
        let unlock = LockRequest.Element(offset: 0, length: 1, flags: .unlock)
        func status(_ client: TestClient, _ sequence: UInt32, _ element: LockRequest.Element) throws -> NTStatus {
            let request = LockRequest(lockSequence: sequence, fileID: file, locks: [element])
            return try client.call(TestRequest(.lock) { request.encode(into: $0) }).status
        }
        #expect(try status(pair.first, 0x011, lock) == .success)
        #expect(try status(pair.second, 0x011, lock) == .success)
        // Another number in the row, another row, no row.
        #expect(try status(pair.second, 0x012, lock) == .lockNotGranted)
        #expect(try status(pair.second, 0x401, lock) == .lockNotGranted)
        #expect(try status(pair.second, 0x411, lock) == .lockNotGranted)
        #expect(try status(pair.second, 0x011, unlock) == .success)
        #expect(try status(pair.second, 0x011, unlock) == .success)
        #expect(try status(pair.second, 0x001, unlock) == .rangeNotLocked)
    }
}
