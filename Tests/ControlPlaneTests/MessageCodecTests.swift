import Glibc
import NTTypes
import Testing

@testable import ControlPlane

/// The messages between the planes: both ends take them for hostile.
struct MessageCodecTests {
    static let requests: [ControlPlaneRequest] = [
        .initialToken,
        .authenticate(exchange: 7, isContinued: true, token: [1, 2, 3], remoteAddress: "192.0.2.1"),
        .resumeExchange(exchange: .max, tokens: [[1], [], [2, 3], [4]]),
        .abandon(exchange: 1),
        .connectTree(
            share: "Data", user: "Zoë", isGuest: false, isAnonymous: true, groupIDs: [0, .max], connectionCount: 3,
            remoteAddress: "2001:db8::1"),
        .heartbeat(isVerbose: true), .pipe(.find(name: "srvsvc")),
        .pipe(.transact(pipe: 9, input: [1, 2])), .pipe(.close(pipe: 9)),
        .pipe(
            .open(
                pipe: 9, name: "srvsvc", user: "alice", domain: "D", isGuest: false, isAnonymous: false,
                isAdministrator: true, remoteAddress: "192.0.2.1",
                records: [PipeRecord(number: 0, value: [1]), PipeRecord(number: .max, value: [])])),
    ]
    static let answers: [ControlPlaneAnswer] = [
        .acknowledged, .token([9, 8]), .authenticationContinues(token: []), .exchangeUnknown,
        .authenticated(token: [1], login(keyByteCount: 64)), .refused(status: 0xC000_006D),
        .refused(
            status: 0xC000_0022, reason: RefusalReason(.share, "a.conf:3: valid users = bob", remedy: "ask", user: "al")
        ),
        .treeGranted(share: "Data", readOnly: nil),
        .treeGranted(share: "Data", readOnly: RefusalReason(.share, "read only", remedy: "")),
        .pipe(PipeAnswer(messages: [[1, 2], [3]], hasMore: true)),
        .pipe(
            PipeAnswer(
                messages: [], hasMore: false, unfinishedByteCount: .max, records: [PipeRecord(number: 7, value: [8])])),
        .late(.refused(status: 0xC000_006D), milliseconds: 5000),
        .late(.authenticated(token: [1, 2], login()), milliseconds: 250),
    ]

    static func login(user: String = "alice", keyByteCount: Int = 16) -> LoginOutcome {
        LoginOutcome(
            user: user, domain: "D", mustHaveAccount: true, sessionKey: [UInt8](repeating: 5, count: keyByteCount),
            isGuest: false, isAnonymous: false, expiry: 12)
    }

    @Test(arguments: requests) func requestsComeBackAsTheyWere(_ request: ControlPlaneRequest) {
        #expect(ControlPlaneRequest(decoding: request.encode()) == request)
    }

    @Test(arguments: answers) func answersComeBackAsTheyWere(_ answer: ControlPlaneAnswer) {
        #expect(ControlPlaneAnswer(decoding: answer.encode()) == answer)
    }

    @Test func whatIsCutShortOrTooLongIsNoMessage() {
        for bytes in Self.requests.map({ $0.encode() }) {
            for count in 0..<bytes.count { #expect(ControlPlaneRequest(decoding: Array(bytes[..<count])) == nil) }
            #expect(ControlPlaneRequest(decoding: bytes + [0]) == nil)
        }
        for bytes in Self.answers.map({ $0.encode() }) {
            for count in 0..<bytes.count { #expect(ControlPlaneAnswer(decoding: Array(bytes[..<count])) == nil) }
            #expect(ControlPlaneAnswer(decoding: bytes + [0]) == nil)
        }
    }

    /// CVE-2024-26811: the helper says how long something is, and is believed.
    @Test func lengthsBeyondTheMessageAreRefused() {
        for answer in Self.answers {
            let bytes = answer.encode()
            for index in bytes.indices.dropFirst() where bytes[index] != 0xFF {
                var changed = bytes
                changed[index] = 0xFF
                // Whatever comes out, it came out of these bytes: nothing is read beyond them, and it fits again.
                if let decoded = ControlPlaneAnswer(decoding: changed) { #expect(decoded.encode() == changed) }
            }
        }
    }

    @Test func aRefusalIsAnError() {
        #expect(ControlPlaneAnswer(decoding: ControlPlaneAnswer.refused(status: 0).encode()) == nil)
        #expect(ControlPlaneAnswer(decoding: ControlPlaneAnswer.refused(status: 0x103).encode()) == nil)
    }

    @Test func keysAndNamesAreBounded() {
        let longKey = ControlPlaneAnswer.authenticated(token: [], Self.login(keyByteCount: 65))
        #expect(ControlPlaneAnswer(decoding: longKey.encode()) == nil)
        let longName = ControlPlaneAnswer.authenticated(
            token: [], Self.login(user: String(repeating: "u", count: LoginOutcome.nameByteCountMax + 1)))
        #expect(ControlPlaneAnswer(decoding: longName.encode()) == nil)
        let manyTokens = ControlPlaneRequest.resumeExchange(exchange: 1, tokens: [[UInt8]](repeating: [], count: 17))
        #expect(ControlPlaneRequest(decoding: manyTokens.encode()) == nil)
        // What the client is sent has a length of 16 bits.
        let long = [UInt8](repeating: 7, count: 65_536)
        // What has no bytes would be kept without counting.
        let hollow = ControlPlaneAnswer.pipe(.init(messages: [[1], []], hasMore: true))
        #expect(ControlPlaneAnswer(decoding: hollow.encode()) == nil)
        for answer in [.token(long), .authenticationContinues(token: long), .authenticated(token: long, Self.login())]
            as [ControlPlaneAnswer]
        {
            #expect(ControlPlaneAnswer(decoding: answer.encode()) == nil)
        }
    }

    @Test func onlyOutcomesAreLateAndNotForLong() {
        let refused = ControlPlaneAnswer.refused(status: 0xC000_006D)
        for answer in [
            .late(.acknowledged, milliseconds: 1), .late(.late(refused, milliseconds: 1), milliseconds: 1),
            .late(.token([1]), milliseconds: 1),
            .late(refused, milliseconds: 10_001),
        ] as [ControlPlaneAnswer] {
            #expect(ControlPlaneAnswer(decoding: answer.encode()) == nil)
        }
    }

    /// CVE-2024-26811 in the other direction, and of the datagram itself.
    @Test func aDatagramThatIsTooLongIsNone() throws {
        let (one, other) = try #require(Channel.makePair())
        let long = [UInt8](repeating: 6, count: ControlPlaneRequest.byteCountMax + 1)
        #expect(!one.send(long, number: 1))
        let datagram = [1, 0, 0, 0] + long
        #expect(Glibc.send(one.descriptor, datagram, datagram.count, CInt(MSG_NOSIGNAL)) == datagram.count)
        #expect(other.receive() == nil)
        #expect(one.send(Array(long.dropLast()), number: 0xA1B2_C3D4))
        let received = try #require(other.receive())
        #expect(received.number == 0xA1B2_C3D4 && received.message.count == ControlPlaneRequest.byteCountMax)
    }
}
