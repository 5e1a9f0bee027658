import CLinux
import Glibc

/// The clock that only goes forward.
public enum Uptime {
    public static var nanoseconds: UInt64 {
        var time = timespec()
        // SAFETY: the structure outlives the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
