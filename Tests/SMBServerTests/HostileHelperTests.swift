import EngineHost
import NTTypes
import Platform
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// What stands behind pipes and logins answers what no service would.
@Suite("The engine believes no helper") struct HostileHelperTests {
    private final class Impostor: PipeService {
        let output: Mutex<PipeOutput>
        let callCount = Atomic(0)
        init(_ output: PipeOutput) { self.output = Mutex(output) }
        func find(_ name: String) {}
        func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) {}
        func transact(_ pipe: UInt64, _ input: [UInt8]) -> PipeOutput {
            callCount.wrappingAdd(1, ordering: .relaxed)
            return output.withLock { $0 }
        }
        func close(_ pipe: UInt64) {}
    }

    static let outputs: [PipeOutput] = [
        PipeOutput(messages: [], hasMore: true), PipeOutput(messages: [[1], []], hasMore: false),
        PipeOutput(messages: [[UInt8]](repeating: [], count: 4096), hasMore: false),
        PipeOutput(messages: [[UInt8]](repeating: [UInt8](repeating: 1, count: 1 << 16), count: 17), hasMore: false),
    ]

    /// More and nothing of it, messages without bytes, more than a pipe may hold: the pipe ends, and nothing else.
    @Test(arguments: outputs.indices) func aPipeEndsWhoseServiceTalksNonsense(_ index: Int) throws {
        let impostor = Impostor(Self.outputs[index])
        let host = try EngineHost(pipes: impostor)
        let client = try host.logIn(share: "IPC$")
        let pipe = try client.open("srvsvc")
        #expect(try client.call(.write(pipe, [1, 2, 3])).status.isError)
        #expect(try client.call(.read(pipe, count: 1024)).status.isError)
        #expect(impostor.callCount.load(ordering: .relaxed) == 1)
        #expect(try client.call(.echo).status == .success)
    }

    /// What a long write is answered with is held as far as a pipe holds anything.
    @Test func whatNobodyReadsDoesNotGrow() throws {
        let impostor = Impostor(PipeOutput(messages: [[UInt8](repeating: 1, count: 180_000)], hasMore: true))
        let host = try EngineHost(pipes: impostor)
        let client = try host.logIn(share: "IPC$")
        let pipe = try client.open("srvsvc")
        let data = [UInt8](repeating: 1, count: 1 << 20)
        #expect(try client.call(.write(pipe, data).charged(for: data.count)).status.isError)
        #expect(impostor.callCount.load(ordering: .relaxed) == 6)
        #expect(try client.call(.echo).status == .success)
    }
}
