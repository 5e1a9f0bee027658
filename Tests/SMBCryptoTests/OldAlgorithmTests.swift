import SMBCrypto
import Testing

@Suite("MD4 RFC 1320, RC4 RFC 6229, MD5 RFC 1321, HMAC-MD5 RFC 2202") struct OldAlgorithmTests {
    @Test(
        "MD4 gives the digests of RFC 1320 A.5",
        arguments: [
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
            ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
            ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
            ("message digest", "d9130a8164549fe818874806e1c7014b"),
            ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "e33b4ddc9c38f2199c3e7b164fcc0536"
            ),
        ])
    func md4(message: String, digest: String) {
        #expect(hexadecimal(MD4.hash(Array(message.utf8))) == digest)
    }

    @Test("MD4 pads every length of a block")
    func md4PadsEveryLength() {
        // One bit more or less in the padding changes everything: lengths around 56 and 64 are the ones that go wrong.
        let digests = (0...130).map { MD4.hash([UInt8](repeating: 0x41, count: $0)) }
        #expect(Set(digests).count == digests.count)
        #expect(digests.allSatisfy { $0.count == 16 })
    }

    @Test(
        "RC4 gives the key streams of RFC 6229",
        arguments: [
            ("0102030405", 0, "b2396305f03dc027ccc3524a0a1118a8"),
            ("0102030405", 16, "6982944f18fc82d589c403a47a0d0919"),
            ("0102030405", 4096, "ff25b58995996707e51fbdf08b34d875"),
            ("0102030405060708090a0b0c0d0e0f10", 0, "9ac7cc9a609d1ef7b2932899cde41b97"),
            ("0102030405060708090a0b0c0d0e0f10", 240, "065902e4b620f6cc36c8589f66432f2b"),
            ("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", 0, "eaa6bd25880bf93d3f5d1e4ca2611d91"),
        ])
    func rc4(key: String, offset: Int, stream: String) {
        var cipher = RC4(key: bytes(key))
        _ = cipher.process([UInt8](repeating: 0, count: offset))
        #expect(hexadecimal(cipher.process([UInt8](repeating: 0, count: 16))) == stream)
    }

    @Test func md5() {
        #expect(hexadecimal(Digest.md5([])) == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(hexadecimal(Digest.md5(Array("abc".utf8))) == "900150983cd24fb0d6963f7d28e17f72")
    }

    @Test("HMAC-MD5 gives the digests of RFC 2202, and takes an empty key")
    func hmacMD5() {
        let key = [UInt8](repeating: 0x0b, count: 16)
        #expect(hexadecimal(Digest.hmacMD5(key: key, Array("Hi There".utf8))) == "9294727a3638bb1c13f48ef8158bfc9d")
        let second = Digest.hmacMD5(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
        #expect(hexadecimal(second) == "750c783e6ab0b503eaa86e310a5db738")
        #expect(hexadecimal(Digest.hmacMD5(key: [], [])) == "74e6f7298a9c2d168935f58c001bad88")
    }

    @Test("HMAC-SHA-256 gives the digests of RFC 4231, with long keys too")
    func hmacSHA256() {
        let first = Digest.hmacSHA256(key: [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8))
        #expect(hexadecimal(first) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        let longKey = [UInt8](repeating: 0xaa, count: 131)
        let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        let second = Digest.hmacSHA256(key: longKey, message)
        #expect(hexadecimal(second) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        let third = Digest.hmacMD5(key: [UInt8](repeating: 0xaa, count: 80), message)
        #expect(hexadecimal(third) == "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd")
    }

    @Test func sha256() {
        #expect(
            hexadecimal(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func constantTimeEqualComparesLengthAndContent() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2], [1, 2]))
        #expect(!constantTimeEqual([1, 2], [1, 3]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
    }

    @Test func randomBytesAreAsManyAsAskedForAndDiffer() {
        #expect(randomBytes(count: 0).isEmpty)
        #expect(randomBytes(count: 32).count == 32)
        #expect(randomBytes(count: 16) != randomBytes(count: 16))
    }
}
