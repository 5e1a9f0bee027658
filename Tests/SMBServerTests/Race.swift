import Platform
import SMBTestClient
import SMBWire
import Testing

/// What is run at the same time, each over and over in a thread of its own.
final class Race: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): each closure is run by one thread; all else is immutable or atomic.
    private let bodies: [() -> Bool]
    private let counts: [Count]
    private let isOver = Atomic(false)
    private let runningCount = Atomic<Int>(0)

    private final class Count: Sendable { let value = Atomic<Int>(0) }

    init(_ bodies: [() -> Bool]) {
        self.bodies = bodies
        counts = bodies.map { _ in Count() }
    }

    private var all: [Int] { counts.map { $0.value.load(ordering: .relaxed) } }

    /// Until one returns false, or the time is over and each has run twenty times; that may take a minute.
    /// - Returns: how often each ran.
    func run(seconds: Double) async -> [Int] {
        for index in bodies.indices {
            runningCount.wrappingAdd(1, ordering: .relaxed)
            let isStarted = Thread.detach(name: "racer") { self.repeatBody(index) }
            #expect(isStarted)
        }
        let begin = ContinuousClock.now
        while !isOver.load(ordering: .relaxed) {
            let passed = ContinuousClock.now - begin
            if passed > .seconds(seconds), passed > .seconds(60) || all.allSatisfy({ $0 >= 20 }) { break }
            try? await Task.sleep(for: .milliseconds(5))
        }
        isOver.store(true, ordering: .relaxed)
        while runningCount.load(ordering: .acquiring) > 0 { try? await Task.sleep(for: .milliseconds(5)) }
        return all
    }

    private func repeatBody(_ index: Int) {
        while !isOver.load(ordering: .relaxed), bodies[index]() {
            counts[index].value.wrappingAdd(1, ordering: .relaxed)
        }
        isOver.store(true, ordering: .relaxed)
        runningCount.wrappingSubtract(1, ordering: .releasing)
    }
}

/// A client for one thread, whose requests may have to wait for what others do.
final class Caller: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): used by one thread at a time.
    let client: TestClient
    private var random: UInt64
    /// Since the last CREATE.
    private(set) var hasHadBreak = false
    var hasBreakAtHand: Bool { ((try? client.repliesAtHand()) ?? []).contains { $0.header.messageID == .max } }

    init(_ client: TestClient, seed: UInt64 = 0) {
        self.client = client
        random = (seed &+ 1) &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// Nothing here waits for a clock. But under a sanitizer some twenty threads at once queue for a lock of Swift's
    /// runtime (swift_once, when it is asked for the metadata of a generic type), and each gets through a few times a
    /// second only.
    private static let patience = Duration.seconds(30)

    /// Sends a compound.
    /// - Returns: its answers; fewer if they have not come in time.
    func call(_ requests: [TestRequest]) -> [TestReply] {
        if requests.first?.command == SMB2Command.create.rawValue { hasHadBreak = false }
        client.send(requests)
        var replies: [TestReply] = []
        let end = ContinuousClock.now + Self.patience
        while replies.count < requests.count, ContinuousClock.now < end {
            guard let reply = try? client.nextReply() else { continue }
            // Breaks are acknowledged by the close that follows soon.
            if reply.header.messageID == .max { hasHadBreak = true } else if !reply.isInterim { replies.append(reply) }
        }
        return replies
    }

    /// The answer to one request. - Returns: nil if none has come.
    func call(_ request: TestRequest) -> TestReply? { call([request]).first }

    func next(_ bound: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int((random >> 11) % UInt64(bound))
    }
}
