import Platform

/// What the engine needs of the transport beneath one connection. Implemented by the wiring in `apus` over TCP (later
/// SMB Direct), and by tests. Callable from any thread.
public protocol TransportConnection: AnyObject, Sendable {
    /// Sends one whole message that is not the direct answer to the message being received: an interim or late
    /// response, an oplock break. The buffer holds the message from `TransportConnection.prefixByteCount` on; the
    /// bytes before are the transport's. The buffer is the transport's from now on (it gives it back to the pool).
    func send(_ message: PDUBuffer)
    /// Ends the connection; `Connection.disconnected` follows.
    func disconnect(_ reason: DisconnectReason)
    /// The request being handled on this thread will block: another thread may take over the reactor.
    func willBlock()
    /// The client's address as text, without port; for share rules and logs.
    var remoteAddress: String { get }
    /// Bytes that have reached the client's machine since the beginning, and bytes that have not yet; zeros where the
    /// transport cannot tell.
    var delivery: (acknowledged: UInt64, outstanding: UInt64) { get }
    /// Uptime in nanoseconds when the bytes that are being looked at were there; 0 where the transport was not asked to
    /// time (`Observation.timing`).
    var arrival: UInt64 { get }
    /// Nanoseconds that sending has taken up to now, as far as that was timed.
    var sending: UInt64 { get }
}

extension TransportConnection {
    public var delivery: (acknowledged: UInt64, outstanding: UInt64) { (0, 0) }
    public var arrival: UInt64 { 0 }
    public var sending: UInt64 { 0 }
}

/// Bytes that the transport keeps for itself before every message: the Direct TCP header, [MS-SMB2] 2.1.
public let transportPrefixByteCount = 4

/// Why the server ends a connection without being asked; for the log.
public enum DisconnectReason: Error, Equatable, Sendable {
    /// The message breaks the framing or a rule for which the section demands a disconnect.
    case protocolViolation(StaticString)
    case badSignature
    case badSeal
    case loginTimeout
    case limit(StaticString)
    case administrator
    case shutdown
    case transport

    public static func == (left: DisconnectReason, right: DisconnectReason) -> Bool {
        String(describing: left) == String(describing: right)
    }
}
