import NTTypes
import Platform
import SMBWire

/// A request that waits for something: a byte-range lock, an oplock break, a change in a folder, a pipe. The one
/// mechanism for all of them.
///
/// A handler that must wait calls `RequestContext.park`, leaves the result with whatever it waits for, and throws
/// `.pending`. The client gets an interim response, [MS-SMB2] 3.3.4.2. Whoever makes the awaited thing happen calls
/// `wake`; then the handler runs again from the start, and can see in `RequestContext.wakeReason` why. It completes the
/// request or throws `.pending` once more.
final class ParkedRequest: Sendable {
    enum WakeReason: Sendable {
        /// What it waits for may have happened.
        case event
        /// The deadline given to `park` has passed.
        case timeout
        /// The client sent CANCEL: complete with `.cancelled`, [MS-SMB2] 3.3.5.16.
        case cancelled
        /// Session, tree connect, open or connection is going away: let go of everything. The status that the handler
        /// throws is sent if there is still somebody to send it to.
        case closed
    }
    private enum Phase { case starting, parked, queued, finished }
    private struct State {
        var phase = Phase.starting
        var reason: WakeReason?
        var deadline: UInt64?
        /// It stands in the queue's list of requests with a deadline.
        var isTimed = false
        var closeDeadline: UInt64?
        var awaitsMoment = false
        var outlivesConnection = false
        var session: Session?
        var treeConnect: TreeConnect?
    }

    /// AsyncId, [MS-SMB2] 2.2.1.1.
    let asyncID: UInt64
    let messageID: UInt64
    let connection: Connection
    let sessionID: UInt64
    let treeID: UInt32
    /// The message from this request's header on (the rest of the compound included), and how to go on with it.
    let work = Mutex<SuspendedCompound?>(nil)
    /// Whether the client is told that it waits. A rename that waits for others to let go is simply slow, as on
    /// Windows.
    let sendsInterim: Bool
    // Where somebody wants to know, in nanoseconds of uptime: when it came; since when it waits; how long it had waited
    // before.
    let arrival = Atomic<UInt64>(0)
    private let waitBegin = Atomic<UInt64>(0)
    private let waitTime = Atomic<UInt64>(0)
    /// Of its message no more than the header is kept: the handler has put by what it needs. Set before `arm`.
    let keepsHeaderOnly: Bool
    private let state = Mutex(State())

    init(
        asyncID: UInt64, connection: Connection, header: SMB2Header, sendsInterim: Bool, keepsHeaderOnly: Bool = false
    ) {
        self.keepsHeaderOnly = keepsHeaderOnly
        self.asyncID = asyncID
        self.sendsInterim = sendsInterim
        self.connection = connection
        messageID = header.messageID
        sessionID = header.sessionID
        treeID = header.treeID
    }

    /// Its handler has run, and it waits from now on.
    func beginWait(_ times: RequestTimes) {
        arrival.store(times.arrival, ordering: .relaxed)
        waitBegin.store(times.handlerEnd, ordering: .relaxed)
        waitTime.store(times.wait, ordering: .relaxed)
    }

    /// For how long it has waited in all; 0 if nobody looked when it began.
    func waited(until now: UInt64) -> UInt64 {
        let begin = waitBegin.load(ordering: .relaxed)
        return begin == 0 ? 0 : waitTime.load(ordering: .relaxed) + (now &- begin)
    }

    /// Makes the request run again soon. More than one reason: the gravest is kept. Callable with locks held.
    func wake(_ reason: WakeReason) {
        let mustQueue = state.withLock { state in
            if state.phase == .finished { return false }
            state.reason = Self.graver(state.reason, reason)
            if state.phase != .parked { return false }
            state.phase = .queued
            return true
        }
        if mustQueue { connection.server.parkedRequests.add(self) }
    }

    private static func graver(_ old: WakeReason?, _ new: WakeReason) -> WakeReason {
        func rank(_ reason: WakeReason) -> Int {
            switch reason {
            case .event: 0
            case .timeout: 1
            case .cancelled: 2
            case .closed: 3
            }
        }
        guard let old else { return new }
        return rank(new) > rank(old) ? new : old
    }

    /// Uptime in nanoseconds after which it wakes with `.timeout`.
    func setDeadline(_ deadline: UInt64?) { state.withLock { $0.deadline = deadline } }

    /// Uptime in nanoseconds until which it waits for handles to be closed that nobody caches any more: what was said
    /// first.
    func closeDeadline(orSet deadline: UInt64) -> UInt64 {
        state.withLock { state in
            let first = state.closeDeadline ?? deadline
            state.closeDeadline = first
            return first
        }
    }

