import Glibc
import Platform

/// How a transport runs. The bounds are the engine's `Limits`, handed down.
public struct TransportConfiguration: Sendable {
    /// Of this machine; at least 1.
    public static let coreCount = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
    /// Reactors: one for each core by default.
    public var reactorCount = Self.coreCount
    /// Threads in all; a handler that blocks keeps one.
    public var threadCountMax = 256
    /// Threads that stand by although nobody needs them.
    public var spareThreadCount = 2
    /// Microseconds between two looks at what the reactors do; 0: no watchdog.
    public var watchdogInterval = 2000
    public var connectionCountMax = 1024
    public var connectionCountPerAddressMax = 256
    /// Of those, connections of strangers.
    public var strangerCountMax = 256
    public var strangerCountPerAddressMax = 64
    /// Requests of one connection that may be blocked at a time; more are not read until one is done. Each keeps a
    /// thread.
    public var leftBehindCountMax = 16
    /// Bytes of replies that a client may leave unread before its connection is closed: more than the largest replies
    /// of all that it may have blocked.
    public var unsentByteCountMax = 160 << 20
    /// Called about four times a second, on a thread of its own.
    public var tick: @Sendable () -> Void = {}
    public var buffers: BufferPool
    /// While it is on, the arrival and the sending of messages are timed.
    public var timing = Flag()

    public init(buffers: BufferPool) { self.buffers = buffers }
}

/// What keeps a transport from listening.
public enum TransportError: Error, CustomStringConvertible, Sendable {
    case invalidAddress(String)
    /// - code: the errno.
    case cannotListen(address: String, port: UInt16, code: CInt)

    public var description: String {
        switch self {
        case .invalidAddress(let text): return "\(text): is no IP address"
        case .cannotListen(let address, let port, let code):
            // SAFETY: strerror returns a terminated string.
            let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            return "cannot listen on \(address) port \(port): \(reason)"
        }
    }
}
