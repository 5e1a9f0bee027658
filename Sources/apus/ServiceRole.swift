import Glibc
import Platform

/// As what the server was started.
enum ServiceRole: Sendable {
    /// `apus serve`.
    case server
    /// `ksmbd.mountd -n`.
    case mountd
    /// What `ksmbd.mountd` leaves behind. Descriptor 3 leads to whoever started it.
    case detachedMountd

    /// - Throws: if another ksmbd.mountd serves.
    func begin() throws {
        if self == .detachedMountd {
            setsid()
            DetachedLog.begin()
        }
        if self != .server { try LockFile.take() }
    }

    /// Clients are served from now on.
    func isReady() { if self == .detachedMountd { DetachedLog.isReady() } }

    func end() { if self != .server { LockFile.release() } }
}

/// Messages of a server without a terminal: to the system's log, and to whoever starts it for as long as that takes.
enum DetachedLog {
    private static let starterDescriptor: CInt = 3
    private static let starter = Mutex<CInt?>(nil)
    private static let isOn = Atomic<Bool>(false)

    static func begin() {
        _ = fcntl(starterDescriptor, F_SETFD, FD_CLOEXEC)
        // SAFETY: a literal path, and constant texts that live as long as the process.
        let null = unsafe open("/dev/null", O_RDWR)
        for descriptor in 0...2 as ClosedRange<CInt> { dup2(null, descriptor) }
        if null > 2 { close(null) }
        unsafe openlog("ksmbd", LOG_NDELAY | LOG_PID, LOG_LOCAL5)
        starter.withLock { $0 = starterDescriptor }
        isOn.store(true, ordering: .relaxed)
    }

    /// The starter may end: it is told by a zero.
    static func isReady() { send([0], isLast: true) }

    /// - Returns: false where the message is to go to standard error, as usual.
    static func write(_ message: String) -> Bool {
        guard isOn.load(ordering: .relaxed) else { return false }
        send(Array((message + "\n").utf8), isLast: false)
        // SAFETY: the format takes one terminated string, which lives through the call.
        unsafe message.withCString { text in
            unsafe withVaList([OpaquePointer(text)]) { unsafe vsyslog(LOG_INFO, "%s", $0) }
        }
        return true
    }

    private static func send(_ bytes: [UInt8], isLast: Bool) {
        starter.withLock { descriptor in
            guard let open = descriptor else { return }
            // SAFETY: the array lives through the call.
            _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(open, $0.baseAddress, $0.count) }
            guard isLast else { return }
            close(open)
            descriptor = nil
        }
    }
}

/// How much is said. All processes and parts of the server ask here, at any time.
enum LogLevel: Int, CaseIterable {
    /// Each login and tree connect besides.
    case debug
    case info

    private static let stored = Atomic<Int>(LogLevel.info.rawValue)

    static var current: LogLevel {
        get { LogLevel(rawValue: stored.load(ordering: .relaxed)) ?? .info }
        set { stored.store(newValue.rawValue, ordering: .relaxed) }
    }

    var name: String { "\(self)" }

    init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }
}
