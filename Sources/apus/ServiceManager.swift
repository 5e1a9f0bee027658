import CLinux
import Glibc
import Platform

/// The service manager, by its protocol of datagrams, sd_notify(3): what started this process is told how it is.
/// Without one, nothing happens.
struct ServiceManager: Sendable {
    private let address: String
    /// How often it wants to hear that all is well, in nanoseconds; 0 for never. Twice as often as it insists on.
    let watchdogInterval: UInt64

    /// As the environment says, which children do not inherit the sense of.
    init() {
        // SAFETY: getenv returns a terminated string or nothing; the environment does not change.
        func value(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        address = value("NOTIFY_SOCKET") ?? ""
        let isForMe = value("WATCHDOG_PID").flatMap { Int32($0) }.map { $0 == getpid() } ?? true
        let microseconds = isForMe ? value("WATCHDOG_USEC").flatMap { UInt64($0) } ?? 0 : 0
        watchdogInterval = microseconds.multipliedReportingOverflow(by: 500).partialValue
    }

    func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }
    func reloading() { notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.uptime() / 1000)") }
    func stopping() { notify("STOPPING=1") }
    /// - Returns: to be called a few times a second, by one thread, as long as all is well.
    func heartbeat() -> @Sendable () -> Void {
        guard watchdogInterval > 0, !address.isEmpty else { return {} }
        let last = Beat()
        return { [self] in
            let now = Clock.uptime()
            let isDue = last.time.withLock { last -> Bool in
                guard now - last >= watchdogInterval else { return false }
                last = now
                return true
            }
            if isDue { notify("WATCHDOG=1") }
        }
    }

    /// When it was told last.
    private final class Beat: Sendable {
        let time = Mutex<UInt64>(0)
    }

    private func notify(_ message: String) {
        guard !address.isEmpty, address.utf8.count < 108 else { return }
        // SAFETY: both texts live through the call.
        _ = unsafe apus_notify(address, message, message.utf8.count)
    }
}
