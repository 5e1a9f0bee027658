import Glibc
import Platform
import Testing
import Transport

/// Answers each message with its first four bytes, as often as its next four say; a third number is microseconds to
/// wait.
private final class Repeater: MessageReceiver {
    let ended = Atomic(false)
    func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool {
        let number = message.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        let count = message.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let delay = message.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        if delay > 0 { usleep(delay) }
        reply.append(number)
        reply.appendZeros(Int(count) * 4 - 4)
        return true
    }
    var messageByteCountMax: Int { 1 << 20 }
    var isOverdue: Bool { false }
    var isStranger: Bool { false }
    var isWithoutSession: Bool { false }
    func disconnected() { ended.store(true, ordering: .sequentiallyConsistent) }
}

final class TestClient: Sendable {
    let descriptor: CInt

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ messages: [(number: UInt32, wordCount: UInt32, delay: UInt32)]) {
        var bytes: [UInt8] = []
        for message in messages {
            bytes += [0, 0, 0, 12]
            for value in [message.number, message.wordCount, message.delay] {
                withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
            }
        }
        Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// - Returns: the number in the next reply and its length; nil when the connection ended, or nothing came.
    func receive() -> (number: UInt32, byteCount: Int)? {
        guard let prefix = read(4) else { return nil }
        let count = Int(prefix[1]) << 16 | Int(prefix[2]) << 8 | Int(prefix[3])
        guard let body = read(count) else { return nil }
        return (body.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }, count)
    }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var at = 0
        while at < count {
            let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + at, count - at, 0) }
            guard got > 0 else { return nil }
            at += got
        }
        return bytes
    }
}

@Suite("Direct TCP, clients that read late") struct SlowReaderTests {
    private static let wordsOfAMegabyte: UInt32 = 1 << 18

    private func withTransport(
        reactors: Int, unsentByteCountMax: Int = 4 << 20, _ body: (TCPTransport, UInt16) throws -> Void
    ) throws {
        var configuration = TransportConfiguration(buffers: BufferPool())
        configuration.reactorCount = reactors
        configuration.unsentByteCountMax = unsentByteCountMax
        configuration.leftBehindCountMax = 2
        let transport = TCPTransport(configuration: configuration) { _ in Repeater() }
        let port = try transport.listen(address: "127.0.0.1", port: 0)
        try #require(transport.start())
        defer { transport.stop() }
        try body(transport, port)
    }

    @Test func aClientMayAskForMoreThanItTakesAtOnce() throws {
        // 64 MiB of replies to one burst, with at most 4 kept for a client: they are made as it takes them.
        try withTransport(reactors: 1) { _, port in
            let client = try TestClient(port: port)
            client.send((0..<64).map { ($0, Self.wordsOfAMegabyte, 0) })
            usleep(300_000)
            let replies = (0..<64).compactMap { _ in client.receive() }
            #expect(replies.allSatisfy { $0.byteCount == 1 << 20 })
            // On a busy machine the role changes hands in between, and the order of replies is free.
            #expect(replies.map(\.number).sorted() == Array(0..<64))
        }
    }

    @Test func whatWaitsForOneClientIsNotTakenForAnothersMessages() throws {
        // The role changes hands in the middle of a burst whose replies nobody takes; then another client speaks.
        try withTransport(reactors: 1) { _, port in
            let slow = try TestClient(port: port)
            let other = try TestClient(port: port)
            var burst: [(UInt32, UInt32, UInt32)] = (0..<32).map { ($0, Self.wordsOfAMegabyte, 0) }
            burst[20].2 = 50_000
            burst[3].2 = 50_000
            slow.send(burst)
            usleep(20_000)
            for number in 1000..<1050 as Range<UInt32> {
                other.send([(number, 1, 0)])
                let reply = other.receive()
                #expect(reply?.number == number)
                #expect(reply?.byteCount == 4)
            }
            let numbers = (0..<32).compactMap { _ in slow.receive()?.number }
            #expect(numbers.sorted() == Array(0..<32))
        }
    }

    @Test func aClientWithManySlowRequestsKeepsFewThreadsAndLosesNothing() throws {
        // Each lasts longer than the watchdog lets the role stay, and together their replies are more than is kept.
        try withTransport(reactors: 1) { transport, port in
            let slow = try TestClient(port: port)
            let other = try TestClient(port: port)
            slow.send((0..<24).map { ($0, Self.wordsOfAMegabyte, 30_000) })
            usleep(60_000)
            #expect(transport.threadCount < 10)
            other.send([(99, 1, 0)])
            #expect(other.receive()?.number == 99)
            #expect((0..<24).compactMap { _ in slow.receive()?.number }.sorted() == Array(0..<24))
        }
    }

