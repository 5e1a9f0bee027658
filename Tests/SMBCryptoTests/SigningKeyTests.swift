import Testing

@testable import SMBCrypto

@Suite("Signing [MS-SMB2] 3.1.4.1 and 3.1.5.1") struct SigningKeyTests {
    static let key: [UInt8] = Array(0x40..<0x50)

    static func message(byteCount: Int, flags: UInt8 = 9, command: UInt8 = 9) -> [UInt8] {
        var message = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        message[12] = command
        message[13] = 0
        message[16] = flags
        return message
    }

    @Test(
        "CMAC gives the tags of RFC 4493",
        arguments: [
            (0, "bb1d6929e95937287fa37d129b756746"), (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"), (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ])
    func cmac(byteCount: Int, tag: String) {
        let message = bytes(
            """
            6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
            30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710
            """)
        let context = MACContext.aesCMAC(key: bytes("2b7e151628aed2a6abf7158809cf4f3c"))
        defer { MACContext.free(context) }
        // Twice: the context starts again with its key.
        for _ in 0..<2 {
            var output = [UInt8](repeating: 0, count: 32)
            output.withUnsafeMutableBytes { output in
                message.prefix(byteCount).withUnsafeBytes {
                    MACContext.compute(context, over: $0, into: output.baseAddress!)
                }
            }
            #expect(hexadecimal(Array(output.prefix(16))) == tag)
        }
    }

    @Test func hmacSignatureIsTheFirstHalfOfTheHash() {
        var message = Self.message(byteCount: 100)
        var zeroed = message
        zeroed.replaceSubrange(48..<64, with: repeatElement(0, count: 16))
        let signingKey = SigningKey(algorithm: .hmacSHA256, key: Self.key)
        message.withUnsafeMutableBytes { signingKey.sign($0) }
        #expect(Array(message[48..<64]) == Array(Digest.hmacSHA256(key: Self.key, zeroed).prefix(16)))
    }

    @Test func aSignatureMadeByWindowsIsRight() {
        var message = PublishedSession.sessionSetupResponse
        let signingKey = SigningKey(algorithm: .aesCMAC, key: PublishedSession.signingKey)
        #expect(message.withUnsafeMutableBytes { signingKey.verify($0) })
        message.withUnsafeMutableBytes { signingKey.sign($0) }
        #expect(message == PublishedSession.sessionSetupResponse)
    }

    /// AES-GMAC is AES-GCM over nothing; the tag comes from the sealing side, which has vectors of its own.
    @Test("the nonce of GMAC is MessageId, role and CANCEL", arguments: [(9, 9, 1), (8, 9, 0), (8, 12, 2), (9, 12, 3)])
    func gmacNonce(flags: UInt8, command: UInt8, last: UInt32) {
        var message = Self.message(byteCount: 120, flags: flags, command: command)
        let signingKey = SigningKey(algorithm: .aesGMAC, key: Self.key)
        message.withUnsafeMutableBytes { signingKey.sign($0) }

        var zeroed = message
        zeroed.replaceSubrange(48..<64, with: repeatElement(0, count: 16))
        let messageID = message[24..<32].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let context = CipherContext.make(.aes128GCM, key: Self.key, seals: true)
        defer { CipherContext.free(context) }
        var tag = [UInt8](repeating: 0, count: 16)
        tag.withUnsafeMutableBytes { tag in
            zeroed.withUnsafeMutableBytes {
                CipherContext.authenticate(context, $0, nonce: (messageID, last), into: tag.baseAddress!)
            }
        }
        #expect(Array(message[48..<64]) == tag)
    }

    @Test("GMAC gives the tag of the GCM specification's test case 1")
    func gmacOfNothing() {
        let context = CipherContext.make(.aes128GCM, key: [UInt8](repeating: 0, count: 16), seals: true)
        defer { CipherContext.free(context) }
        var tag = [UInt8](repeating: 0, count: 16)
        var empty = [0 as UInt8]
        tag.withUnsafeMutableBytes { tag in
            empty.withUnsafeMutableBytes {
                CipherContext.authenticate(
                    context, UnsafeMutableRawBufferPointer(rebasing: $0[..<0]), nonce: (0, 0), into: tag.baseAddress!)
            }
        }
        #expect(hexadecimal(tag) == "58e2fccefa7e3061367f1d57a4e7455a")
    }

    @Test(
        "what was signed verifies; a changed bit anywhere does not",
        arguments: [
            SigningAlgorithm.hmacSHA256, .aesCMAC, .aesGMAC,
        ])
    func everyBitCounts(algorithm: SigningAlgorithm) {
        let signingKey = SigningKey(algorithm: algorithm, key: Self.key)
        var message = Self.message(byteCount: 81)
        message.withUnsafeMutableBytes { signingKey.sign($0) }
        let signed = message
        #expect(message.withUnsafeMutableBytes { signingKey.verify($0) })
        #expect(message == signed, "verifying leaves the message as it was")
        for offset in message.indices {
            message[offset] ^= 0x10
            #expect(!message.withUnsafeMutableBytes { signingKey.verify($0) })
            message[offset] ^= 0x10
        }
        let other = SigningKey(algorithm: algorithm, key: Array(Self.key.reversed()))
        #expect(!message.withUnsafeMutableBytes { other.verify($0) })
    }

    @Test func aMessageWithoutAWholeHeaderIsWrong() {
        let signingKey = SigningKey(algorithm: .aesCMAC, key: Self.key)
        var message = [UInt8](repeating: 0, count: 63)
        #expect(!message.withUnsafeMutableBytes { signingKey.verify($0) })
    }

    @Test("many threads sign with one key at once", arguments: [SigningAlgorithm.hmacSHA256, .aesCMAC, .aesGMAC])
    func concurrentUse(algorithm: SigningAlgorithm) async {
        let signingKey = SigningKey(algorithm: algorithm, key: Self.key)
        var expected = Self.message(byteCount: 500)
        expected.withUnsafeMutableBytes { signingKey.sign($0) }
        let reference = expected
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<200).allSatisfy { _ in
                        var message = Self.message(byteCount: 500)
                        message.withUnsafeMutableBytes { signingKey.sign($0) }
                        return message == reference
                    }
                }
            }
            for await allEqual in group { #expect(allEqual) }
        }
    }
}
