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
}
