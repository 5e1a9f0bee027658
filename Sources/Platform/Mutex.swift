// `Mutex` and `Atomic` for the whole project come from here: import Platform, never Synchronization.
#if APUS_THREAD_SANITIZER
    import Glibc
    @_exported import struct Synchronization.Atomic
    @_exported import struct Synchronization.AtomicLoadOrdering
    @_exported import struct Synchronization.AtomicStoreOrdering
    @_exported import struct Synchronization.AtomicUpdateOrdering

    /// The thread sanitizer does not see `Synchronization.Mutex` (a bare futex) and would report every value it guards;
    /// sanitizer builds use a pthread mutex of the same shape.
    @safe public struct Mutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        // SAFETY (@unchecked Sendable): `value` is only touched between lock and unlock of `lock`.
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let value: UnsafeMutablePointer<Value>

        public init(_ initial: consuming sending Value) {
            // SAFETY: both are allocated once, initialised before use, freed in deinit after the last user is gone.
            unsafe lock = .allocate(capacity: 1)
            unsafe pthread_mutex_init(lock, nil)
            unsafe value = .allocate(capacity: 1)
            unsafe value.initialize(to: initial)
        }

        deinit {
            // SAFETY: nobody holds a reference any more, so nobody holds the lock.
            unsafe pthread_mutex_destroy(lock)
            unsafe lock.deallocate()
            unsafe value.deinitialize(count: 1)
            unsafe value.deallocate()
        }

        public borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            // SAFETY: both are initialised for the whole life of this object; the body gets the value under the lock.
            unsafe pthread_mutex_lock(lock)
            defer { unsafe pthread_mutex_unlock(lock) }
            return try unsafe body(&value.pointee)
        }
    }
#else
    // 20–40 ns uncontended.
    @_exported import Synchronization
#endif
