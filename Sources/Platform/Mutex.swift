// `Mutex` and `Atomic` for the whole project come from here: import Platform, never Synchronization.
#if APUS_THREAD_SANITIZER
    import Glibc
    @_exported import struct Synchronization.Atomic
    @_exported import struct Synchronization.AtomicLoadOrdering
    @_exported import struct Synchronization.AtomicStoreOrdering
    @_exported import struct Synchronization.AtomicUpdateOrdering

    /// The thread sanitizer does not see `Synchronization.Mutex` (a bare futex) and would report every value it guards;
    /// sanitizer builds use a pthread mutex of the same shape.
    public final class Mutex<Value>: @unchecked Sendable {
        // SAFETY (@unchecked Sendable): `value` is only touched between lock and unlock of `lock`.
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private var value: Value

        public init(_ value: sending Value) {
            self.value = value
            // SAFETY: allocated once, initialised before use, freed in deinit after the last user is gone.
            unsafe lock = .allocate(capacity: 1)
            unsafe pthread_mutex_init(lock, nil)
        }

        deinit {
            // SAFETY: nobody holds a reference any more, so nobody holds the lock.
            unsafe pthread_mutex_destroy(lock)
            unsafe lock.deallocate()
        }

        public func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            // SAFETY: `lock` is initialised for the whole life of this object.
            unsafe pthread_mutex_lock(lock)
            defer { unsafe pthread_mutex_unlock(lock) }
            return try body(&value)
        }
    }
#else
    // 20–40 ns uncontended.
    @_exported import Synchronization
#endif
