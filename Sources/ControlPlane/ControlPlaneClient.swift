import Glibc
import Platform

/// The data plane's end: a few channels to the control plane of the moment, each of which carries one request and then
/// its answer. A caller that finds all of them busy, or the control plane gone, waits for one to become free or for the
/// next control plane.
///
/// The other end may be anybody's. A channel on which something came that was not due, or an answer to another kind of
/// request, is given up, and the control plane with it; and whatever it does, each caller is through within a time.
public final class ControlPlaneClient: Sendable {
    /// How long things may take, in milliseconds.
    public struct Patience: Sendable {
        /// A caller's wait for a channel.
        public var turn: Int
        /// The control plane's answer, with all that it asks back; then it counts as stuck.
        public var answer: Int
        public init(turn: Int = 10_000, answer: Int = 20_000) { (self.turn, self.answer) = (turn, answer) }
    }
    /// Callers that wait at once. They keep threads from those who are connected; the next one is told to come again.
    private static let waitingCountMax = 48
    /// A request over which the control plane died so often is not asked again: perhaps it is what kills it.
    private static let attemptCountMax = 2
    /// Messages that nobody waits for: one for each login and each pipe that can be there.
    private static let noticeCountMax = 65_536

    private struct Retired {
        let channel: Channel
        let generation: Int
        /// Milliseconds of uptime.
        let end: Int
    }
    /// How long a control plane that was replaced is there for those, and how many are at once.
    private static let retirementMilliseconds = 10_000
    private static let retiredCountMax = 8

    private struct State {
        var idle: [Channel] = []
        /// Which control plane the channels lead to, the first being 1.
        var generation = 0
        var waitingCount = 0
        /// Of generations before, for who has not had all of an answer yet.
        var retired: [Retired] = []
        /// How many that are.
        var unfinishedCount = 0
        /// An answer of this generation did not come.
        var misses = false
        var isClosed = false
        var notices: [ControlPlaneRequest] = []
        /// A thread sees to `notices`.
        var isNotifying = false
    }
    private let state = Mutex(State())
    /// One signal for each idle channel.
    private let turns = Semaphore()
    /// One at a time asks who was replaced.
    private let retiredTurn = Semaphore(count: 1)
    private let facts = Mutex<(any DataPlaneFacts)?>(nil)
    private let patience: Patience

    public init(patience: Patience = Patience()) { self.patience = patience }

    /// What the control plane asks back is answered by `facts` from now on; before, it asks in vain.
    public func answerQueries(with facts: any DataPlaneFacts) { self.facts.withLock { $0 = facts } }

    /// An answer from the control plane of the moment did not come, so it is not what it should be any more.
    public var misses: Bool { state.withLock { $0.misses } }

