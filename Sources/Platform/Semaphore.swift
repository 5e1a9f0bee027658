import CLinux
import Glibc

/// A counting semaphore, for the few places where a thread must wait for another.
@safe public final class Semaphore: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): a sem_t is made for use by several threads; the pointer never changes.
    private let semaphore: UnsafeMutablePointer<sem_t>

    public init(count: UInt32 = 0) {
        // SAFETY: allocated once, initialised before use, destroyed in deinit.
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, count)
    }

    deinit {
        // SAFETY: nobody holds a reference, so nobody waits.
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    public func signal() {
        // SAFETY: initialised for the whole life of this object.
        unsafe sem_post(semaphore)
    }

    public func wait() {
        // SAFETY: initialised for the whole life of this object. A signal handler may interrupt the wait.
        while unsafe sem_wait(semaphore) != 0, errno == EINTR {}
    }

    /// - Returns: false when nobody signalled in time.
    public func wait(milliseconds: Int) -> Bool {
        var until = timespec()
        // SAFETY: `until` outlives the calls.
        unsafe clock_gettime(CLOCK_REALTIME, &until)
        until.tv_nsec += milliseconds % 1000 * 1_000_000
        until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1_000_000_000
        until.tv_nsec %= 1_000_000_000
        while true {
            // SAFETY: the semaphore is ours until deinit, and the time outlives the call.
            if unsafe sem_timedwait(semaphore, &until) == 0 { return true }
            if errno != EINTR { return false }
        }
    }
}
