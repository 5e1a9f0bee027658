import Platform

/// The limits that an administrator may change while clients are connected. Whoever is above a new one stays; who comes
/// next is refused.
final class AdjustableLimits: Sendable {
    private let sessions: Atomic<Int>
    private let opens: Atomic<Int>
    /// Nanoseconds; 0 for never.
    private let idle: Atomic<UInt64>

    init(_ limits: Limits) {
        sessions = Atomic(limits.sessionCountMax)
        opens = Atomic(limits.openCountMax)
        idle = Atomic(limits.idleTimeout?.nanoseconds ?? 0)
    }

    func replace(with limits: Limits) {
        sessions.store(limits.sessionCountMax, ordering: .relaxed)
        opens.store(limits.openCountMax, ordering: .relaxed)
        idle.store(limits.idleTimeout?.nanoseconds ?? 0, ordering: .relaxed)
    }

    var sessionCountMax: Int { sessions.load(ordering: .relaxed) }
    var openCountMax: Int { opens.load(ordering: .relaxed) }
    /// In nanoseconds.
    var idleTimeout: UInt64? {
        let timeout = idle.load(ordering: .relaxed)
        return timeout == 0 ? nil : timeout
    }
}

extension Server {
    /// Takes over `sessionCountMax`, `openCountMax` and `idleTimeout`; the others stay as they were at the start, since
    /// clients have been told of them.
    public func adjust(_ limits: Limits) { adjustableLimits.replace(with: limits) }
}
