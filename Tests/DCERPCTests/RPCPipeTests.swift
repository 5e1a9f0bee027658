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
}
