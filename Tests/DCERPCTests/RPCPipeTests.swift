import NTTypes
import Testing

@testable import DCERPC

/// smbclient 4.25's bind to srvsvc.
let bindToServerService = hex(
    """
    05000b03 10000000 48000000 01000000 b810b810 00000000 01000000 00000100
    c84f324b 7016d301 12785a47 bf6ee188 03000000 045d888a eb1cc911 9fe80800 2b104860 02000000
    """)

@Suite("Connection-oriented PDUs, C706 chapter 12")
struct RPCPipeTests {
    func makePipe(_ name: PipeName = .srvsvc, _ caller: Caller = .alice) -> RPCPipe {
        RPCPipe(name: name, caller: caller)
    }

    @Test func bindIsAccepted() throws {
        var pipe = makePipe()
        try pipe.receive(bindToServerService, FixedServer())
        let fragment = pipe.nextFragment()
        let answer = try #require(fragment)
        #expect(answer[2] == 12)
        #expect(Int(answer[8]) == answer.count)
    }

    /// NetrServerGetInfo of level 101, in one write many times: what nobody has read yet does not grow with it.
    @Test func callsAreRefusedWhileTooMuchIsUnread() throws {
        var limits = RPCLimits()
        limits.unreadByteCountMax = 1000
        var pipe = RPCPipe(name: .srvsvc, caller: .alice, limits: limits)
        try pipe.receive(bindToServerService, FixedServer())
        let call = hex("05000003 10000000 20000000 02000000 08000000 0000 1500 00000000 65000000")
        let calls = [[UInt8]](repeating: call, count: 200).joined()
        try pipe.receive(calls, FixedServer())
        // One response may go past the limit; a refusal is 32 bytes.
        #expect(pipe.keptByteCount < 2000 + 200 * 32)
        var types: [UInt8] = []
        while let fragment = pipe.nextFragment() { types.append(fragment[2]) }
        #expect(types.count == 201 && types[1] == 2 && types.last == 3)
        try pipe.receive(call, FixedServer())
        #expect(pipe.nextFragment()?[2] == 2, "when all is read, calls are taken again")
    }

    /// One context of a bind: the interface is srvsvc.
    private func context(_ identifier: UInt8, _ transferSyntax: String) -> [UInt8] {
        [identifier, 0, 1, 0] + hex("c84f324b 7016d301 12785a47 bf6ee188 03000000") + hex(transferSyntax)
    }
    private func bind(_ contexts: [[UInt8]]) -> [UInt8] {
        let body = hex("b810b810 00000000") + [UInt8(contexts.count), 0, 0, 0] + contexts.joined()
        return hex("05000b03 10000000") + [UInt8(16 + body.count), 0, 0, 0, 1, 0, 0, 0] + body
    }
    private static let ndr = "045d888a eb1cc911 9fe80800 2b104860 02000000"
    private static let ndr64 = "33057171 babe3749 8319b5db ef9ccc36 01000000"
    /// Security contexts multiplexed (1), and connections kept when a call is orphaned (2).
    private static let features = "2c1cb76c 12984045 03000000 00000000 01000000"

    /// Of each context, its result and reason.
    private func results(_ answer: [UInt8]) -> [[UInt8]] {
        let addressEnd = 26 + Int(answer[24])
        let first = (addressEnd + 3) & ~3
        return (0..<Int(answer[first])).map { index in
            let result = answer[(first + 4 + index * 24)...]
            return [result[result.startIndex], result[result.startIndex + 2]]
        }
    }

    /// As Windows binds: NDR, NDR64, and what features both ends have, [MS-RPCE] 3.3.1.5.3.
    @Test func severalContextsAndFeaturesAreNegotiatedInOneBind() throws {
        var pipe = makePipe()
        try pipe.receive(
            bind([context(0, Self.ndr), context(1, Self.ndr64), context(2, Self.features)]), FixedServer())
        let fragment = pipe.nextFragment()
        let answer = try #require(fragment)
        #expect(answer[2] == 12)
        #expect(
            results(answer) == [[0, 0], [2, 2], [3, 2]], "NDR; not twice; orphaned calls leave the connection as it is")
    }

    /// NetrServerGetInfo of level 101, of contexts that speak the one and the other: in NDR64 pointers and counts have
    /// eight bytes.
    @Test func callsAreAnsweredInTheirContextsSyntax() throws {
        func answer(_ syntax: String, _ call: String) throws -> [UInt8] {
            var pipe = makePipe()
            try pipe.receive(bind([context(5, syntax)]), FixedServer())
            let acknowledgement = pipe.nextFragment()
            #expect(try results(#require(acknowledgement)) == [[0, 0]])
            try pipe.receive(hex(call), FixedServer())
            let response = pipe.nextFragment()
            return try #require(response)
        }
        let inNDR = try answer(
            Self.ndr, "05000003 10000000 20000000 02000000 08000000 0500 1500 00000000 65000000")
        let inNDR64 = try answer(
            Self.ndr64, "05000003 10000000 24000000 02000000 0c000000 0500 1500 0000000000000000 65000000")
        #expect(inNDR[2] == 2 && inNDR64[2] == 2)
        #expect(inNDR[24..<28] == [101, 0, 0, 0] && inNDR64[24..<28] == [101, 0, 0, 0])
        // PLATFORM_ID_NT after the union's pointer, of four bytes and of eight.
        #expect(inNDR[32..<36] == [0xF4, 1, 0, 0])
        #expect(inNDR64[40..<44] == [0xF4, 1, 0, 0])
        #expect(inNDR.suffix(4) == [0, 0, 0, 0] && inNDR64.suffix(4) == [0, 0, 0, 0])
    }
}
