import CLinux
import Glibc

/// How eagerly the thread that holds a reactor's role takes the processor when something arrives.
///
/// By default a thread that wakes pushes aside what runs. As long as clients keep many requests in flight that is
/// waste: on one machine it is the client that gives way, between two requests that could have been served at one go.
/// Then the thread does without (SCHED_BATCH), which on one core took echoes from 3 to 48 a round and the server's
/// time for each to a third. It goes back as soon as rounds are small again, or when others keep it waiting: a
/// program that computes on every core would make each round a time slice long.
///
/// One for each stay of a thread in a role.
struct Eagerness: ~Copyable {
    /// Rounds between two decisions.
    static var windowRoundCount: Int { 256 }
    /// Requests that a round must bring, on average, for patience to pay.
    static var roundRequestCountMin: Int { 2 }
    /// Longest average wait for a processor, nanoseconds a round, before patience ends.
    static var waitMax: UInt64 { 200_000 }
    /// Windows without another try after one that ended so.
    static var pauseWindowCount: Int { 256 }

    private(set) var isPatient = false
    private var roundCount = 0
    private var requestCount = 0
    private var pause = 0
    private var waited: UInt64 = 0
    private let statistics: CInt

    init() {
        // Whoever gave the server a policy of its own meant it.
        let isOurs = sched_getscheduler(0) == SCHED_OTHER
        // SAFETY: a constant path.
        statistics = isOurs ? unsafe open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) : -1
    }

    /// A test's own, without a thread behind it.
    init(isPatient: Bool) {
        statistics = -1
        self.isPatient = isPatient
    }

    /// A round is over: events were reported, and this many requests served.
    @inline(__always)
    mutating func endRound(_ count: Int) {
        roundCount += 1
        requestCount += count
        if roundCount == Self.windowRoundCount { endWindow() }
    }

    private mutating func endWindow() {
        defer {
            roundCount = 0
            requestCount = 0
        }
        guard statistics >= 0 else { return }
        let isBusy = requestCount >= Self.roundRequestCountMin * roundCount
        guard isBusy || isPatient else {
            pause = max(0, pause - 1)
            return
        }
        let now = waitedForProcessor()
        let before = isPatient
        decide(isBusy: isBusy, waited: now &- waited)
        waited = now
        if isPatient != before { linux_set_thread_patience(isPatient ? 1 : 0) }
    }

    /// Whether to be patient for the next window.
    /// - Parameter waited: for a processor in this window, nanoseconds; looked at only if the thread was patient.
    mutating func decide(isBusy: Bool, waited: UInt64) {
        if isPatient, waited > Self.waitMax * UInt64(Self.windowRoundCount) { pause = Self.pauseWindowCount }
        isPatient = isBusy && pause == 0
        pause = max(0, pause - 1)
    }

    /// Of this thread so far, nanoseconds: the second number of /proc/thread-self/schedstat.
    private func waitedForProcessor() -> UInt64 {
        var text = InlineArray<64, UInt8>(repeating: 0)
        var span = text.mutableSpan
        // SAFETY: the kernel writes no more than the buffer's bytes, which live through the call.
        let count = unsafe span.withUnsafeMutableBytes { unsafe pread(statistics, $0.baseAddress, $0.count, 0) }
        var value: UInt64 = 0
        var isSecond = false
        for index in 0..<max(0, count) {
            let byte = text[index]
            if byte == UInt8(ascii: " ") {
                guard !isSecond else { break }
                isSecond = true
            } else if isSecond {
                value = value &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
            }
        }
        return value
    }

    deinit {
        if isPatient, statistics >= 0 { linux_set_thread_patience(0) }
        if statistics >= 0 { close(statistics) }
    }
}
