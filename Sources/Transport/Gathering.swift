import CLinux
import Platform

/// Whether reactors that have served what was there wait a moment before they look again, so that requests gather.
///
/// A client with many requests in flight is often kept busy by sending and receiving alone. The server, being quicker,
/// then gets one request at a time: each is received, answered and sent by itself, and each wakes a thread on either
/// side. After a moment's wait there are several, for the price of one.
///
/// But who waits for a reply must not be kept waiting. For all connections together `GatheringTrial` finds out whether
/// the wait costs anything; and a reactor never waits after a round with one that brings its requests one by one
/// (`Depth`), whatever others do.
final class Gathering: Sendable {
    /// How long requests gather, microseconds.
    static var waitMicroseconds: Int { 150 }

    /// Odd while reactors wait.
    private let count = Atomic<UInt32>(0)

    var phase: Phase { Phase(count: count.load(ordering: .relaxed)) }

    /// Begins another phase.
    func turn() { count.wrappingAdd(1, ordering: .relaxed) }

    /// No descriptor is waited for meanwhile: what arrives wakes nobody.
    static func wait() { linux_sleep_precisely(waitMicroseconds) }

    struct Phase: Equatable {
        fileprivate let count: UInt32
        var isOn: Bool { count & 1 == 1 }
    }

    /// How many requests a connection brings at a time, after a wait.
    struct Depth {
        private var phase = Phase(count: 0)
        /// In 256ths, over some sixteen rounds. Each phase begins with two.
        private var average = 512

        /// This many of its requests were served in a round.
        /// - Returns: false if it brings fewer than five in four rounds: it may be waiting for each reply.
        @inline(__always)
        mutating func add(_ count: Int, in phase: Phase, afterWait: Bool) -> Bool {
            if phase != self.phase { self = Depth(phase: phase) }
            if afterWait { average += (min(count, 64) << 8 - average) >> 4 }
            return average >= 320
        }
    }
}

/// Tries whether gathering pays: a window without it, one with it; it stays as long as no fewer requests are served a
/// second than without it. A window without it shows whether that still holds, the first of them soon: what is taken
/// for the rate without it may come from a window in which clients were only about to begin, and against that any
/// rate is high.
///
/// All reactors are tried at the same time, since a client that several of them serve gives less to those that wait
/// while another does not.
struct GatheringTrial {
    /// Nanoseconds of a window.
    static var windowTime: UInt64 { 32_000_000 }
    /// Nanoseconds of a trial that do not count: in them connections that bring one request at a time are found out.
    static var settlingTime: UInt64 { 8_000_000 }
    /// Requests a second: with fewer there is little to gain.
    static var rateMin: UInt64 { 5_000 }
    /// Windows of gathering before one without it, at most: at first one, then four times as many each time.
    static var windowCountMax: Int { 64 }
    /// Windows without another trial after one that failed, at most: at first one, then twice as many each time.
    static var pauseMax: Int { 16 }

    private(set) var isOn = false
    private var isSettling = false
    private var begin: UInt64 = 0
    private var servedBefore: UInt64 = 0
    /// Requests a second in the last window without gathering.
    private var rate: UInt64 = 0
    /// Windows of gathering since then, how many there are to be, and requests a second in the first of them.
    private var windowCount = 0
    private var trust = 1
    private var gatheredRate: UInt64 = 0
    private var pause = 1
    private var pauseLeft = 1

    /// - Parameters:
    ///   - now: nanoseconds of uptime.
    ///   - servedCount: requests served so far, by all reactors.
    mutating func look(now: UInt64, servedCount: UInt64) {
        let time = now &- begin
        if isSettling {
            guard time >= Self.settlingTime else { return }
            isSettling = false
        } else {
            let found = (servedCount &- servedBefore) * 1_000_000_000 / max(1, time)
            guard time >= Self.windowTime || isHopeless(found, after: time) else { return }
            if time < 2 * Self.windowTime {
                decide(found)
            } else {
                // It says nothing: the server was idle, or was not let run. What comes now may be something else.
                pause = 1
                lookAgain()
            }
        }
        begin = now
        servedBefore = servedCount
    }

    /// Whether a trial need not go on: a quarter of its window with less than two thirds of the requests.
    private func isHopeless(_ found: UInt64, after time: UInt64) -> Bool {
        isOn && windowCount == 0 && time >= Self.windowTime / 4 && found < rate / 3 * 2
    }

    private mutating func decide(_ found: UInt64) {
        if !isOn {
            rate = found
            pauseLeft -= 1
            isOn = pauseLeft <= 0 && rate >= Self.rateMin
            isSettling = isOn
        } else if windowCount == 0, found + found / 16 < rate {
            // (A sixteenth is noise.)
            trust = 1
            end(pause)
            pause = min(2 * pause, Self.pauseMax)
        } else if windowCount > 0, found < gatheredRate / 2 || found / 2 > gatheredRate {
            // Clients do something else now.
            lookAgain()
        } else {
            pause = 1
            if windowCount == 0 { gatheredRate = found }
            windowCount += 1
            guard windowCount >= trust else { return }
            trust = min(4 * trust, Self.windowCountMax)
            end(1)
        }
    }

    private mutating func lookAgain() {
        trust = 1
        end(1)
    }

    private mutating func end(_ pause: Int) {
        isOn = false
        windowCount = 0
        pauseLeft = pause
    }
}
