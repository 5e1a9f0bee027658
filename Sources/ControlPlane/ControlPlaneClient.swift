import Platform

/// The data plane's end: a few channels to the control plane of the moment, each of which carries one request and then
/// its answer. A caller that finds all of them busy, or the control plane gone, waits for one to become free or for the
/// next control plane.
public final class ControlPlaneClient: Sendable {
    /// How long a caller waits for a channel; and the control plane may take for an answer before it counts as stuck.
    private static let patienceMilliseconds = 10_000
    private static let answerSecondsMax = 20
    /// Callers that wait at once. They keep threads from those who are connected; the next one is told to come again.
    private static let waitingCountMax = 48
    /// A request over which the control plane died so often is not asked again: perhaps it is what kills it.
    private static let attemptCountMax = 2

    private struct State {
        var idle: [Channel] = []
        /// Which control plane the channels lead to, the first being 1.
        var generation = 0
        var waitingCount = 0
        /// An answer of this generation did not come.
        var misses = false
        var isClosed = false
    }
    private let state = Mutex(State())
    /// One signal for each idle channel.
    private let turns = Semaphore()
    private let facts = Mutex<(any DataPlaneFacts)?>(nil)

    public init() {}

    /// What the control plane asks back is answered by `facts` from now on; before, it asks in vain.
    public func answerQueries(with facts: any DataPlaneFacts) { self.facts.withLock { $0 = facts } }

    /// An answer from the control plane of the moment did not come, so it is not what it should be any more.
    public var misses: Bool { state.withLock { $0.misses } }

    /// From now on these channels are used; those to the control plane before end with the requests they carry.
    public func adopt(_ channels: [Channel]) {
        for channel in channels { channel.setPatience(seconds: Self.answerSecondsMax) }
        let change = state.withLock { state -> Int in
            guard !state.isClosed else { return 0 }
            let change = channels.count - state.idle.count
            state.idle = channels
            state.generation += 1
            state.misses = false
            return change
        }
        precondition(change >= 0, "fewer channels than before")
        for _ in 0..<change { turns.signal() }
    }

    /// Asks and waits for the answer. nil when there is no control plane in time, or it answers nonsense; then nobody
    /// logs in.
    public func ask(_ request: ControlPlaneRequest) -> ControlPlaneAnswer? {
        let message = request.encode()
        var attemptCount = 0
        var failed = 0
        while attemptCount < Self.attemptCountMax {
            guard let (channel, generation) = take() else { return nil }
            if channel.send(message) {
                if let bytes = receive(channel) {
                    giveBack(channel, generation)
                    return ControlPlaneAnswer(decoding: bytes)
                }
                if generation != failed { attemptCount += 1 }
                failed = generation
            }
            // The channel is gone with the control plane; if that is still there, it is stuck.
            state.withLock { state in if generation == state.generation { state.misses = true } }
        }
        return nil
    }

    /// The answer; what is asked back before it is answered on the way.
    private func receive(_ channel: Channel) -> [UInt8]? {
        for _ in 0...DataPlaneQuery.countPerRequestMax {
            guard let bytes = channel.receive() else { return nil }
            guard DataPlaneQuery.isQuery(bytes) else { return bytes }
            guard let query = DataPlaneQuery(decoding: bytes), let facts = facts.withLock({ $0 }),
                channel.send(facts.answer(query).encode())
            else { return nil }
        }
        return nil
    }

    private func take() -> (Channel, generation: Int)? {
        let mayWait = state.withLock { state -> Bool in
            guard !state.isClosed, state.waitingCount < Self.waitingCountMax || !state.idle.isEmpty else {
                return false
            }
            state.waitingCount += 1
            return true
        }
        guard mayWait else { return nil }
        let isTurn = turns.wait(milliseconds: Self.patienceMilliseconds)
        return state.withLock { state in
            state.waitingCount -= 1
            guard isTurn, let channel = state.idle.popLast() else { return nil }
            return (channel, state.generation)
        }
    }

    private func giveBack(_ channel: Channel, _ generation: Int) {
        let isCurrent = state.withLock { state in
            guard !state.isClosed, generation == state.generation else { return false }
            state.idle.append(channel)
            return true
        }
        if isCurrent { turns.signal() }
    }

    /// Ends all channels, which the other end sees; nobody gets an answer any more.
    public func close() {
        let waitingCount = state.withLock { state in
            state.isClosed = true
            state.idle = []
            return state.waitingCount
        }
        for _ in 0..<waitingCount { turns.signal() }
    }
}
