import CLinux
import Glibc
import NTTypes
import Platform

/// The system's clocks.
enum Clock {
    static func wall() -> FileTime {
        let time = read(CLOCK_REALTIME)
        return FileTime(unixSeconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    /// Nanoseconds of a clock that only goes forward.
    static func uptime() -> UInt64 { Uptime.nanoseconds }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        // SAFETY: the structure outlives the call.
        unsafe clock_gettime(clock, &time)
        return time
    }
}
