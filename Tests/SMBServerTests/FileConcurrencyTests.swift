import EngineHost
import Glibc
import NTTypes
import Platform
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// A few names that several clients write, rename, delete and look at, all at once. Every byte that a client was told
/// is written must be found once at the end: in a file, or with the one who read it before he deleted it.
/// `APUS_TORTURE_SECONDS` says how long.
@Suite("Names under fire [MS-FSA] 2.1.5.1, 2.1.5.5, 2.1.5.15.11") struct FileConcurrencyTests {
    private let host: EngineHost
    private let ledger = Ledger()

    init() throws { host = try EngineHost() }

    private static var seconds: Double {
        // SAFETY: the text is copied before anything could change the environment.
        unsafe getenv("APUS_TORTURE_SECONDS").flatMap { unsafe Double(String(cString: $0)) } ?? 1
    }

    @Test func nothingThatWasWrittenIsLost() async throws {
        let ledger = ledger
        var bodies: [() -> Bool] = []
        for (index, step) in [Self.write, Self.write, Self.bank, Self.rename, Self.look].enumerated() {
            let caller = Caller(try host.logIn(), seed: UInt64(index))
            bodies.append { step(caller, ledger, UInt32(index)) }
        }
        let counts = await Race(bodies).run(seconds: Self.seconds)
        #expect(counts.allSatisfy { $0 > 10 }, "\(counts)")
        #expect(ledger.problems.isEmpty, "\(ledger.problems)")
        let reader = Caller(try host.logIn())
        for name in Self.names { Self.readAll(name, access: .readData, reader, ledger) }
        #expect(ledger.writtenCount > 10)
        #expect(ledger.missing == 0, "of \(ledger.writtenCount)")
        #expect(ledger.surplus == 0)
        #expect(host.server.files.openCount == 0)
        #expect(host.server.openCount.load(ordering: .relaxed) == 0)
    }

    private static let names = ["one", "two", "three", "four"]
    private static func name(_ caller: Caller) -> String { names[caller.next(names.count)] }

    /// Statuses that others' doings explain.
    private static let refusals: [NTStatus] = [
        .sharingViolation, .deletePending, .objectNameNotFound, .objectNameCollision, .accessDenied, .fileDeleted,
    ]

    /// Opens, does something and closes.
    private static func using(
        _ request: TestRequest, _ caller: Caller, _ ledger: Ledger, _ body: (CreateResponse) -> Void
    ) -> Bool {
        guard let reply = caller.call(request) else { return ledger.report("no answer to CREATE") }
        guard reply.status == .success else {
            return refusals.contains(reply.status) || ledger.report("CREATE: \(reply.status)")
        }
        guard let opened = try? reply.decode({ r throws(WireError) in try CreateResponse(from: &r) }) else {
            return ledger.report("a CREATE response that cannot be read")
        }
        body(opened)
        let closed = caller.call(.close(opened.fileID))?.status
        return closed == .success || ledger.report("CLOSE: \(String(describing: closed))")
    }

    /// A record at the end of a file, which nobody else writes meanwhile.
    private static func write(_ caller: Caller, _ ledger: Ledger, _ writer: UInt32) -> Bool {
        let isCached = caller.next(2) == 0
        let request = TestRequest.create(name(caller), access: [.writeData, .readAttributes]) { parameters in
            parameters.shareAccess = [.read, .delete]
            if isCached { parameters.requestedOplockLevel = 0x09 }
        }
        return using(request, caller, ledger) { opened in
            let record = ledger.makeRecord()
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: record >> ($0 * 8)) }
            let status = caller.call(.write(opened.fileID, bytes, at: opened.information.endOfFile))?.status
            if status == .success {
                ledger.write(record)
            } else {
                ledger.report("WRITE: \(String(describing: status))")
            }
        }
    }

    /// Whoever deletes a file has it for himself, and has read it before.
    private static func bank(_ caller: Caller, _ ledger: Ledger, _: UInt32) -> Bool {
        readAll(name(caller), access: [.readData, .delete], caller, ledger) {
            $0.shareAccess = []
            $0.createOptions = .deleteOnClose
        }
    }

    @discardableResult
    private static func readAll(
        _ name: String, access: AccessMask, _ caller: Caller, _ ledger: Ledger,
        _ change: (inout CreateRequest.Parameters) -> Void = { _ in }
    ) -> Bool {
        using(.create(name, access: access, disposition: .open, change), caller, ledger) { opened in
            let size = opened.information.endOfFile
            var place: UInt64 = 0
            while place < size {
                let reply = caller.call(.read(opened.fileID, count: 65_536, at: place))
                guard let data = try? reply?.decode({ r throws(WireError) in try ReadResponse(from: &r) }).data,
                    !data.isEmpty
                else {
                    ledger.report("READ: \(String(describing: reply?.status)) at \(place) of \(size)")
                    return
                }
                ledger.find(data)
                place += UInt64(data.count)
            }
        }
    }

    private static func rename(_ caller: Caller, _ ledger: Ledger, _: UInt32) -> Bool {
        let target = name(caller)
        return using(.create(name(caller), access: .delete, disposition: .open), caller, ledger) { opened in
            let status = caller.call(.newName(opened.fileID, target))?.status
            if let status, status == .success || refusals.contains(status) { return }
            ledger.report("rename: \(String(describing: status))")
        }
    }

    /// As Linux's stat() does it.
    private static func look(_ caller: Caller, _ ledger: Ledger, _: UInt32) -> Bool {
        let replies = caller.call([
            .create(name(caller), access: .readAttributes, disposition: .open),
            TestRequest.query(.compoundRelated, class: 18).related, TestRequest.close(.compoundRelated).related,
        ])
        guard replies.count == 3 else { return ledger.report("no answer to a look") }
        let status = replies[0].status
        return status == .success || status == .objectNameNotFound || ledger.report("look: \(status)")
    }
}

/// What was written, and what was found.
private final class Ledger: Sendable {
    private struct State {
        var next: UInt64 = 1
        /// How often each record was found, less once for its being written.
        var balances: [UInt64: Int] = [:]
        var writtenCount = 0
        var problems: [String] = []
    }
    private let state = Mutex(State())

    func makeRecord() -> UInt64 {
        state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
    }
    func write(_ record: UInt64) {
        state.withLock { state in
            state.balances[record, default: 0] -= 1
            state.writtenCount += 1
        }
    }
    func find(_ data: [UInt8]) {
        state.withLock { state in
            for start in stride(from: 0, to: data.count - 7, by: 8) {
                let record = data[start..<start + 8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
                state.balances[record, default: 0] += 1
            }
        }
    }
    /// - Returns: false.
    @discardableResult
    func report(_ problem: String) -> Bool {
        state.withLock { if $0.problems.count < 10 { $0.problems.append(problem) } }
        return false
    }

    var writtenCount: Int { state.withLock { $0.writtenCount } }
    var missing: Int { state.withLock { state in state.balances.values.count { $0 < 0 } } }
    var surplus: Int { state.withLock { state in state.balances.values.count { $0 > 0 } } }
    var problems: [String] { state.withLock { $0.problems } }
}
