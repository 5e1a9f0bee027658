import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

@Suite("What is told of requests while somebody looks") struct ObservationTests {
    // MARK: where time goes

    @Test func whatIsAskedIsSummedUpByShareWhileSomebodyLooks() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let file = try client.open("file")
        _ = try client.call(.write(file, [1]))
        let activity = host.server.observation.activity
        #expect(activity.entries.isEmpty)

        host.server.observation.beginActivity()
        for _ in 0..<3 { _ = try client.call(.write(file, [UInt8](repeating: 1, count: 1000))) }
        _ = try client.call(.create("nothing", disposition: .open))
        _ = try client.call(.create("file", access: .readAttributes, disposition: .open))
        let entry = try #require(activity.entries.values.first { $0.share == "share" })
        #expect(entry.user == EngineHost.user && entry.client == "127.0.0.1")
        #expect(entry.sums.commands[Int(SMB2Command.write.rawValue)] == 3 && entry.sums.writtenByteCount > 3000)
        #expect(entry.sums.errorCount == 1 && entry.sums.failedOpenCount == 1 && entry.sums.attributeOpenCount == 1)
        #expect(entry.sums.requestCount == 5 && entry.sums.buckets.first == 5)
        let before = entry.sums
        _ = try client.call(.write(file, [1]))
        let after = try #require(activity.entries.values.first { $0.share == "share" }).sums
        #expect(after.since(before).requestCount == 1)

        host.server.observation.endActivity()
        #expect(activity.entries.isEmpty)
        _ = try client.call(.write(file, [1]))
        #expect(activity.entries.isEmpty)
    }

    @Test func latenciesFallIntoBucketsOfTwiceAsMuchEach() {
        var sums = ActivityLog.Sums()
        sums.buckets[1] = 50
        sums.buckets[4] = 50
        #expect(sums.latency(part: 0.5) == 2000 && sums.latency(part: 0.51) == 16_000)
        #expect(ActivityLog.Sums().latency(part: 0.99) == 0)
    }

    // MARK: each request

    private func trace(
        _ change: (inout TraceFilter) -> Void = { _ in }, room: Int = 100, _ ask: (TestClient) throws -> Void
    ) throws -> (entries: [TraceEntry], droppedCount: UInt64) {
        let host = try EngineHost()
        let client = try host.logIn()
        var filter = TraceFilter()
        change(&filter)
        let tracer = Tracer(filter: filter, entryCountMax: room)
        host.server.observation.add(tracer)
        try ask(client)
        host.server.observation.remove(tracer)
        _ = try client.call(.echo)
        return tracer.take()
    }
    private func useFile(_ client: TestClient) throws {
        let file = try client.open("file")
        _ = try client.call(.write(file, [1, 2, 3]))
        _ = try client.call(.close(file))
        _ = try client.call(.create("nothing", disposition: .open))
    }

    @Test func eachRequestIsToldWithItsFile() throws {
        let entries = try trace { try useFile($0) }.entries
        let commands: [SMB2Command] = [.create, .write, .close, .create]
        #expect(entries.map(\.command) == commands.map(\.rawValue))
        #expect(entries.map(\.path) == ["file", "file", "file", "nothing"])
        #expect(entries.allSatisfy { $0.share == "share" && $0.user == EngineHost.user })
        #expect(entries.map(\.status) == [.success, .success, .success, .objectNameNotFound])
        guard case .range(offset: 0, byteCount: 3) = entries[1].subject else {
            Issue.record("\(entries[1].subject)")
            return
        }
    }

    @Test func filters() throws {
        func paths(_ change: (inout TraceFilter) -> Void) throws -> [String] {
            try trace(change) { try useFile($0) }.entries.map(\.path)
        }
        #expect(try paths { $0.share = "SHARE" }.count == 4)
        #expect(try paths { $0.share = "other" }.isEmpty)
        #expect(try paths { $0.client = "192.0.2.1" }.isEmpty)
        #expect(try paths { $0.wantsStatus = { $0.isError } } == ["nothing"])
        #expect(try paths { $0.wantsPath = { $0.hasPrefix("f") } } == ["file", "file", "file"])
        // The host's clock stands still.
        #expect(try paths { $0.nanosecondsMin = 1 }.isEmpty)
    }

    @Test func whatThereIsNoRoomForIsCounted() throws {
        let (entries, droppedCount) = try trace(room: 2) { client in
            for _ in 0..<100 { _ = try client.call(.echo) }
        }
        // As many rings as processors have served it.
        #expect(entries.count >= 2 && entries.count + Int(droppedCount) == 100 && droppedCount > 0)
    }
}
