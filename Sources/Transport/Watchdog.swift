import Glibc
import Platform

/// Finds the reactors whose holder was inside the same request at two looks in a row, and has a standby take over. Slow
/// requests come in bursts, and each holds up those behind it until it is found out: so after a find it looks ten times
/// as often for a while. Sleeps while no reactor does anything.
final class Watchdog: Sendable {
    /// Microseconds between two looks; 0: there is no watchdog.
    let interval: Int
    private let isParked = Atomic(false)
    private let isStopped = Atomic(false)
    private let alarm = Semaphore()

    init(interval: Int) { self.interval = interval }

    /// A reactor has something to do.
    @inline(__always)
    func wake() { if isParked.load(ordering: .sequentiallyConsistent) { unpark() } }

    private func unpark() { if isParked.exchange(false, ordering: .sequentiallyConsistent) { alarm.signal() } }

    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        unpark()
    }

    func run(_ reactors: [Reactor], _ crew: Crew) {
        var seen = reactors.map { $0.lease.observe() }
        var quiet = 0
        var alert = 0
        var trial = GatheringTrial()
        while !isStopped.load(ordering: .sequentiallyConsistent) {
            usleep(UInt32(alert > 0 ? interval / 10 : interval))
            quiet += 1
            alert -= 1
            for (index, reactor) in reactors.enumerated() {
                let now = reactor.lease.observe()
                if Lease.isInRequest(now), now == seen[index], crew.reassign(reactor, now) { alert = 100 }
                if Lease.isInRequest(now) || now != seen[index] { quiet = 0 }
                seen[index] = now
            }
            trial.look(now: Uptime.nanoseconds, servedCount: reactors.reduce(0) { $0 &+ $1.totalServedCount })
            if trial.isOn != crew.gathering.phase.isOn { crew.gathering.turn() }
            if quiet >= 50 {
                park(reactors, seen)
                quiet = 0
            }
        }
    }

    /// A holder first touches its lease and then looks at `isParked`; here it is the other way round. So either it sees
    /// that the watchdog is parked, or the watchdog sees that it is awake.
    private func park(_ reactors: [Reactor], _ seen: [Lease.Ticket]) {
        isParked.store(true, ordering: .sequentiallyConsistent)
        let isAwake =
            isStopped.load(ordering: .sequentiallyConsistent)
            || zip(reactors, seen).contains { $0.lease.observe() != $1 }
        if isAwake, isParked.exchange(false, ordering: .sequentiallyConsistent) { return }
        alarm.wait()
    }
}
