import EngineHost
import NTTypes
import Platform
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// Pipes that can be opened and do nothing.
private final class SilentPipes: PipeService {
    func find(_ name: String) {}
    func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) throws(NTStatus) {
        if name != "srvsvc" { throw .objectNameNotFound }
    }
    func transact(_ pipe: UInt64, _ input: [UInt8]) -> PipeOutput { PipeOutput(messages: [], hasMore: false) }
    func close(_ pipe: UInt64) {}
}

@Suite("What one client can make the server keep") struct ExhaustionTests {
    /// Of all that it sent the header is kept, and neither the token nor what may follow it.
    @Test func aLoginThatIsKeptBackKeepsNothingOfItsMessage() throws {
        let host = try EngineHost()
        host.access.setDelay(.seconds(5))
        let client = host.connect()
        try client.negotiate()
        let token = [UInt8](repeating: 0x60, count: 48_000)
        for _ in 0..<host.server.limits.loginCountBeforeLoginMax { client.send([TestClient.sessionSetup(token)]) }
        let connection = try #require(client.wire as? EngineWire).connection
        #expect(client.wire.isOpen)
        let kept = connection.state.withLock { Array($0.parked.values) }
        #expect(kept.count == 2)
        #expect(kept.allSatisfy { $0.work.withLock { $0.map { $0.message.capacity <= 64 } } == true })
        #expect(connection.state.withLock { $0.lateLogins.values.allSatisfy { $0.input.token.isEmpty } })
        host.pass(seconds: 6)
        #expect(try client.repliesAtHand().map(\.status.isError) == [true, true])
        #expect(host.server.occupancy.sessions == 0)
    }

    /// Other requests in the same message would have to be kept with it.
    @Test func aLoginInACompoundIsNotKeptBack() throws {
        let host = try EngineHost()
        host.access.setDelay(.seconds(5))
        for compound in [[TestClient.sessionSetup([1]), .echo], [.echo, TestClient.sessionSetup([1])]] {
            let client = host.connect()
            try client.negotiate()
            let statuses = try client.call(compound).map(\.status)
            #expect(statuses.contains(.requestNotAccepted) && statuses.contains(.success))
            let connection = try #require(client.wire as? EngineWire).connection
            #expect(connection.state.withLock { $0.parked.isEmpty && $0.sessions.isEmpty })
        }
    }

    /// A lock that comes while its handle is being closed would stay for ever, and keep others out.
    @Test func whatIsClosedGetsNoLock() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let file = try client.open("file")
        let other = try client.open("file")
        let connection = try #require(client.wire as? EngineWire).connection
        let session = try #require(connection.state.withLock { $0.sessions.values.first })
        let open = try #require(session.open(file.volatile))
        let lock = ByteRangeLocks.Lock(open: open, offset: 0, length: 1, isExclusive: true)
        #expect(LockHandler.tryLock([lock], open, waiting: nil) == .granted)
        #expect(try client.call(.close(file)).status == .success)
        #expect(LockHandler.tryLock([lock], open, waiting: nil) == .closed)
        let mine = LockRequest.Element(offset: 0, length: 1, flags: [.exclusive, .failImmediately])
        #expect(try client.call(.lock(other, [mine])).status == .success)
    }

    @Test func pipesAreCountedByUserInAllOfItsSessions() throws {
        let host = try EngineHost(pipes: SilentPipes()) { $0.limits.pipeCountPerUserMax = 3 }
        let first = try host.logIn(share: "IPC$")
        let second = try host.logIn(share: "IPC$")
        let other = try host.logIn(share: "IPC$", as: EngineHost.otherUser)
        let pipe = try first.open("srvsvc")
        _ = try second.open("srvsvc")
        // What is no pipe is not counted.
        for _ in 0..<5 { #expect(try first.call(.create("passwd")).status == .objectNameNotFound) }
        _ = try first.open("srvsvc")
        #expect(try first.call(.create("srvsvc")).status == .insufficientResources)
        #expect(try second.call(.create("srvsvc")).status == .insufficientResources)
        _ = try other.open("srvsvc")
        #expect(try first.call(.close(pipe)).status == .success)
        _ = try second.open("srvsvc")
        #expect(try first.call(.create("srvsvc")).status == .insufficientResources)
        #expect(try second.call(.logoff).status == .success)
        for _ in 0..<2 { _ = try first.open("srvsvc") }
    }

    @Test func guestsHaveFewPipesTogether() throws {
        var limits = Limits()
        limits.pipeCountOfGuestsMax = 1
        let tally = PipeTally()
        try tally.add(nil, limits)
        #expect(throws: NTStatus.insufficientResources) { try tally.add(nil, limits) }
        tally.remove(nil)
        try tally.add(nil, limits)
    }
}
