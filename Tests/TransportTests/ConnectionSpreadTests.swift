import Glibc
import Platform
import Testing
import Transport

/// Answers with the name of its thread.
private final class Namer: MessageReceiver {
    func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool {
        reply.append(UInt32(truncatingIfNeeded: UInt(pthread_self())))
        return true
    }
    var messageByteCountMax: Int { 64 << 10 }
    var isOverdue: Bool { false }
    var isStranger: Bool { false }
    var isWithoutSession: Bool { false }
    func disconnected() {}
}

@Suite("Connections and reactors") struct ConnectionSpreadTests {
    @Test func eachReactorGetsAsManyConnections() throws {
        var configuration = TransportConfiguration(buffers: BufferPool())
        configuration.reactorCount = 3
        configuration.watchdogInterval = 0
        let transport = TCPTransport(configuration: configuration) { _ in Namer() }
        let port = try transport.listen(address: "127.0.0.1", port: 0)
        try #require(transport.start())
        defer { transport.stop() }
        var clients: [TestClient] = []
        var counts: [UInt32: Int] = [:]
        for _ in 0..<12 {
            let client = try TestClient(port: port)
            clients.append(client)
            client.send([(0, 1, 0)])
            counts[try #require(client.receive()).number, default: 0] += 1
        }
        #expect(counts.values.sorted() == [4, 4, 4])
        // Who leaves makes room where they were.
        clients = []
        for _ in 0..<500 where transport.connectionCount > 0 { usleep(10_000) }
        #expect(transport.connectionCount == 0)
    }
}
