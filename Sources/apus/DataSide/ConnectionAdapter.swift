import Platform
import SMBServer
import Transport

/// Joins one TCP connection with the engine's `Connection`; neither knows the other's module.
final class ConnectionAdapter: MessageReceiver {
    /// What the engine sees of the transport.
    private final class Wire: TransportConnection {
        let connection: TCPConnection
        init(_ connection: TCPConnection) { self.connection = connection }
        func send(_ message: PDUBuffer) { connection.send(message) }
        func disconnect(_ reason: DisconnectReason) { connection.disconnect() }
        func willBlock() { connection.willBlock() }
        var remoteAddress: String { connection.remoteAddress }
        var arrival: UInt64 { connection.arrival }
        var sending: UInt64 { connection.sending }
        var delivery: (acknowledged: UInt64, outstanding: UInt64) { connection.delivery }
    }
    private let connection: Connection
    private let transport: TCPConnection

    init(_ transport: TCPConnection, _ server: Server) {
        self.transport = transport
        connection = Connection(server: server, transport: Wire(transport))
    }

    var description: ConnectionState { connection.description }
    /// Nanoseconds of sending, while that was timed.
    var sending: UInt64 { transport.sending }

    func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool {
        // SAFETY: the transport's promise that the message lives through the call is passed on.
        unsafe connection.receive(message, reply: reply)
    }
    var messageByteCountMax: Int { connection.messageByteCountMax }
    var isOverdue: Bool { connection.isOverdue }
    var isStranger: Bool { connection.isStranger }
    var isWithoutSession: Bool { connection.isWithoutSession }
    func disconnected() { connection.disconnected() }
}
