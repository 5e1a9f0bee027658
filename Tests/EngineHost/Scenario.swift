import NTTypes
import SMBServer
import SMBTestClient
import SMBWire

/// What a fuzzer's input does to an engine: two clients that have logged in, one after the other, and messages to send
/// for either. All that happens follows from the input alone.
///
/// The input is a byte for the dialect, then records: a byte of `Step`, a length in two bytes (little-endian), as many
/// bytes of a message.
public enum Scenario {
    public struct Step: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Sent as it is. Otherwise protocol ID, message IDs and signatures or seal are put right, all along the
        /// compound, as far as it can be followed: what a fuzzer cannot guess.
        public static var raw: Self { .init(rawValue: 1) }
        public static var second: Self { .init(rawValue: 2) }
        public static var sealed: Self { .init(rawValue: 4) }
        /// 40 seconds pass before it.
        public static var wait: Self { .init(rawValue: 8) }
        /// The client's connection breaks before it; the client comes back and logs in.
        public static var reconnect: Self { .init(rawValue: 16) }
    }
    private static let stepCountMax = 24

    /// Runs it, and checks that nothing is left behind in the engine once both clients have gone.
    public static func run(_ input: [UInt8], in folder: ScratchFolder) {
        folder.clear()
        guard let first = input.first, let host = try? EngineHost(folder: folder, limits) else { return }
        let dialects: [Dialect] = [.smb311, .smb311, .smb311, .smb302, .smb300, .smb210, .smb202, .smb311]
        let dialect = dialects[Int(first & 7)]
        run(input.dropFirst(), on: host, dialect)
        // Opens that wait for their clients to come back give up in the end.
        for _ in 0..<4 { host.pass(seconds: 1200) }
        let left = host.server.occupancy
        precondition(left == Occupancy(), "left behind: \(left)")
    }

    private static func limits(_ settings: inout ServerSettings) {
        // Small, so that a fuzzer reaches them.
        settings.limits.parkedRequestCountPerConnectionMax = 8
        settings.limits.openCountPerSessionMax = 16
        settings.limits.treeConnectCountPerSessionMax = 4
        settings.limits.sessionCountPerConnectionMax = 3
        settings.limits.readByteCountMax = 1 << 20
        settings.limits.writeByteCountMax = 1 << 20
        settings.limits.transactByteCountMax = 1 << 20
        settings.limits.creditCountMax = 512
    }

    private static func run(_ input: ArraySlice<UInt8>, on host: EngineHost, _ dialect: Dialect) {
        guard var clients = try? [host.logIn([dialect]), host.logIn([dialect])] else {
            preconditionFailure("a good client must get in: \(host.world.log)")
        }
        var rest = input
        for _ in 0..<stepCountMax {
            guard rest.count >= 3 else { break }
            let bytes = Array(rest.prefix(3))
            let step = Step(rawValue: bytes[0])
            let message = Array(rest.dropFirst(3).prefix(Int(bytes[1]) | Int(bytes[2]) << 8))
            rest = rest.dropFirst(3 + message.count)
            if step.contains(.wait) { host.pass(seconds: 40) }
            let index = step.contains(.second) ? 1 : 0
            if step.contains(.reconnect) || !clients[index].wire.isOpen {
                (clients[index].wire as? EngineWire)?.close()
                guard let again = try? host.logIn([dialect]) else { break }
                clients[index] = again
            }
            send(message, step, clients[index])
            for client in clients { check(client) }
        }
        for client in clients { (client.wire as? EngineWire)?.close() }
    }

    private static func send(_ message: [UInt8], _ step: Step, _ client: TestClient) {
        guard !step.contains(.raw) else { return client.wire.send(message) }
        client.seals = step.contains(.sealed)
        client.send(requests(in: message))
    }

    /// The requests of a compound whose headers are there at least in part; distances that lead nowhere end it.
    private static func requests(in message: [UInt8]) -> [TestRequest] {
        var requests: [TestRequest] = []
        var rest = message[...]
        while requests.count < 16 {
            let header = Array(rest.prefix(64)) + [UInt8](repeating: 0, count: max(0, 64 - rest.count))
            func number(_ offset: Int, _ count: Int) -> UInt64 {
                header[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            let next = Int(number(20, 4))
            let isLast = next < 64 || next > rest.count
            var request = TestRequest(.echo, body: Array(rest.prefix(isLast ? rest.count : next).dropFirst(64)))
            request.command = UInt16(number(12, 2))
            request.creditCharge = UInt16(number(6, 2)) % 20
            request.credits = 64
            request.flags = SMB2Header.Flags(rawValue: UInt32(number(16, 4))).subtracting([.signed])
            if number(36, 4) != 0 { request.treeID = UInt32(number(36, 4)) }
            // The session is the client's own, unless the message names another.
            if number(40, 8) != 0 { request.sessionID = number(40, 8) }
            if request.flags.contains(.asyncCommand) { request.asyncID = number(32, 8) }
            if request.command == SMB2Command.cancel.rawValue { request.messageID = number(24, 8) }
            requests.append(request)
            guard !isLast else { break }
            rest = rest.dropFirst(next)
        }
        return requests
    }

    /// Whatever the client sent: what comes back is SMB2, and nothing that was never written.
    private static func check(_ client: TestClient) {
        var message = client.wire.receive()
        while let bytes = message {
            let replies = try? client.decode(bytes)
            for reply in replies ?? [] { ReplyCheck.check(reply) }
            message = client.wire.receive()
        }
    }
}
