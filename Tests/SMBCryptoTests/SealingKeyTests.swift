import Testing

@testable import SMBCrypto

@Suite("Sealing [MS-SMB2] 3.1.4.3") struct SealingKeyTests {
    static func header(byteCount: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 52)
        header.replaceSubrange(0..<4, with: [0xFD, 0x53, 0x4D, 0x42])
        header[36] = UInt8(truncatingIfNeeded: byteCount)
        header[37] = UInt8(truncatingIfNeeded: byteCount >> 8)
        header[42] = 1
        header[44] = 0x21
        header[49] = 0x10
        return header
    }

    static func seal(_ key: SealingKey, _ message: [UInt8]) -> (header: [UInt8], message: [UInt8]) {
        var header = header(byteCount: message.count)
        var message = message
        header.withUnsafeMutableBytes { header in
            message.withUnsafeMutableBytes { key.seal(header: header, message: $0) }
        }
        return (header, message)
    }

    static func unseal(_ key: SealingKey, _ header: [UInt8], _ message: [UInt8]) -> [UInt8]? {
        var header = header
        var message = message
        let isRight = header.withUnsafeMutableBytes { header in
            message.withUnsafeMutableBytes { key.unseal(header: header, message: $0) }
        }
        return isRight ? message : nil
    }

    @Test func aMessageSealedByWindowsIsSealedTheSame() {
        // Nonce C7D6822D269CAF48 904C664C.
        let key = SealingKey(
            cipher: .aes128GCM, key: PublishedSession.clientToServerKey, noncePrefix: 0x4C66_4C90,
            nonceStart: 0x48AF_9C26_2D82_D6C7)
        var sealed = PublishedSession.sealedWrite
        sealed.replaceSubrange(4..<36, with: repeatElement(0, count: 32))
        sealed.replaceSubrange(52..., with: PublishedSession.write)
        sealed.withUnsafeMutableBytes {
            key.seal(
                header: UnsafeMutableRawBufferPointer(rebasing: $0[..<52]),
                message: UnsafeMutableRawBufferPointer(rebasing: $0[52...]))
        }
        #expect(hexadecimal(sealed) == hexadecimal(PublishedSession.sealedWrite))
    }

    @Test func aMessageSealedByWindowsIsOpened() {
        let key = SealingKey(cipher: .aes128GCM, key: PublishedSession.serverToClientKey)
        let sealed = PublishedSession.sealedWriteResponse
        #expect(Self.unseal(key, Array(sealed[..<52]), Array(sealed[52...])) == PublishedSession.writeResponse)
    }

    @Test func whatWindowsSealsWithCCMIsSealedTheSame() {
        // Nonce 9F6F1EAAD7E9F24A ACD38F.
        let key = SealingKey(
            cipher: .aes128CCM, key: bytes("DFAAA31AAE40A2485D47AC4DF09FDA1D"), noncePrefix: 0x8F_D3AC,
            nonceStart: 0x4AF2_E9D7_AA1E_6F9F)
        var write = PublishedSession.write
        write[40] = 0x21
        write[80] = 5
        let (header, message) = Self.seal(key, write)
        #expect(Array(header[4..<20]) == bytes("E89551D666DAB8993488F5A97103116C"))
        #expect(
            message
                == bytes(
                    """
                    56A74778199A9D2B6E9C3A376FD88D27680694FED253A313BEB07381AE8689F973ACDB8D716E4477
                    803BCE53A92E1B81FA3E965AD9AF2C89C08CE66A344664453B8FC88118EDC9814CF58E92AA465E6E
                    FB09958A9FDAD96FBD55B36A710C30D5E7C64AD7B9449F9F17EDD024FE8BA79154F340A82740D1D5
                    180C69B0A2DE6A4BA893BD55D3210E
                    """))
    }

    @Test func whatWindowsSealsWithCCMIsOpened() {
        let key = SealingKey(cipher: .aes128CCM, key: bytes("95C544AEF6072680DA1CE49A68A97FA6"))
        let sealed = bytes(
            """
            FD534D42DD33EC41A927DD51476FE887C2D3C136D96831DD2E8EB7B4000000000000000050000000
            000001002100000000100000F783157E0F6F1C055D746753CA16D20C21088E2A67564E056C2F68A7
            F14F226C3BD809B7A2D52E5FE4ECF49821BC6001733430CF174E2764B3CCB213AAD8BB9FBAF6C15E
            13D9120965390E004A96A3F7
            """)
        var response = PublishedSession.writeResponse
        response[40] = 0x21
        #expect(Self.unseal(key, Array(sealed[..<52]), Array(sealed[52...])) == response)
    }

    @Test("what was sealed is opened; a changed bit anywhere is noticed", arguments: Cipher.allCases)
    func everyBitCounts(cipher: Cipher) {
        let key = SealingKey(cipher: cipher, key: Array(0..<UInt8(cipher.keyByteCount)))
        let plain = (0..<77).map { UInt8($0) }
        let (header, message) = Self.seal(key, plain)
        #expect(message != plain)
        #expect(Self.unseal(key, header, message) == plain)
        for offset in 4..<52 where offset < 20 + (cipher.isCCM ? 11 : 12) || offset >= 36 {
            var changed = header
            changed[offset] ^= 1
            #expect(Self.unseal(key, changed, message) == nil)
        }
        for offset in message.indices {
            var changed = message
            changed[offset] ^= 0x80
            #expect(Self.unseal(key, header, changed) == nil)
        }
        #expect(Self.unseal(key, header, message) == plain, "a failure leaves nothing behind")
        #expect(Self.unseal(key, header, []) == nil)
    }

    @Test("no nonce comes twice, and bytes that do not count are zero", arguments: Cipher.allCases)
    func noncesDiffer(cipher: Cipher) {
        let key = SealingKey(
            cipher: cipher, key: [UInt8](repeating: 7, count: cipher.keyByteCount), noncePrefix: .max,
            nonceStart: .max - 5)
        var nonces: Set<[UInt8]> = []
        for _ in 0..<1000 {
            let nonce = Array(Self.seal(key, [1, 2, 3]).header[20..<36])
            #expect(nonce[cipher.nonceByteCount...].allSatisfy { $0 == 0 })
            nonces.insert(nonce)
        }
        #expect(nonces.count == 1000)
    }

    @Test("messages of any length are sealed and opened", arguments: Cipher.allCases)
    func lengthsOfAnySize(cipher: Cipher) {
        let key = SealingKey(cipher: cipher, key: [UInt8](repeating: 9, count: cipher.keyByteCount))
        for byteCount in [1, 15, 16, 17, 64, 65_535, 65_536, 1 << 20] {
            let plain = [UInt8](repeating: 0x5A, count: byteCount)
            let (header, message) = Self.seal(key, plain)
            #expect(Self.unseal(key, header, message) == plain)
        }
    }

    @Test func manyThreadsSealAndOpenWithOneKey() async {
        let key = SealingKey(cipher: .aes256GCM, key: [UInt8](repeating: 1, count: 32))
        await withTaskGroup(of: Set<[UInt8]>.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var nonces: Set<[UInt8]> = []
                    for byte in 0..<200 {
                        let (header, message) = Self.seal(key, [UInt8(byte), 1])
                        guard Self.unseal(key, header, message) == [UInt8(byte), 1] else { continue }
                        nonces.insert(Array(header[20..<36]))
                    }
                    return nonces
                }
            }
            var all: Set<[UInt8]> = []
            for await nonces in group { all.formUnion(nonces) }
            #expect(all.count == 1600)
        }
    }
}
