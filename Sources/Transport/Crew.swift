import Platform

/// The threads. Each holds a reactor's role, is stuck in a request over which it lost its role, or stands by.
final class Crew: Sendable {
    private struct State {
        var vacant: [Reactor] = []
        var standbyCount = 0
        var threadCount = 0
        /// Reactors that have not finished.
        var openCount = 0
    }
    private let state = Mutex(State())
    /// One signal for each vacant role.
    private let calls = Semaphore()
    private let ended = Semaphore()
    let watchdog: Watchdog
    let gathering = Gathering()
    private let threadCountMax: Int
    private let spareThreadCount: Int

    init(_ configuration: TransportConfiguration) {
        threadCountMax = max(configuration.threadCountMax, configuration.reactorCount + 1)
        spareThreadCount = configuration.spareThreadCount
        watchdog = Watchdog(interval: configuration.watchdogInterval)
    }

    /// Gives the role of `reactor` to a standby, provided there is one and the request `ticket` still runs.
    /// - Returns: whether the role changed hands.
    func reassign(_ reactor: Reactor, _ ticket: Lease.Ticket) -> Bool {
        state.withLock { state in
            guard recruit(&state), reactor.lease.revoke(ticket) else { return false }
            fill(reactor, &state)
            // So that the next change of hands need not wait for a thread to start.
            _ = recruit(&state)
            return true
        }
    }

    private func fill(_ reactor: Reactor, _ state: inout State) {
        state.standbyCount -= 1
        state.vacant.append(reactor)
        calls.signal()
    }

    /// Sees to it that there is a standby. - Returns: false if there are too many threads already.
    private func recruit(_ state: inout State) -> Bool {
        if state.standbyCount > 0 { return true }
        guard state.threadCount < threadCountMax, Thread.detach(name: "reactor", { self.work() }) else { return false }
        state.standbyCount += 1
        state.threadCount += 1
        return true
    }

    private func work() {
        while true {
            let wasCalled = calls.wait(milliseconds: 10_000)
            let next = state.withLock { state -> Reactor?? in
                if wasCalled, let reactor = state.vacant.popLast() { return reactor }
                guard state.openCount == 0 || state.standbyCount > spareThreadCount else { return .some(nil) }
                state.standbyCount -= 1
                state.threadCount -= 1
                return nil
            }
            guard let next else {
                ended.signal()
                return
            }
            guard let reactor = next else { continue }
            let outcome = reactor.run()
            state.withLock { state in
                state.standbyCount += 1
                guard outcome == .finished else { return }
                state.openCount -= 1
                guard state.openCount == 0 else { return }
                watchdog.stop()
                for _ in 0..<state.threadCount { calls.signal() }
            }
        }
    }

    /// - Returns: false when the system has no threads to give.
    func start(_ reactors: [Reactor]) -> Bool {
        let hasThreads = state.withLock { state -> Bool in
            state.openCount = reactors.count
            for reactor in reactors {
                guard recruit(&state) else { return false }
                fill(reactor, &state)
            }
            return recruit(&state)
        }
        guard hasThreads else { return false }
        guard watchdog.interval > 0 else { return true }
        return Thread.detach(name: "watchdog") { self.watchdog.run(reactors, self) }
    }

    /// After every reactor was told to finish: waits for all threads, the blocked ones too, at most this long.
    /// - Returns: whether all have ended.
    func join(milliseconds: Int) -> Bool {
        var left = milliseconds
        while state.withLock({ $0.threadCount }) > 0 {
            guard left > 0 else { return false }
            if !ended.wait(milliseconds: 50) { left -= 50 }
        }
        return true
    }

    var threadCount: Int { state.withLock { $0.threadCount } }
}
