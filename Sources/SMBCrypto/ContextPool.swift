import Platform

/// OpenSSL contexts that already hold one key. Several threads may work with the key at once, each with a context of
/// its own; the lock is held for taking one and giving it back, not while bytes are processed.
struct ContextPool: ~Copyable, Sendable {
    // SAFETY (@unchecked Sendable): a context is either idle in the pool or in the hands of the one caller that took
    // it.
    @safe struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// Idle contexts kept for each key; more than this many threads rarely meet on one session.
    private static let idleCountMax = 4
    private let idle = Mutex<[Context]>([])
    private let make: @Sendable () -> Context
    private let free: @Sendable (Context) -> Void

    /// - Parameters:
    ///   - make: a new context with the key set. Called when all others are in use.
    ///   - free: frees what `make` made.
    init(make: @escaping @Sendable () -> Context, free: @escaping @Sendable (Context) -> Void) {
        self.make = make
        self.free = free
    }

    deinit {
        for context in idle.withLock({ $0 }) { free(context) }
    }

    /// Runs `body` with a context that nobody else uses meanwhile.
    @inline(__always)
    func withContext<Result>(_ body: (Context) -> Result) -> Result {
        let context = idle.withLock { $0.popLast() } ?? make()
        let result = body(context)
        let isKept = idle.withLock { idle in
            guard idle.count < Self.idleCountMax else { return false }
            idle.append(context)
            return true
        }
        if !isKept { free(context) }
        return result
    }
}
