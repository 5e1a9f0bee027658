import NTTypes
import Testing

@testable import Authentication

/// A login of a Windows 10 client at a Windows server, as Microsoft published it byte for byte ("SMB 3.1.1 Encryption
/// in Windows 10"): every token, the integrity code, both signatures, the session key.
@Suite("A published login, [MS-NLMP] and RFC 4178") struct WindowsExchangeTests {
    static let first = bytes(
        """
        604806062B0601050502A03E303CA00E300C060A2B06010401823702020AA22A
        04284E544C4D5353500001000000978208E200000000000000000000000000000000060380250000
        000F
        """)
    static let firstAnswer = bytes(
        """
        A181B03081ADA003
        0A0101A10C060A2B06010401823702020AA281970481944E544C4D53535000020000000C000C0038
        00000015828AE25FC0CB7F886E93D6000000000000000050005000440000000A0092270000000F53
        005500540033003100310002000C0053005500540033003100310001000C00530055005400330031
        00310004000C0053005500540033003100310003000C005300550054003300310031000700080024
        8D5C6CCDAED00100000000
        """)
    static let second = bytes(
        """
        A18201CB308201C7A0030A0101A28201AA048201A64E544C4D53535000030000
        001800180090000000EE00EE00A80000000C000C00580000001A001A0064000000120012007E0000
        001000100096010000158288E2060380250000000FA5E34268EF143BE5816251D02C564E9B530055
        005400330031003100610064006D0069006E006900730074007200610074006F0072004400520049
        005600450052003300310031000000000000000000000000000000000000000000000000002C263D
        A5C2D54785E8EDA0552472D3A30101000000000000248D5C6CCDAED001BEA7A53E2DC098EB000000
        0002000C0053005500540033003100310001000C0053005500540033003100310004000C00530055
        00540033003100310003000C0053005500540033003100310007000800248D5C6CCDAED001060004
        00020000000800300030000000000000000000000000300000B61FEFCAA857EA57BF1EDCEBF8974B
        8E0EBA5A6DFD9D07A31D11B548F8C9D0CC0A00100000000000000000000000000000000000090016
        0063006900660073002F00530055005400330031003100000000000000000000000000133FA6EA15
        4880BB44576C6E2490BDE7A31204100100000067890BD408F5680D00000000
        """)
    static let secondAnswer = bytes("A11B3019A0030A0100A3120410010000003932A87523AB660100000000")
    static let sessionKey = bytes("419FDDF34C1E001909D362AE7FB6AF79")

    /// The server, but for its challenge, which is the one that Windows sent.
    struct Replay: Mechanism {
        static let identifiers = NTLMServer.identifiers
        var server: NTLMServer
        let challenge: [UInt8]
        private var hasBegun = false

        init(password: String) throws {
            challenge = try SPNEGO.readResponse(WindowsExchangeTests.firstAnswer).token ?? []
            server = NTLMServer(
                policy: AuthenticationPolicy(computerName: "SUT311", domainName: "SUT311"),
                accounts: FixedAccounts(["Administrator": password]), now: Fixture.now,
                challenge: try ChallengeMessage(challenge).challenge)
        }

        mutating func accept(_ token: [UInt8]) -> MechanismStep {
            if hasBegun { return server.accept(token) }
            hasBegun = true
            _ = server.accept(token)
            if case .challenged(let negotiate, _, let offered) = server.phase {
                server.phase = .challenged(negotiate: negotiate, challenge: challenge, offered: offered)
            }
            return .more(challenge)
        }
        var canSign: Bool { server.canSign }
        mutating func signature(of message: [UInt8]) -> [UInt8] { server.signature(of: message) }
        mutating func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
            server.verify(signature, of: message)
        }
    }

    func exchange(password: String = "Password01!") throws -> AuthenticationExchange {
        let replay = try Replay(password: password)
        return AuthenticationExchange(makeMechanism: { $0 == .ntlm ? replay : nil })
    }

    @Test func everyByteOfTheAnswersIsTheSame() throws {
        let exchange = try exchange()
        #expect(exchange.step(Self.first) == .more(Self.firstAnswer))
        let login = Login(user: "Administrator", domain: "SUT311", sessionKey: Self.sessionKey)
        #expect(exchange.step(Self.second) == .done(token: Self.secondAnswer, login))
        #expect(exchange.step(Self.second) == .failed(.invalidParameter), "an exchange ends once")
    }

    @Test func anotherPasswordIsRefused() throws {
        let exchange = try exchange(password: "Password02!")
        _ = exchange.step(Self.first)
        #expect(exchange.step(Self.second) == .failed(.logonFailure))
    }

    @Test("a change anywhere in the answer is noticed")
    func everyByteCounts() throws {
        var unnoticed: [Int] = []
        for offset in Self.second.indices {
            var changed = Self.second
            changed[offset] ^= 0x40
            let exchange = try exchange()
            _ = exchange.step(Self.first)
            guard case .failed = exchange.step(changed) else {
                unnoticed.append(offset)
                continue
            }
        }
        // The tags of negState and mechListMIC: a field that nobody knows is skipped (RFC 4178 4.2 lets later versions
        // add some), and both may be left out when the client's first choice was taken.
        #expect(unnoticed.map { Self.second[$0] } == [0xA0, 0xA3], "\(unnoticed)")
    }

    @Test("a change in the list of mechanisms is noticed")
    func theListIsSigned() throws {
        let exchange = try exchange()
        // As if somebody had taken a better mechanism out of the list: the client has signed another one.
        let initial = try SPNEGO.readInitial(Self.first)
        let shorter = SPNEGO.Initial(mechanisms: [.ntlm, .ntlm], token: initial.token)
        _ = exchange.step(SPNEGO.write(shorter))
        #expect(exchange.step(Self.second) == .failed(.accessDenied))
    }
}
