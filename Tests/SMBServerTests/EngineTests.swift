import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

@Suite("Negotiation [MS-SMB2] 3.3.5.4") struct NegotiateEngineTests {
    @Test("each dialect logs in and reaches a file", arguments: Dialect.allCases)
    func everyDialect(dialect: Dialect) throws {
        let host = try EngineHost()
        let client = try host.logIn([dialect])
        #expect(client.dialect == dialect)
        let file = try client.open("file")
        #expect(try client.call(.write(file, [1, 2, 3])).status == .success)
        let reply = try client.call(.read(file, count: 10))
        #expect(reply.hasGoodSignature == true)
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == [1, 2, 3])
    }

    @Test func theServersOrderOfCiphersAndSigningAlgorithmsDecides() throws {
        let client = try EngineHost().logIn(
            contexts: TestClient.contexts(
                ciphers: [.aes256CCM, .aes256GCM, .aes128CCM, .aes128GCM], signing: [.hmacSHA256, .aesCMAC, .aesGMAC]))
        #expect(client.cipher == .aes128GCM)
        #expect(client.signingAlgorithm == .aesGMAC)
    }

    @Test func aSecondNegotiateEndsTheConnection() throws {
        let client = try EngineHost().connect()
        try client.negotiate()
        client.send([TestClient.negotiateRequest()])
        #expect(!client.wire.isOpen)
        #expect(client.wire.receive() == nil)
    }

    @Test func smb1AfterSMB2EndsTheConnection() throws {
        let client = try EngineHost().connect()
        try client.negotiate()
        client.wire.send([0xFF, 0x53, 0x4D, 0x42, 0x72] + [UInt8](repeating: 0, count: 60))
        #expect(!client.wire.isOpen)
    }

    @Test func nothingElseBeforeNegotiate() throws {
        let client = try EngineHost().connect()
        client.send([.echo])
        #expect(!client.wire.isOpen)
    }

    @Test func afterTheMultiProtocolAnswerOnlyNegotiateIsTaken() throws {
        var request: [UInt8] = [0xFF, 0x53, 0x4D, 0x42, 0x72] + [UInt8](repeating: 0, count: 27) + [0]
        let dialect = [2] + Array("SMB 2.???".utf8) + [0]
        request += [UInt8(dialect.count), 0] + dialect
        for takesNext in [true, false] {
            let client = try EngineHost().connect()
            client.wire.send(request)
            #expect(try #require(client.wire.receive()).count > 64)
            client.messageID = 1
            client.send([takesNext ? TestClient.negotiateRequest() : .echo])
            #expect(client.wire.isOpen == takesNext)
        }
    }
}

@Suite("Credits and messages [MS-SMB2] 3.3.5.2") struct MessageEngineTests {
    @Test func aMessageIDIsGoodOnce() throws {
        let client = try EngineHost().logIn()
        client.send([TestRequest.echo.with { $0.messageID = 1 }])
        #expect(!client.wire.isOpen)
    }

    @Test func largeReadsCostACreditForEach64KiB() throws {
        let client = try EngineHost().logIn()
        let file = try client.open("file")
        let cheap = TestRequest.read(file, count: 65_537).with { $0.creditCharge = 1 }
        #expect(try client.call(cheap).status == .invalidParameter)
    }

    @Test("NextCommand that leads nowhere ends the connection", arguments: [1, 8, 63, 65, 72, 4096, .max] as [UInt32])
    func nextCommand(next: UInt32) throws {
        let client = try EngineHost().logIn()
        client.signs = false
        client.send([TestRequest.echo.with { $0.nextCommand = next }])
        #expect(!client.wire.isOpen)
    }

    @Test func aWrongSignatureIsRefused() throws {
        let client = try EngineHost().logIn()
        var message = client.encode([.create("file")])
        message[50] ^= 1
        client.wire.send(message)
        #expect(try client.nextReply().status == .accessDenied)
    }

    @Test func aWrongSealEndsTheConnection() throws {
        let client = try EngineHost().logIn()
        client.seals = true
        #expect(try client.call(.echo).isSealed)
        var message = client.encode([.echo])
        message[message.count - 1] ^= 1
        client.wire.send(message)
        #expect(!client.wire.isOpen)
    }

    @Test func cancelledNotifyAnswersCancelled() throws {
        let client = try EngineHost().logIn()
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        let interim = try client.call(.notify(folder))
        #expect(interim.isInterim)
        client.send([.cancel(asyncID: interim.header.asyncIDOrTree)])
        #expect(try client.nextReply().status == .cancelled)
    }
}

