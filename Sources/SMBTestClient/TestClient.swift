import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// A client for tests and load, able to send what no good client would. It does nothing unasked: no retries, no limits,
/// no checks that would keep it from sending. One thread at a time.
public final class TestClient {
    /// What a finished login leaves behind.
    public struct Session: Sendable {
        public var id: UInt64
        public var flags: SessionSetupResponse.Flags
        public var signingKey: SigningKey
        /// What this client seals with, and what it opens the server's messages with; nil without a cipher.
        public var sealingKey: SealingKey?
        public var unsealingKey: SealingKey?
    }

    public let wire: any Wire
    /// What NEGOTIATE settled.
    public internal(set) var negotiated: NegotiateResponse?
    public internal(set) var cipher: Cipher?
    public internal(set) var signingAlgorithm = SigningAlgorithm.hmacSHA256
    var preauthHash = PreauthIntegrityHash()

    /// Used for requests that name none themselves.
    public var session: Session?
    public var treeID: UInt32 = 0
    /// Of the next request.
    public var messageID: UInt64 = 0
    /// Sign, or seal, what is sent from now on, if there is a key.
    public var signs = true
    public var seals = false
    /// Responses that came and that nobody has taken yet.
    var pending: [TestReply] = []

    public init(_ wire: any Wire) { self.wire = wire }

    public var dialect: Dialect? { negotiated.flatMap { Dialect(rawValue: $0.dialectRevision) } }

    // MARK: requests and their responses

    /// Sends one request and waits for its response. An interim response (STATUS_PENDING) counts as one.
    @discardableResult
    public func call(_ request: TestRequest) throws(TestClientError) -> TestReply {
        guard let reply = try call([request]).first else { throw .noReply }
        return reply
    }

    /// Sends requests as one compound and waits for as many responses.
    public func call(_ requests: [TestRequest]) throws(TestClientError) -> [TestReply] {
        send(requests)
        var replies: [TestReply] = []
        while replies.count < requests.count { replies.append(try nextReply()) }
        return replies
    }

    /// Sends one compound and waits for nothing.
    public func send(_ requests: [TestRequest]) { wire.send(encode(requests)) }

    /// The next response, whatever it answers.
    public func nextReply() throws(TestClientError) -> TestReply {
        while pending.isEmpty {
            guard let message = wire.receive() else { throw .noReply }
            pending += try decode(message)
        }
        return pending.removeFirst()
    }

    /// All responses that are there without waiting for more.
    public func repliesAtHand() throws(TestClientError) -> [TestReply] {
        while wire.mayHaveInput, let message = wire.receive() { pending += try decode(message) }
        defer { pending = [] }
        return pending
    }
}
