import Platform

/// Who looks at the requests that are handled, and at what. Nobody does most of the time; then a request pays for one
/// look at this.
public final class Observation: Sendable {
    struct Interest: OptionSet, Sendable {
        let rawValue: UInt8
        /// Counts by command: `Metrics`.
        static var counts: Self { .init(rawValue: 1) }
        /// Where time goes: `ActivityLog`.
        static var activity: Self { .init(rawValue: 2) }
        /// Each request: `Tracer`.
        static var trace: Self { .init(rawValue: 4) }
    }
    private struct Watchers {
        var counts: Bool
        var activityCount = 0
        var tracers: [Tracer] = []
    }
    private let current: Atomic<UInt8>
    private let watchers: Mutex<Watchers>
    /// On while somebody wants to know where time goes: the transport then times its part.
    public let timing = Flag()
    public let activity: ActivityLog

    init(counts: Bool, limits: Limits) {
        activity = ActivityLog(countMax: limits.activityCountMax)
        watchers = Mutex(Watchers(counts: counts))
        current = Atomic(counts ? Interest.counts.rawValue : 0)
    }

    @inline(__always)
    var interest: Interest { Interest(rawValue: current.load(ordering: .relaxed)) }

    var tracers: [Tracer] { watchers.withLock { $0.tracers } }

    /// Whether requests are counted from now on, in a server that has `Metrics`.
    public func setCounting(_ counts: Bool) { change { $0.counts = counts } }

    /// Where time goes is noted from now on, for each call of this until an `endActivity`.
    public func beginActivity() { change { $0.activityCount += 1 } }

    public func endActivity() { change { $0.activityCount -= 1 } }

    /// From now on the tracer is told of each request.
    public func add(_ tracer: Tracer) { change { $0.tracers.append(tracer) } }

    public func remove(_ tracer: Tracer) { change { $0.tracers.removeAll { $0 === tracer } } }

    private func change(_ body: (inout Watchers) -> Void) {
        watchers.withLock { watchers in
            body(&watchers)
            var interest: Interest = watchers.counts ? .counts : []
            if watchers.activityCount > 0 { interest.insert(.activity) }
            if !watchers.tracers.isEmpty { interest.insert(.trace) }
            current.store(interest.rawValue, ordering: .relaxed)
            timing.set(interest.contains(.activity))
            if !interest.contains(.activity) { activity.clear() }
        }
    }
}
