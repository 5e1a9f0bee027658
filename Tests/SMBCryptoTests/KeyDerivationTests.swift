import Testing

@testable import SMBCrypto

/// The session that Microsoft's Open Specifications team published packet by packet ("SMB 3.1.1 Encryption in Windows
/// 10").
enum PublishedSession {
    static let negotiateRequest = bytes(
        """
        FE534D4240000100000000000000010000000000000000000000000000000000FFFE000000000000
        00000000000000000000000000000000000000000000000024000500010000006600000078EA16AC
        6877C34A95F7160F73EA377270000000020000000202100200030203110300000100260000000000
        0100200001001A05A92392E1554C072AE7B186EE7DC02CB90BEF2E639CCC94B7A9DC7B3934420000
        0200060000000000020001000200
        """)
    static let preauthAfterRequest = bytes(
        """
        A3A8A769FEA693B3D037406EF945E115D2B7A4A9318564D2CAAA4B1FE0EC36D8D92A4802619EDCF2
        9E2410534D2D3749E71F76ADF5212F959210D291097A6355
        """)
    static let sessionKey = bytes("419FDDF34C1E001909D362AE7FB6AF79")
    static let preauthIntegrityHash = bytes(
        """
        B23F3CBFD69487D9832B79B1594A367CDD950909B774C3A4C412B4FCEA9EDDDBA7DB256BA2EA30E9
        77F11F9B113247578E0E915C6D2A513B8F2FCA5707DC8770
        """)
    static let signingKey = bytes("8765949DFEAEE105CE9118B45BE988F0")
    static let clientToServerKey = bytes("A2F5E80E5D59103034F32E52F698E5EC")
    static let serverToClientKey = bytes("748C50868C90F302962A5C35F5F9A8BF")
    static let applicationKey = bytes("099D610789FBE82055B313601C3E8CC4")
    /// Signed with AES-CMAC.
    static let sessionSetupResponse = bytes(
        """
        FE534D4240000100000000000100800009000000000000000200000000000000FFFE000000000000
        25000000001000006B85A4519A0F3EEA35BA946DD3AFE6B80900000048001D00A11B3019A0030A01
        00A3120410010000003932A87523AB660100000000
        """)
    static let write = bytes(
        """
        FE534D4240000100000000000900010008000000000000000500000000000000FFFE000001000000
        25000000001000000000000000000000000000000000000031007000170000000000000000000000
        0600000004000000010000000400000000000000000000007000000000000000536D623320656E63
        72797074696F6E2074657374696E67
        """)
    static let sealedWrite = bytes(
        """
        FD534D42BD73D97D2BC9001BCAFAC0FDFF5FEEBCC7D6822D269CAF48904C664C0000000087000000
        0000010025000000001000006ECDD2A7AFC7B47763057A041B8FD4DAFFE990B70C9E09D36C084E02
        D14EF247F8BDE38ACF6256F8B1D3B56F77FBDEB312FEA5E92CBCC1ED8FB2EBBFAA75E49A4A394BB4
        4576545567C24D4C014D47C9FBDFDAFD2C4F9B72F8D256452620A299F48E29E53D6B61D1C13A19E9
        1AF013F00D17E3ABC2FC3D36C8C1B6B93973253852DBD442E46EE8
        """)
    static let writeResponse = bytes(
        """
        FE534D4240000100000000000900010001000000000000000500000000000000FFFE000001000000
        25000000001000000000000000000000000000000000000011000000170000000000000000000000
        """)
    static let sealedWriteResponse = bytes(
        """
        FD534D42ACBE1CB7ED343ADF1725EF144D90D4B0E06831DD2E8EB7B4000000000000000050000000
        00000100250000000010000026BBBF949983A6C1C796559D0F2C510CB651D1F7B6AC8DED32A2A0B8
        F2D793A815C6F6B848D69767A215841A42D400AE6DDB5F0B44173A014973321FDD7950DA6179159B
        82E03C9E18A050FF0EA1C967
        """)
}

@Suite("Key derivation [MS-SMB2] 3.1.4.2") struct KeyDerivationTests {
    @Test func keysOf311AreThePublishedOnes() {
        let derivation = KeyDerivation(
            sessionKey: PublishedSession.sessionKey,
            scheme: .dialect311(preauthIntegrityHash: PublishedSession.preauthIntegrityHash))
        #expect(derivation.signingKey == PublishedSession.signingKey)
        #expect(derivation.clientToServerKey(for: .aes128GCM) == PublishedSession.clientToServerKey)
        #expect(derivation.serverToClientKey(for: .aes128GCM) == PublishedSession.serverToClientKey)
        #expect(derivation.applicationKey == PublishedSession.applicationKey)
    }

    /// From "Encryption in SMB 3.0: a protocol perspective" of the same team.
    @Test func keysOf30AreThePublishedOnes() {
        let derivation = KeyDerivation(sessionKey: bytes("B4546771B515F766A86735532DD6C4F0"), scheme: .dialect30)
        #expect(derivation.clientToServerKey(for: .aes128CCM) == bytes("261B72350558F2E9DCF613070383EDBF"))
        #expect(derivation.serverToClientKey(for: .aes128CCM) == bytes("8FE2B57EC34D2DB5B1A9727F526BBDB5"))
    }

    @Test func keysOf256BitsComeFromTheWholeSessionKeyAndTheOthersFromItsStart() {
        let hash = PublishedSession.preauthIntegrityHash
        let short = KeyDerivation(sessionKey: Array(0..<16), scheme: .dialect311(preauthIntegrityHash: hash))
        let long = KeyDerivation(sessionKey: Array(0..<32), scheme: .dialect311(preauthIntegrityHash: hash))
        #expect(short.signingKey == long.signingKey)
        #expect(short.serverToClientKey(for: .aes128GCM) == long.serverToClientKey(for: .aes128GCM))
        #expect(short.serverToClientKey(for: .aes256GCM) != long.serverToClientKey(for: .aes256GCM))
        #expect(long.serverToClientKey(for: .aes256GCM).count == 32)
    }

    @Test func aShortSessionKeyIsFilledWithZeros() {
        #expect(KeyDerivation.firstSixteenBytes(of: [1, 2]) == [1, 2] + [UInt8](repeating: 0, count: 14))
        #expect(KeyDerivation.firstSixteenBytes(of: Array(0..<32)) == Array(0..<16))
    }

    @Test func preauthIntegrityHashRunsOverWholeMessages() {
        var hash = PreauthIntegrityHash()
        #expect(hash.value == [UInt8](repeating: 0, count: 64))
        PublishedSession.negotiateRequest.withUnsafeBytes { hash.update($0) }
        #expect(hash.value == PublishedSession.preauthAfterRequest)
        var other = PreauthIntegrityHash()
        PublishedSession.negotiateRequest.withUnsafeBytes { other.update($0.bytes) }
        #expect(other == hash)
    }
}
