import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

@Suite("Counts for those who watch the server") struct MetricsTests {
    @Test func eachRequestIsCountedUnderItsCommand() throws {
        let metrics = Metrics()
        let host = try EngineHost { $0.metrics = metrics }
        let client = try host.logIn()
        let file = try client.open("file")
        for _ in 0..<3 { _ = try client.call(.write(file, [UInt8](repeating: 1, count: 1000))) }
        _ = try client.call(.create("nothing", disposition: .open))
        func command(_ command: SMB2Command) -> Metrics.Command? {
            metrics.commands.first { $0.code == Int(command.rawValue) }
        }
        #expect(command(.write)?.requestCount == 3)
        #expect(command(.write).map { $0.receivedByteCount > 3000 && $0.sentByteCount < 1000 } == true)
        #expect(command(.write)?.errorCount == 0)
        #expect(command(.create)?.requestCount == 2 && command(.create)?.errorCount == 1)
        #expect(command(.sessionSetup)?.requestCount == 2)
        #expect(command(.lock) == nil)
    }

    @Test func whatTakesLongerStandsInALaterBucket() throws {
        let metrics = Metrics()
        let host = try EngineHost { $0.metrics = metrics }
        let client = try host.logIn()
        // The host's clock stands still: everything takes no time.
        _ = try client.call(.echo)
        let echo = try #require(metrics.commands.first { $0.code == Int(SMB2Command.echo.rawValue) })
        #expect(echo.buckets.first == 1 && echo.nanoseconds == 0)
        #expect(Metrics.bounds.first == 8192 && Metrics.bounds == Metrics.bounds.sorted())
    }
}
