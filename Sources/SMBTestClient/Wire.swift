/// What carries whole messages between the test client and a server: a socket, or a call into an engine in the same
/// process.
public protocol Wire: AnyObject {
    /// Sends one whole message, without the transport's prefix. Nothing happens once the connection is closed.
    func send(_ message: [UInt8])
    /// The next whole message from the server; nil when none comes (nothing waits, the time is up, or it has closed).
    func receive() -> [UInt8]?
    /// Whether a look for a message is worth while: false if `receive` would wait.
    var mayHaveInput: Bool { get }
    /// Whether the server still holds the connection, as far as is known.
    var isOpen: Bool { get }
}

extension Wire {
    public var mayHaveInput: Bool { true }
}

/// Why a step of the test client cannot go on.
public enum TestClientError: Error, Equatable {
    /// The server sent nothing, or closed the connection.
    case noReply
    /// The server sent something that is not what the protocol allows.
    case malformedReply(String)
    /// A step that had to succeed did not.
    case refused(step: String, status: UInt32)
}
