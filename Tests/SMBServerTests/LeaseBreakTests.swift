import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// Which of a client's connections hears of a lease break, [MS-SMB2] 3.3.4.7. All test clients say that they are the
/// same.
@Suite struct LeaseBreakTests {
    private func lease(_ state: UInt8) -> CreateContext {
        CreateContext(
            name: .lease, data: [UInt8](repeating: 7, count: 16) + [state, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
    }

    private func breaks(_ client: TestClient) throws -> Int {
        try client.repliesAtHand().count { $0.header.command == SMB2Command.oplockBreak.rawValue }
    }

    /// A lease for reading that `holder` has is broken by `writer`.
    private func breakLease(of holder: TestClient, by writer: TestClient) throws {
        _ = try holder.open("file") {
            $0.requestedOplockLevel = 0xFF
            $0.contexts = [lease(1)]
        }
        let file = try writer.open("file")
        #expect(try writer.call(.write(file, [1])).status == .success)
        try writer.call(.close(file))
    }

    @Test func theOldestConnectionOfTheClientHearsOfIt() throws {
        let host = try EngineHost()
        let oldest = try host.logIn()
        let holder = try host.logIn()
        let writer = try host.logIn()
        try breakLease(of: holder, by: writer)
        #expect(try [oldest, holder, writer].map(breaks) == [1, 0, 0])
    }

    /// Anybody can say that he is the client.
    @Test func nobodyHearsOfAnotherUsersLeases() throws {
        let host = try EngineHost()
        let other = try host.logIn(as: EngineHost.otherUser)
        let stranger = host.connect()
        try stranger.negotiate()
        let holder = try host.logIn()
        try breakLease(of: holder, by: try host.logIn(as: EngineHost.otherUser))
        #expect(try [other, stranger, holder].map(breaks) == [0, 0, 1])
    }

    @Test func whatTheOldestHasNotDeliveredTheNextOneHearsOf() throws {
        let host = try EngineHost()
        let oldest = try host.logIn()
        let holder = try host.logIn()
        (oldest.wire as? EngineWire)?.close()
        try breakLease(of: holder, by: try host.logIn())
        #expect(try breaks(holder) == 1)
    }
}