@Suite("Malformed requests are refused, every strict prefix of a good one too") struct MalformedRequestTests {
    static let samples: [TestRequest] = {
        let file = FileID(persistent: 1, volatile: 1)
        return [
            .create("file"), .close(file), .flush(file), .read(file, count: 1), .write(file, [1, 2, 3, 4]),
            .lock(file, [.init(offset: 0, length: 1, flags: .exclusive)]), .control(0x0009_00C0, file), .list(file),
            .notify(file), .query(file, class: 4), .set(file, class: 4, [UInt8](repeating: 0, count: 40)),
            .acknowledge(level: 0, file), TestClient.treeConnect("share"), .treeDisconnect, .echo, .logoff,
        ]
    }()

    @Test(arguments: samples.indices) func everyPrefix(index: Int) throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let whole = Self.samples[index]
        for count in whole.body.indices {
            let reply = try client.call(whole.with { $0.body = Array(whole.body.prefix(count)) })
            #expect(ReplyCheck.problem(in: reply) == nil)
        }
        #expect(try client.call(TestRequest(.create, body: [])).status == .invalidParameter)
    }

    @Test("offsets and lengths of all ones", arguments: samples.indices) func everyWord(index: Int) throws {
        let host = try EngineHost()
        let whole = Self.samples[index]
        for offset in stride(from: 2, to: whole.body.count - 1, by: 2) {
            let client = try host.logIn()
            let changed = whole.with { $0.body.replaceSubrange(offset..<offset + 2, with: [0xFF, 0xFF]) }
            client.send([changed])
            for reply in try client.repliesAtHand() { #expect(ReplyCheck.problem(in: reply) == nil) }
        }
    }
}

@Suite("Limits") struct LimitEngineTests {
    @Test func opensOfASession() throws {
        let host = try EngineHost { $0.limits.openCountPerSessionMax = 3 }
        let client = try host.logIn()
        for index in 0..<3 { _ = try client.open("file\(index)") }
        #expect(try client.call(.create("one too many")).status == .insufficientResources)
    }

    @Test func treeConnectsOfASession() throws {
        let client = try EngineHost { $0.limits.treeConnectCountPerSessionMax = 2 }.logIn()
        try client.connectTree("share")
        #expect(try client.call(TestClient.treeConnect("share")).status == .insufficientResources)
    }

    @Test func requestsThatWait() throws {
        let client = try EngineHost { $0.limits.parkedRequestCountPerConnectionMax = 1 }.logIn()
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        #expect(try client.call(.notify(folder)).isInterim)
        #expect(try client.call(.notify(folder)).status == .insufficientResources)
    }

    @Test func requestsInACompound() throws {
        let client = try EngineHost { $0.limits.compoundRequestCountMax = 4 }.logIn()
        #expect(try client.call([TestRequest](repeating: .echo, count: 4)).allSatisfy { $0.status == .success })
        client.send([TestRequest](repeating: .echo, count: 5))
        #expect(!client.wire.isOpen)
    }

    @Test func bytesInTheAnswerToACompound() throws {
        let client = try EngineHost { $0.limits.compoundReplyByteCountMax = 5000 }.logIn()
        let file = try client.open("file")
        #expect(try client.call(.write(file, [UInt8](repeating: 7, count: 4000))).status == .success)
        let replies = try client.call([TestRequest](repeating: .read(file, count: 4000), count: 4))
        #expect(replies.map(\.status) == [.success, .success, .insufficientResources, .insufficientResources])
        #expect(try client.call(.read(file, count: 4000)).status == .success)
    }

    @Test func bytesInTheNewNameOfARename() throws {
        let client = try EngineHost { $0.limits.pathByteCountMax = 10 }.logIn()
        let file = try client.open("file") { $0.desiredAccess = [.delete] }
        func rename(to name: String) throws -> NTStatus {
            try client.call(.newName(file, name)).status
        }
        #expect(try rename(to: "longer") == .objectNameInvalid)
        #expect(try rename(to: "short") == .success)
    }

    @Test func nothingIsLeftWhenTheClientGoes() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        _ = try client.open("file")
        #expect(host.server.occupancy.opens == 1)
        (client.wire as? EngineWire)?.close()
        #expect(host.server.occupancy == Occupancy())
    }
}
