import CLinux
import Glibc
import Platform
import SMBServer
import SMBTestClient

/// A connection to an engine by calling it: what `Transport` is otherwise.
public final class EngineWire: Wire {
    /// What the engine sees of it.
    private final class Transport: TransportConnection {
        let remoteAddress: String
        let inbox = Mutex<[[UInt8]]>([])
        let disconnectReason = Mutex<DisconnectReason?>(nil)
        let losesAll = Mutex(false)
        var delivery: (acknowledged: UInt64, outstanding: UInt64) { (0, losesAll.withLock { $0 } ? 1 : 0) }
        init(_ address: String) { remoteAddress = address }
        func send(_ message: PDUBuffer) {
            let bytes = message.array(transportPrefixByteCount..<message.count)
            inbox.withLock { $0.append(bytes) }
        }
        func disconnect(_ reason: DisconnectReason) { disconnectReason.withLock { $0 = reason } }
        func willBlock() {}
    }

    public let connection: Connection
    private let transport: Transport
    public private(set) var isOpen = true
    /// What is sent seems not to arrive.
    public var losesAll: Bool {
        get { transport.losesAll.withLock { $0 } }
        set { transport.losesAll.withLock { $0 = newValue } }
    }
    /// Sent by the server on its own, or late, since the last look; and answers.
    private var answers: [[UInt8]] = []
    private let reply = EngineHost.dirty(PDUBuffer(capacity: 1 << 16))

    /// What lasts as long as a client does.
    private let owner: AnyObject?

    public init(_ server: Server, address: String, keeping owner: AnyObject? = nil) {
        self.owner = owner
        transport = Transport(address)
        connection = Connection(server: server, transport: transport)
    }

    /// A message larger than the transport would take now ends the connection, as there.
    public func send(_ message: [UInt8]) {
        guard isOpen else { return }
        // The host's store acts as whoever the thread is, and another test may have left it as somebody else.
        if geteuid() == 0 { apus_act_as(0, 0, nil, 0) }
        guard message.count <= connection.messageByteCountMax else { return close() }
        reply.count = 0
        // The message in a block of its own, exactly as long: one byte too far is found by the sanitizer.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: message.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: message)
        let goesOn = connection.receive(copy, reply: reply)
        if reply.count > 0 { answers.append(reply.array(0..<reply.count)) }
        if !goesOn || transport.disconnectReason.withLock({ $0 }) != nil { close() }
    }

    public func receive() -> [UInt8]? {
        if !answers.isEmpty { return answers.removeFirst() }
        return transport.inbox.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// The network is gone.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        connection.disconnected()
    }

    deinit { close() }
}
