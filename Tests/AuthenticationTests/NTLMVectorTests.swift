import NTTypes
import SMBCrypto
import Testing

@testable import Authentication

/// User, Domain and Password are called so, the server's challenge is 0123456789ABCDEF, the client's AAAAAAAAAAAAAAAA.
@Suite("Examples of [MS-NLMP] 4.2") struct NTLMVectorTests {
    static let ntHash = bytes("a4f49c406510bdcab6824ee7c30fd852")
    static let serverChallenge = bytes("0123456789abcdef")
    static let clientChallenge = bytes("aaaaaaaaaaaaaaaa")
    static let challengeMessage = bytes(
        """
        4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000060070170000000f
        53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000
        """)
    static let responseKey = NTLMCryptography.responseKey(
        ntHash: ntHash, user: NTLMCryptography.uppercased([UInt8](utf16: "User")), domain: [UInt8](utf16: "Domain"))

    @Test func ntHashIsMD4OfThePassword() {
        #expect(NTLMCryptography.ntHash(password: "Password") == Self.ntHash)
    }

    @Test func version2ResponseAndSessionKeys() throws {
        #expect(Self.responseKey == bytes("0c868a403bfd7a93a3001ef22ef02e3f"))
        let challenge = try ChallengeMessage(Self.challengeMessage)
        #expect(challenge.flags.rawValue == 0xE28A_8233)
        #expect(challenge.challenge == Self.serverChallenge)
        let clientChallenge =
            bytes("01010000000000000000000000000000") + Self.clientChallenge + bytes("00000000") + challenge.targetInfo
            + bytes("00000000")
        let proof = NTLMCryptography.proof(
            responseKey: Self.responseKey, serverChallenge: Self.serverChallenge, clientChallenge: clientChallenge)
        #expect(proof == bytes("68cd0ab851e51c96aabc927bebef6a1c"))
        let sessionBaseKey = Digest.hmacMD5(key: Self.responseKey, proof)
        #expect(sessionBaseKey == bytes("8de40ccadbc14a82f15cb0ad0de95ca3"))
        var cipher = RC4(key: sessionBaseKey)
        #expect(
            cipher.process([UInt8](repeating: 0x55, count: 16)) == bytes("c5dad2544fc9799094ce1ce90bc9d03e"))
    }

    @Test func aChallengeIsWrittenAsItWasRead() throws {
        var message = try ChallengeMessage(Self.challengeMessage)
        #expect(try ChallengeMessage(message.bytes) == message)
        #expect(message.targetName == [UInt8](utf16: "Server"))
        message.targetInfo = []
        #expect(try ChallengeMessage(message.bytes) == message)
    }

    @Test func version1ResponseWithAndWithoutExtendedSecurity() {
        #expect(
            DES.encryptThrice(key: Self.ntHash, Self.serverChallenge)
                == bytes("67c43011f30298a2ad35ece64f16331c44bdbed927841f94"))
        let challenge = Array(Digest.md5(Self.serverChallenge + Self.clientChallenge).prefix(8))
        #expect(
            DES.encryptThrice(key: Self.ntHash, challenge)
                == bytes("7537f803ae367128ca458204bde7caf81e97ed2683267232"))
    }

    /// An AUTHENTICATE message with a response of version 1 goes through the server.
    private func logIn(isExtended: Bool, isAllowed: Bool = true, lastByte: UInt8? = nil) throws -> MechanismStep {
        var policy = Fixture.policy
        policy.allowsNTLMv1 = isAllowed
        let accounts = FixedAccounts(["User": "Password"])
        var server = NTLMServer(policy: policy, accounts: accounts, now: Fixture.now, challenge: Self.serverChallenge)
        var flags: NTLM.Flags = [.unicode, .ntlm, .alwaysSign]
        if isExtended { flags.insert(.extendedSessionSecurity) }
        guard case .more = server.accept(NegotiateMessage(flags: flags).bytes) else { return .failed(.unsuccessful) }
        var response = bytes(
            isExtended
                ? "7537f803ae367128ca458204bde7caf81e97ed2683267232"
                : "67c43011f30298a2ad35ece64f16331c44bdbed927841f94")
        if let lastByte { response[23] = lastByte }
        let message = AuthenticateMessage(
            flags: flags,
            lmResponse: Self.clientChallenge + [UInt8](repeating: 0, count: 16), ntResponse: response,
            domain: [], user: [UInt8](utf16: "user"), workstation: [], encryptedSessionKey: [])
        return server.accept(message.bytes)
    }

    @Test func version1LogsInOnlyWhereItIsAllowed() throws {
        guard case .done(let login, _) = try logIn(isExtended: true) else { return #expect(Bool(false)) }
        #expect(login.user == "User")
        #expect(login.sessionKey == bytes("eb93429a8bd952f8b89c55b87f475edc"))
        guard case .done(let plain, _) = try logIn(isExtended: false) else { return #expect(Bool(false)) }
        #expect(plain.sessionKey == bytes("d87262b0cde4b1cb7499becccdf10784"))
        #expect(try logIn(isExtended: true, isAllowed: false) == .failed(.logonFailure))
        #expect(try logIn(isExtended: false, isAllowed: false) == .failed(.logonFailure))
        #expect(try logIn(isExtended: true, lastByte: 0) == .failed(.logonFailure))
    }

    @Test(
        "capitals are those of Windows: one unit stays one unit",
        arguments: [
            ("user", "USER"), ("Björn", "BJÖRN"), ("straße", "STRAßE"), ("ÿ", "Ÿ"), ("жук", "ЖУК"), ("日本", "日本"),
            ("", ""),
        ])
    func capitals(name: String, upper: String) {
        #expect(NTLMCryptography.uppercased([UInt8](utf16: name)) == [UInt8](utf16: upper))
    }
}
