import CLinux
import Glibc

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
    func isAlive() { notify("WATCHDOG=1") }

    private func notify(_ message: String) {
        guard !address.isEmpty, address.utf8.count < 108 else { return }
        // SAFETY: both texts live through the call.
        _ = unsafe apus_notify(address, message, message.utf8.count)
    }
}