    /// The first reply is ready and not sent when the other requests keep as many threads as a client may; what then
    /// comes from somebody else is answered with that client's own replies alone.
    @Test func theRepliesOfOneClientNeverGoToAnother() throws {
        try withTransport(reactors: 1) { _, port in
            let slow = try TestClient(port: port)
            let other = try TestClient(port: port)
            slow.send([(1, 1, 0), (2, 1, 300_000), (3, 1, 0), (4, 1, 300_000), (5, 1, 0)])
            usleep(50_000)
            other.send([(99, 1, 0)])
            #expect(other.receive()?.number == 99)
            let begin = Uptime.nanoseconds
            // Nor do they wait for what is slow.
            #expect(slow.receive()?.number == 1 && slow.receive()?.number == 3)
            #expect(Uptime.nanoseconds - begin < 150_000_000)
            #expect((0..<3).compactMap { _ in slow.receive()?.number }.sorted() == [2, 4, 5])
        }
    }

    /// The same where a client does not take its replies: small ones are collected, and a large one comes behind them.
    @Test func theRepliesThatOneClientDoesNotTakeNeverGoToAnother() throws {
        try withTransport(reactors: 1) { _, port in
            let slow = try TestClient(port: port)
            let other = try TestClient(port: port)
            let burst = (0..<2000 as Range<UInt32>).map { ($0, $0 % 2 == 0 ? 1 : 5000 as UInt32, 0 as UInt32) }
            slow.send(burst)
            usleep(200_000)
            for number in 10_000..<10_100 as Range<UInt32> {
                other.send([(number, 1, 0)])
                #expect(other.receive()?.number == number)
            }
            #expect((0..<2000).compactMap { _ in slow.receive()?.number }.sorted() == Array(0..<2000))
        }
    }

    /// Everything at once, at random: large and small, quick and slow, read late or at once, by eight clients of two
    /// reactors. Each gets its own replies, and all of them.
    @Test(arguments: [1, 2] as [UInt64]) func eachClientGetsItsOwnRepliesAndAllOfThem(seed: UInt64) throws {
        try withTransport(reactors: 2, unsentByteCountMax: 64 << 20) { _, port in
            let failures = Mutex<[String]>([])
            let done = Semaphore()
            let clients = try (0..<8).map { _ in try TestClient(port: port) }
            for (index, client) in clients.enumerated() {
                _ = Thread.detach(name: "client") {
                    if let failure = Self.talk(client, number: UInt32(index), seed: seed &* 31 &+ UInt64(index)) {
                        failures.withLock { $0.append(failure) }
                    }
                    done.signal()
                }
            }
            for _ in clients { done.wait() }
            #expect(failures.withLock { $0 } == [])
        }
    }

    private static func talk(_ client: TestClient, number: UInt32, seed: UInt64) -> String? {
        var state = seed
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for round in 0..<40 as Range<UInt32> {
            let first = number << 24 | round << 8
            let burst = (0..<UInt32(1 + random(40))).map { index in
                let size: UInt32 = random(4) > 0 ? 1 : random(4) > 0 ? 5000 : Self.wordsOfAMegabyte
                return (first | index, size, random(12) > 0 ? 0 as UInt32 : UInt32(random(6000)))
            }
            client.send(burst)
            if random(3) == 0 { usleep(UInt32(random(10_000))) }
            let numbers = burst.compactMap { _ in client.receive()?.number }
            if numbers.sorted() != burst.map(\.0) { return "client \(number), round \(round): \(numbers)" }
        }
        return nil
    }

    /// Each request is far too short for the watchdog, and there are always more of them: here for a second or two.
    @Test func aClientThatNeverPausesLeavesTheOthersTheirTurn() throws {
        try withTransport(reactors: 1) { _, port in
            let busy = try TestClient(port: port)
            let other = try TestClient(port: port)
            let burst = (0..<6000 as Range<UInt32>).map { ($0, 1 as UInt32, 200 as UInt32) }
            busy.send(burst)
            let begin = Uptime.nanoseconds
            for number in 0..<5 as Range<UInt32> {
                other.send([(number, 1, 0)])
                #expect(other.receive()?.number == number)
            }
            let taken = Uptime.nanoseconds - begin
            #expect(burst.allSatisfy { _ in busy.receive() != nil })
            // In turn, not after: five turns of a few milliseconds, against all of the burst.
            #expect(taken < (Uptime.nanoseconds - begin) / 2)
        }
    }

    @Test func aConnectionThatEndsIsForgotten() throws {
        try withTransport(reactors: 2) { transport, port in
            for _ in 0..<20 {
                let client = try TestClient(port: port)
                client.send([(7, 1, 0)])
                #expect(client.receive()?.number == 7)
            }
            for _ in 0..<50 where transport.connectionCount > 0 { usleep(20_000) }
            #expect(transport.connectionCount == 0)
        }
    }
}
