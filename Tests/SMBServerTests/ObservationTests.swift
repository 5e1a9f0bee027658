import EngineHost
import NTTypes
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

@Suite("What is told of requests while somebody looks") struct ObservationTests {
    private let host: EngineHost
    init() throws { host = try EngineHost() }

    // MARK: where time goes

    @Test func whatIsAskedIsSummedUpByShareWhileSomebodyLooks() throws {
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
        _ change: (inout TraceFilter) -> Void = { _ in }, byteCountMax: Int = 16 << 20,
        _ ask: (TestClient) throws -> Void
    ) throws -> (entries: [TraceEntry], droppedCount: UInt64) {
        let client = try host.logIn()
        var filter = TraceFilter()
        change(&filter)
        var limits = Limits()
        limits.traceByteCountMax = byteCountMax
        let tracer = Tracer(filter: filter, limits: limits)
        host.server.observation.add(tracer)
        try ask(client)
        host.server.observation.remove(tracer)
        _ = try client.call(.echo)
        return tracer.take()
    }
    private func useFile(_ client: TestClient) throws {
        let file = try client.open("file")
        // What comes at the same moment is told in no order, if threads change processors.
        host.pass(seconds: 1)
        _ = try client.call(.write(file, [1, 2, 3]))
        host.pass(seconds: 1)
        _ = try client.call(.close(file))
        host.pass(seconds: 1)
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
        #expect(try paths { $0.statuses = .errors } == ["nothing"])
        #expect(try paths { $0.statuses = .only(.objectNameNotFound) } == ["nothing"])
        #expect(try paths { $0.statuses = .only(.success) }.count == 3)
        #expect(try paths { $0.wantsPath = { $0.hasPrefix("f") } } == ["file", "file", "file"])
        // The host's clock stands still while it answers.
        #expect(try paths { $0.nanosecondsMin = 1 }.isEmpty)
    }

    @Test func whatThereIsNoRoomForIsCounted() throws {
        // A ring has a sixteenth, and there are as many rings as processors have served it.
        let room = 16 * 4 * MemoryLayout<TraceEntry>.stride
        let (entries, droppedCount) = try trace(byteCountMax: room) { client in
            for _ in 0..<1000 { _ = try client.call(.echo) }
        }
        #expect((2...16 * 4).contains(entries.count) && entries.count + Int(droppedCount) == 1000)
    }

    @Test func longNamesTakeTheRoomOfMany() throws {
        func count(_ name: String) throws -> Int {
            let room = 16 * 20 * MemoryLayout<TraceEntry>.stride
            return try trace(byteCountMax: room) { client in
                for _ in 0..<1000 { _ = try client.call(.create(name, disposition: .open)) }
            }.entries.count
        }
        let (short, long) = (try count("n"), try count(String(repeating: "n", count: 250)))
        #expect(long > 0 && long < short)
    }

    // MARK: more clients than there is room for

    private func entry(_ client: String) -> ActivityLog.Entry {
        ActivityLog.Entry(client: client, user: "", share: "", cipher: 0, signingAlgorithm: 0)
    }
    private func use(_ log: ActivityLog, _ connection: UInt64) {
        log.record(.init(connection: connection, session: 1, tree: 1), make: { entry("\(connection)") }) { entry in
            entry.sums.commands[0] += 1
        }
    }

    @Test func connectionsThatHaveEndedMakeRoomTheOldestFirst() {
        let log = ActivityLog(countMax: 4)
        // One part has room for four; whichever processors this runs on, none is lost.
        for connection in 1...400 as ClosedRange<UInt64> {
            use(log, connection)
            log.end(connection, sending: connection)
        }
        #expect(log.lostCount == 0)
        let kept = Set(log.entries.keys.map(\.connection))
        #expect(kept.contains(400) && kept.count <= 16 * 4 && !kept.contains(1))
        #expect(log.sendingOfEnded[400] == 400 && log.sendingOfEnded.count <= 4)
        // What is forgotten is so in all parts.
        #expect(kept.isSubset(of: log.sendingOfEnded.keys))
    }

    @Test func whatThereIsNoRoomToNoteIsCounted() {
        let log = ActivityLog(countMax: 4)
        for connection in 1...400 as ClosedRange<UInt64> { use(log, connection) }
        let noted = log.entries.values.reduce(0) { $0 + Int($1.sums.requestCount) }
        #expect(noted >= 4 && noted + Int(log.lostCount) == 400)
        log.clear()
        #expect(log.lostCount == 0 && log.entries.isEmpty)
    }

    @Test func whatAConnectionSentIsKnownAfterItsEnd() throws {
        host.server.observation.beginActivity()
        let client = try host.logIn()
        _ = try client.call(.echo)
        let connection = try #require(host.server.observation.activity.entries.keys.first?.connection)
        #expect(host.server.observation.activity.sendingOfEnded.isEmpty)
        (client.wire as? EngineWire)?.close()
        #expect(host.server.observation.activity.sendingOfEnded.keys.contains(connection))
        host.server.observation.endActivity()
        #expect(host.server.observation.activity.sendingOfEnded.isEmpty)
    }
}
