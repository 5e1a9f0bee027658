import Glibc
import Platform
import Testing
import Transport

/// Logs everybody in whose message is not zero; answers with it, and as many words as its second number says, after as
/// many microseconds as its third.
private final class Doorman: MessageReceiver {
    private let isIn = Atomic(false)
    /// How often the reactor has looked at the connection.
    let lookCount = Atomic(0)
    func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool {
        let number = message.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        if number != 0 { isIn.store(true, ordering: .sequentiallyConsistent) }
        let count = message.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let delay = message.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        if delay > 0 { usleep(delay) }
        reply.append(number)
        reply.appendZeros(Int(count) * 4 - 4)
        return true
    }
    var messageByteCountMax: Int { 64 << 10 }
    var isOverdue: Bool { false }
    var isStranger: Bool { !isIn.load(ordering: .sequentiallyConsistent) }
    var isWithoutSession: Bool {
        lookCount.wrappingAdd(1, ordering: .relaxed)
        return isStranger
    }
    func disconnected() {}
}

/// CVE-2023-2593, CVE-2025-38501: strangers keep nobody out.
@Suite("Connections of clients that have not logged in") struct StrangerTests {
    private func withTransport(
        _ change: (inout TransportConfiguration) -> Void,
        doorman: @escaping @Sendable () -> Doorman = { Doorman() }, _ body: (TCPTransport, UInt16) throws -> Void
    ) throws {
        var configuration = TransportConfiguration(buffers: BufferPool())
        configuration.reactorCount = 1
        change(&configuration)
        let transport = TCPTransport(configuration: configuration) { _ in doorman() }
        let port = try transport.listen(address: "127.0.0.1", port: 0)
        try #require(transport.start())
        defer { transport.stop() }
        try body(transport, port)
    }

    private func speak(_ client: TestClient, _ number: UInt32) -> Bool {
        client.send([(number, 1, 0)])
        return client.receive()?.number == number
    }

    @Test(arguments: [true, false]) func theOldestStrangerMakesRoom(byAddress: Bool) throws {
        try withTransport({
            if byAddress { $0.strangerCountPerAddressMax = 3 } else { $0.strangerCountMax = 3 }
        }) { transport, port in
            let known = try TestClient(port: port)
            #expect(speak(known, 1))
            var strangers: [TestClient] = []
            for _ in 0..<3 {
                strangers.append(try TestClient(port: port))
                #expect(speak(strangers[strangers.count - 1], 0))
            }
            let newcomer = try TestClient(port: port)
            #expect(speak(newcomer, 2))
            #expect(strangers[0].receive() == nil)
            #expect(speak(strangers[1], 0) && speak(strangers[2], 0))
            #expect(speak(known, 1))
            for _ in 0..<500 where transport.connectionCount > 4 { usleep(20_000) }
            #expect(transport.connectionCount == 4)
        }
    }

    @Test func thereAreSoManyInAllAndFromOneAddress() throws {
        for byAddress in [true, false] {
            try withTransport({
                if byAddress { $0.connectionCountPerAddressMax = 2 } else { $0.connectionCountMax = 2 }
            }) { _, port in
                let first = try TestClient(port: port)
                let second = try TestClient(port: port)
                #expect(speak(first, 1) && speak(second, 1))
                #expect(!speak(try TestClient(port: port), 1))
                #expect(speak(first, 1))
            }
        }
    }

    /// Nothing is kept for it beyond what the kernel takes; from a client that is known, much is.
    @Test(arguments: [true, false]) func aStrangerThatDoesNotTakeItsRepliesIsCutOff(isKnown: Bool) throws {
        try withTransport({ _ in }) { transport, port in
            let client = try TestClient(port: port)
            #expect(speak(client, isKnown ? 1 : 0))
            client.send((0..<16).map { _ in (0, 1 << 18, 0) })
            for _ in 0..<(isKnown ? 15 : 500) where transport.connectionCount > 0 { usleep(20_000) }
            #expect(transport.connectionCount == (isKnown ? 1 : 0))
            if isKnown { #expect((0..<16).allSatisfy { _ in client.receive() != nil }) }
        }
    }

    /// What it sends while its one request is under way waits, and keeps no thread awake.
    @Test func aStrangerWhoseRequestLastsIsNotLookedAtMeanwhile() throws {
        let doorman = Doorman()
        try withTransport({ _ in }, doorman: { doorman }) { _, port in
            let client = try TestClient(port: port)
            client.send([(0, 1, 500_000)])
            usleep(100_000)
            client.send([(0, 2, 0)])
            usleep(20_000)
            let before = doorman.lookCount.load(ordering: .relaxed)
            usleep(200_000)
            #expect(doorman.lookCount.load(ordering: .relaxed) - before < 10)
            #expect(client.receive()?.byteCount == 4 && client.receive()?.byteCount == 8)
        }
    }

    /// In pieces, one after the other, and larger than what is read of it at once.
    @Test func aStrangerIsServedAllTheSame() throws {
        try withTransport({ _ in }) { _, port in
            let client = try TestClient(port: port)
            client.send((0..<1000).map { _ in (0, 1, 0) })
            #expect((0..<1000).allSatisfy { _ in client.receive()?.number == 0 })
            client.send([(1, 1, 0)] + (0..<1000).map { _ in (0, 1, 0) })
            #expect((0..<1001).allSatisfy { _ in client.receive() != nil })
        }
    }

    @Test func aNetworkOfVersionSixCountsAsOne() {
        #expect(ClientNetwork.name(of: "192.0.2.1") == "192.0.2.1")
        #expect(ClientNetwork.name(of: "2001:db8::1") == ClientNetwork.name(of: "2001:db8:0:0:ffff::2"))
        #expect(ClientNetwork.name(of: "2001:db8::1") != ClientNetwork.name(of: "2001:db8:0:1::1"))
        #expect(ClientNetwork.name(of: "fe80::1%eth0") != ClientNetwork.name(of: "fe80::1%eth1"))
        #expect(ClientNetwork.name(of: "unknown") == "unknown")
    }
}