    /// From now on these channels are used; those to the control plane before end with the requests they carry.
    public func adopt(_ channels: [Channel]) {
        for channel in channels { channel.setPatience(milliseconds: patience.answer) }
        let change = state.withLock { state -> Int in
            guard !state.isClosed else { return 0 }
            let change = channels.count - state.idle.count
            if let old = state.idle.last { Self.retire(old, state.generation, &state) }
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
    /// - Parameter scope: what the control plane may ask back meanwhile.
    public func ask(_ request: ControlPlaneRequest, answering scope: QueryScope = .nothing) -> ControlPlaneAnswer? {
        var attemptCount = 0
        var failed = 0
        while attemptCount < Self.attemptCountMax {
            guard let (channel, generation) = take() else { return nil }
            let number = channel.nextNumber()
            // Made anew for each attempt: a login's is long, and would be kept for as long as the answer takes.
            if channel.send(request.encode(), number: number) {
                if let answer = answer(to: number, on: channel, scope), request.isAnswered(by: answer) {
                    giveBack(channel, generation)
                    return answer
                }
                if generation != failed { attemptCount += 1 }
                failed = generation
            }
            // The channel is gone with the control plane; if that is still there, it is stuck or is somebody else.
            state.withLock { state in if generation == state.generation { state.misses = true } }
        }
        return nil
    }

    /// The answer; what is asked back before it is answered on the way.
    private func answer(to number: UInt32, on channel: Channel, _ scope: QueryScope) -> ControlPlaneAnswer? {
        let end = Self.uptime + patience.answer
        for _ in 0...DataPlaneQuery.countPerRequestMax {
            guard Self.uptime < end, let (its, bytes) = channel.receive(), its == number else { return nil }
            guard DataPlaneQuery.isQuery(bytes) else { return ControlPlaneAnswer(decoding: bytes) }
            guard let query = DataPlaneQuery(decoding: bytes), query.scope <= scope,
                let facts = facts.withLock({ $0 }), channel.send(facts.answer(query).encode(), number: number)
            else { return nil }
        }
        return nil
    }

    /// Milliseconds.
    private static var uptime: Int {
        var time = timespec()
        // SAFETY: the structure outlives the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
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
        let isTurn = turns.wait(milliseconds: patience.turn)
        return state.withLock { state in
            state.waitingCount -= 1
            guard isTurn, let channel = state.idle.popLast() else { return nil }
            return (channel, state.generation)
        }
    }

    private func giveBack(_ channel: Channel, _ generation: Int) {
        let isCurrent = state.withLock { state in
            guard !state.isClosed else { return false }
            guard generation == state.generation else {
                Self.retire(channel, generation, &state)
                return false
            }
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
            state.retired = []
            state.notices = []
            return state.waitingCount
        }
        for _ in 0..<waitingCount { turns.signal() }
    }

    // MARK: who was replaced

    /// Somebody has had a part of an answer (1), or all of it (-1): as long as there are such, who is replaced stays a
    /// while to tell the rest.
    public func awaitRest(_ change: Int) { state.withLock { $0.unfinishedCount += change } }

    /// As `ask`, of the control planes that were replaced: the newest that knows what is asked for.
    public func askReplaced(_ request: ControlPlaneRequest, answering scope: QueryScope) -> ControlPlaneAnswer? {
        guard retiredTurn.wait(milliseconds: patience.turn) else { return nil }
        defer { retiredTurn.signal() }
        dropReplaced()
        for old in state.withLock({ $0.retired }).reversed() {
            let number = old.channel.nextNumber()
            guard old.channel.send(request.encode(), number: number),
                let answer = answer(to: number, on: old.channel, scope), request.isAnswered(by: answer)
            else {
                state.withLock { $0.retired.removeAll { $0.channel === old.channel } }
                continue
            }
            if answer != .exchangeUnknown { return answer }
        }
        return nil
    }

    /// Those whose time has come end; to be called now and then.
    public func dropReplaced() {
        let now = Self.uptime
        state.withLock { state in state.retired.removeAll { $0.end < now || state.unfinishedCount <= 0 } }
    }

    private static func retire(_ channel: Channel, _ generation: Int, _ state: inout State) {
        guard state.unfinishedCount > 0, !state.retired.contains(where: { $0.generation == generation }) else { return }
        if state.retired.count == retiredCountMax { state.retired.removeFirst() }
        state.retired.append(
            Retired(channel: channel, generation: generation, end: uptime + retirementMilliseconds))
    }

    // MARK: notices

    /// Has the control plane hear of something that nobody waits for: whoever lets go of things, as the thread of a
    /// client that hangs up does, is not kept by a control plane that does not answer.
    public func tell(_ notice: ControlPlaneRequest) {
        let startsThread = state.withLock { state -> Bool in
            guard !state.isClosed, state.notices.count < Self.noticeCountMax else { return false }
            state.notices.append(notice)
            defer { state.isNotifying = true }
            return !state.isNotifying
        }
        guard startsThread, !Thread.detach(name: "control-notices", { self.notify() }) else { return }
        state.withLock { $0.isNotifying = false }
    }

    /// Ends with the last notice.
    private func notify() {
        while true {
            let notices = state.withLock { state in
                if state.notices.isEmpty { state.isNotifying = false }
                defer { state.notices = [] }
                return state.notices
            }
            guard !notices.isEmpty else { return }
            for notice in notices where !state.withLock({ $0.isClosed }) { _ = ask(notice) }
        }
    }
}