    /// Its deadline is that one, and not one of a break.
    var awaitsMoment: Bool {
        get { state.withLock { $0.awaitsMoment } }
        set { state.withLock { $0.awaitsMoment = newValue } }
    }

    /// It goes on when its connection is lost, as long as its session lives through others.
    var outlivesConnection: Bool {
        get { state.withLock { $0.outlivesConnection } }
        set { state.withLock { $0.outlivesConnection = newValue } }
    }

    /// From now on `wake` runs it. One that came while the handler still ran takes effect at once.
    func arm() {
        let (wasWoken, mustSchedule) = state.withLock { state -> (Bool, Bool) in
            state.phase = state.reason == nil ? .parked : .queued
            let mustSchedule = state.deadline != nil && !state.isTimed
            if mustSchedule { state.isTimed = true }
            return (state.reason != nil, mustSchedule)
        }
        if mustSchedule { connection.server.parkedRequests.schedule(self) }
        if wasWoken { connection.server.parkedRequests.add(self) }
    }

    /// The reason to run again, taken; the handler runs now.
    func begin() -> WakeReason {
        state.withLock { state in
            state.phase = .starting
            defer { state.reason = nil }
            return state.reason ?? .event
        }
    }

    /// What the request was admitted with: it ends with these even when they have been closed meanwhile.
    func retain(session: Session?, treeConnect: TreeConnect?) {
        state.withLock { state in
            state.session = session
            state.treeConnect = treeConnect
        }
    }
    var retained: (Session?, TreeConnect?) { state.withLock { ($0.session, $0.treeConnect) } }

    func finish() {
        state.withLock { state in
            state.phase = .finished
            state.session = nil
            state.treeConnect = nil
        }
    }

    fileprivate enum Timing { case waits, isDue, isOver }

    /// Unless it still waits it has left the list, and may be scheduled again.
    fileprivate func timing(_ now: UInt64) -> Timing {
        state.withLock { state in
            guard state.phase != .finished, let deadline = state.deadline else {
                state.isTimed = false
                return .isOver
            }
            guard deadline <= now else { return .waits }
            state.isTimed = false
            return .isDue
        }
    }
}

/// Requests that were woken and wait for a thread, those that have a deadline, and breaks that are sent as soon as the
/// request that causes them has been answered.
final class ParkedRequestQueue: Sendable {
    private struct Lists {
        var ready: [ParkedRequest] = []
        /// Those that have been ready for longest, the oldest of them last. (An array gives up what is taken from its
        /// end; a slice would keep what it was, and a request keeps its server.)
        var oldest: [ParkedRequest] = []
        var timed: [ParkedRequest] = []
        var notices: [BreakNotice] = []

        mutating func popFirst() -> ParkedRequest? {
            if oldest.isEmpty {
                oldest = ready.reversed()
                ready = []
            }
            return oldest.popLast()
        }
    }
    private let lists = Mutex(Lists())
    private let hasReady = Atomic(false)

    func add(_ request: ParkedRequest) {
        lists.withLock { $0.ready.append(request) }
        hasReady.store(true, ordering: .releasing)
    }

    /// Breaks that the request under way does not wait for.
    func add(_ notices: [BreakNotice]) {
        guard !notices.isEmpty else { return }
        lists.withLock { $0.notices += notices }
        hasReady.store(true, ordering: .releasing)
    }

    func schedule(_ request: ParkedRequest) { lists.withLock { $0.timed.append(request) } }

    var hasAnyReady: Bool { hasReady.load(ordering: .acquiring) }

    /// Breaks to be sent, and the request that has been ready for longest, taken; nil if there is nothing.
    func takeReady() -> (notices: [BreakNotice], request: ParkedRequest?)? {
        guard hasReady.load(ordering: .acquiring) else { return nil }
        return lists.withLock { lists in
            defer {
                lists.notices = []
                if lists.ready.isEmpty, lists.oldest.isEmpty { hasReady.store(false, ordering: .relaxed) }
            }
            return (lists.notices, lists.popFirst())
        }
    }

    func expire(now: UInt64) {
        let due = lists.withLock { lists -> [ParkedRequest] in
            guard !lists.timed.isEmpty else { return [] }
            var due: [ParkedRequest] = []
            lists.timed.removeAll { request in
                let timing = request.timing(now)
                if timing == .isDue { due.append(request) }
                return timing != .waits
            }
            return due
        }
        for request in due { request.wake(.timeout) }
    }
}
