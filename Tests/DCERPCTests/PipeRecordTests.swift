import NTTypes
import Testing

@testable import DCERPC

/// A reload, or the end of a control plane, has another process go on with the pipes that clients hold.
@Suite("A pipe goes on in another process")
struct PipeRecordTests {
    private static let server = FixedServer()

    /// One client's pipe to lsarpc, and what has been kept of it.
    private struct Client {
        var pipe = RPCPipe(name: .lsarpc, caller: .alice)
        var records: [UInt32: [UInt8]] = [:]
        var unfinished: [UInt8] = []

        init() throws {
            let answer = try write(
                hex(
                    """
                    05000b03 10000000 48000000 01000000 b810b810 00000000 01000000 00000100
                    78573412 3412cdab ef000123 456789ab 00000000 045d888a eb1cc911 9fe80800 2b104860 02000000
                    """))
            #expect(answer.first?[2] == 12)
        }

        /// Writes, and reads all that there is.
        mutating func write(_ bytes: [UInt8]) throws -> [[UInt8]] {
            try pipe.receive(bytes, server)
            var fragments: [[UInt8]] = []
            while let fragment = pipe.nextFragment() { fragments.append(fragment) }
            unfinished = Array((unfinished + bytes).suffix(pipe.unfinishedByteCount))
            for record in pipe.takeRecords() { records[record.number] = record.value.isEmpty ? nil : record.value }
            return fragments
        }

        mutating func takeOver() throws {
            let kept = records.map { PipeRecord(number: $0.key, value: $0.value) }
            pipe = try #require(RPCPipe(name: .lsarpc, caller: .alice, restoring: kept))
            try pipe.receive(unfinished, server)
        }

        /// - Returns: the response's stub; nil for a fault.
        mutating func call(_ operation: UInt16, _ stub: [UInt8]) throws -> [UInt8]? {
            let fragments = try write(request(operation, stub))
            let response = try #require(fragments.first)
            return response[2] == 2 ? Array(response[24...]) : nil
        }
        mutating func openPolicy() throws -> [UInt8] {
            let asked = hex("00000000 18000000 00000000 00000000 00000000 00000000 00000000 00000002")
            let response = try call(44, asked)
            let stub = try #require(response)
            #expect(stub.count == 24 && stub.suffix(4) == [0, 0, 0, 0])
            return Array(stub.prefix(20))
        }
    }

    private static func request(_ operation: UInt16, _ stub: [UInt8], flags: UInt8 = 3) -> [UInt8] {
        [5, 0, 0, flags, 0x10, 0, 0, 0, UInt8(24 + stub.count), 0, 0, 0, 2, 0, 0, 0]
            + [UInt8(stub.count), 0, 0, 0, 0, 0, UInt8(operation), 0] + stub
    }

    /// LsarQueryInformationPolicy, the account domain.
    private static func query(_ client: inout Client, _ handle: [UInt8]) throws -> [UInt8]? {
        try client.call(7, handle + [5, 0])
    }

    @Test func withTheHandlesOfItsClient() throws {
        var client = try Client()
        let (first, second) = (try client.openPolicy(), try client.openPolicy())
        let before = try Self.query(&client, first)
        for _ in 0..<3 {
            try client.takeOver()
            let answer = try Self.query(&client, first)
            #expect(answer == before && before != nil)
        }
        let closing = try client.call(0, first)
        try client.takeOver()
        let (ofFirst, ofSecond) = (try Self.query(&client, first), try Self.query(&client, second))
        #expect(closing != nil && ofFirst == nil, "what was closed stays closed")
        #expect(ofSecond != nil)
        let third = try client.openPolicy()
        try client.takeOver()
        let ofThird = try Self.query(&client, third)
        #expect(ofThird != nil && third != second, "and what is opened afterwards goes on as well")
    }

    @Test func inTheMiddleOfACall() throws {
        var client = try Client()
        let handle = try client.openPolicy()
        let middle = Self.request(7, Array(handle.dropFirst(8)), flags: 0)
        let parts = [
            Self.request(7, Array(handle.prefix(8)), flags: 1), Array(middle.prefix(11)), Array(middle.dropFirst(11)),
        ]
        for part in parts {
            let fragments = try client.write(part)
            #expect(fragments.isEmpty)
            try client.takeOver()
        }
        let answer = try client.write(Self.request(7, [5, 0], flags: 2))
        #expect(answer.first?[2] == 2)
        #expect(client.pipe.unfinishedByteCount == 0)
    }

    @Test func withHandlesOfEveryKind() throws {
        let account = AccountDescription(
            kind: .user, name: "zoë", domain: "APUS", sid: SID(5, 21, 1, 2, 3, 3000), fullName: "Zoë Z.")
        let targets: [HandleTarget] = [
            .policy, .accountServer, .accountDomain(account), .user(account), .group(account), .alias(account),
        ]
        for target in targets {
            var session = RPCSession(caller: .alice, limits: RPCLimits())
            let opened = session.open(target, Self.server)
            let handle = try #require(opened)
            let taken = session.takeRecords(byteCountMax: 1000)
            let record = try #require(taken.first)
            var other = RPCSession(caller: .alice, limits: RPCLimits())
            let isRestored = other.restore(record)
            #expect(isRestored)
            #expect(other.target(of: handle) == target)
            for length in 0..<record.value.count {
                var third = RPCSession(caller: .alice, limits: RPCLimits())
                let isTaken = third.restore(PipeRecord(number: 1, value: Array(record.value.prefix(length))))
                #expect(!isTaken)
            }
        }
    }

    /// Thousands of handles in one write are told a part at a time; those that came and went in between, never.
    @Test func whatIsToldHasItsBounds() throws {
        var session = RPCSession(caller: .alice, limits: RPCLimits())
        for _ in 0..<5000 {
            let handle = session.open(.policy, Self.server)
            let isClosed = session.close(try #require(handle))
            #expect(isClosed)
        }
        let nothing = session.takeRecords(byteCountMax: 1000)
        #expect(nothing.isEmpty)
        for _ in 0..<1000 { _ = session.open(.policy, Self.server) }
        var count = 0
        while case let records = session.takeRecords(byteCountMax: 1000), !records.isEmpty {
            #expect(records.reduce(0) { $0 + $1.value.count + 8 } <= 1000)
            count += records.count
        }
        #expect(count == 1000)
    }

    @Test(arguments: [[], [1], [0xFF, 0xFF], [0xD0, 0x16, 0], [0xD0, 0x16, 0, 0, 9, 0], [0xD0, 0x16, 0, 0, 0, 2]])
    func whatIsNoBindingIsRefused(_ value: [UInt8]) {
        let record = PipeRecord(number: 0, value: value)
        #expect(RPCPipe(name: .srvsvc, caller: .alice, restoring: [record]) == nil)
    }
}
