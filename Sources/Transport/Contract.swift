import Platform

/// Who handles the messages of one transport connection. A connection's messages are received in order, but while one
/// blocks and the reactor has moved on, the next may be received on another thread.
public protocol MessageReceiver: AnyObject, Sendable {
    /// One whole message.
    /// - Parameters:
    ///   - message: the message without its prefix; may be changed in place (unsealing). Valid during the call only.
    ///   - reply: append at most one message at its end; the transport has put the prefix before it already.
    /// - Returns: false to close the connection once what is appended has been sent.
    func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool
    /// The largest message accepted now, in bytes; it never becomes less, and is asked again only about one that is
    /// longer. A longer one closes the connection.
    var messageByteCountMax: Int { get }
    /// Asked about once a second: true closes the connection (nobody has logged in for too long).
    var isOverdue: Bool { get }
    /// Nobody has logged in: the transport lets only so many of these stay.
    var isStranger: Bool { get }
    /// Nobody has a session, not even an anonymous one. Until that is so for the first time the connection is lent as
    /// little memory as can be; asked before each batch of messages, then no more.
    var isWithoutSession: Bool { get }
    /// The connection is gone. Called once, after the last `receive` has been started.
    func disconnected()
}
