import NTTypes
import Testing

@testable import Authentication

/// Logins of Samba's smbclient 4.25, captured on loopback, with the challenge that it was given then.
@Suite("smbclient logs in, [MS-NLMP] and RFC 4178") struct SambaExchangeTests {
    static let negotiate = bytes(
        """
        604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d535350000100000015820862
        00000000280000000000000028000000060100000000000f
        """)
    static let challenge = bytes(
        """
        a1819e30819ba0030a0101a10c060a2b06010401823702020aa281850481824e544c4d535350000200000008000800380000
        0015828a62c19ced3df576fed900000000000000004200420040000000060100000000000f41005000550053000200120057
        004f0052004b00470052004f0055005000010008004100500055005300040000000300080061007000750073000700080000
        c8825cfd7bdd0100000000
        """)
    static let authenticate = bytes(
        """
        a18201a6308201a2a282018a048201864e544c4d53535000030000001800180058000000de00de0070000000120012004e01
        00000a000a00600100000c000c006a010000100010007601000015820862060100000000000f7f783462619482db6172bb7e
        96be73d100000000000000000000000000000000000000000000000036ae522b9a35c8c650f74305a507ea9e010100000000
        000000c8825cfd7bdd018fb8b8baeb34c020000000000200120057004f0052004b00470052004f0055005000010008004100
        500055005300040000000300080061007000750073000700080000c8825cfd7bdd0106000400020000000800300030000000
        0000000000000000000000008090ec23cd67aa04b3c463fde71dc9894efe2226067a8d3179aa6e2e23ababbd0a0010000000
        000000000000000000000000000009001c0063006900660073002f003100320037002e0030002e0030002e00310000000000
        57004f0052004b00470052004f005500500061006c0069006300650043004c00490045004e005400e6f68dc3b16b29624253
        f98f6fb8e124a31204100100000042b89d3aa74c79c200000000
        """)
    static let anonymousAuthenticate = bytes(
        """
        a17a3078a27604744e544c4d5353500003000000000000005800000000000000580000000000000058000000000000005800
        00000c000c00580000001000100064000000158a0062060100000000000ffc8cba757850999a2c2aae1ebc61b3cf43004c00
        490045004e005400dbcbe3b7beade452e06a81c12e567c61
        """)

    private func exchange(challenge: String) -> AuthenticationExchange {
        AuthenticationExchange(
            policy: Fixture.policy, accounts: FixedAccounts(["Alice": "Password01!"]),
            now: FileTime(unixSeconds: 1_795_515_600, nanoseconds: 0), random: { _ in bytes(challenge) })
    }

    @Test func withNameAndPassword() {
        let exchange = exchange(challenge: "c19ced3df576fed9")
        #expect(exchange.step(Self.negotiate) == .more(Self.challenge))
        let login = Login(user: "Alice", domain: "WORKGROUP", sessionKey: bytes("a6924f557719e31277fd8c2a26b3a252"))
        let answer = bytes("a11b3019a0030a0100a3120410010000002ee1cd1926da7ed000000000")
        #expect(exchange.step(Self.authenticate) == .done(token: answer, login))
    }

    @Test func withoutAName() {
        let exchange = exchange(challenge: "f22b40ff8e3cf24c")
        guard case .more = exchange.step(Self.negotiate) else { return #expect(Bool(false)) }
        let key = bytes("05d36af61d9ab9686a6c9fa67938ee0c")
        let login = Login(user: "", domain: "", sessionKey: key, isAnonymous: true)
        #expect(exchange.step(Self.anonymousAuthenticate) == .done(token: bytes("a1073005a0030a0100"), login))
    }
}
