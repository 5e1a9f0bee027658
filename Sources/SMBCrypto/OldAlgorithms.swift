// What NTLM needs and modern OpenSSL keeps in its legacy provider, which newer Debians package apart. Nothing here
// protects anything by itself any more.

import COpenSSL

/// MD4, RFC 1320.
public enum MD4 {
    /// 16 bytes.
    public static func hash(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x80)
        padded.append(contentsOf: repeatElement(0, count: (120 - padded.count % 64) % 64))
        let bitCount = UInt64(message.count) &* 8
        for index in 0..<8 as Range<UInt64> { padded.append(UInt8(truncatingIfNeeded: bitCount >> (index * 8))) }

        var state: SIMD4<UInt32> = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
        var words = [UInt32](repeating: 0, count: 16)
        for block in stride(from: 0, to: padded.count, by: 64) {
            for index in 0..<16 {
                let at = block + index * 4
                words[index] =
                    UInt32(padded[at]) | UInt32(padded[at + 1]) << 8 | UInt32(padded[at + 2]) << 16
                    | UInt32(padded[at + 3]) << 24
            }
            state = compress(state, words)
        }
        return (0..<16).map { UInt8(truncatingIfNeeded: state[$0 / 4] >> UInt32($0 % 4 * 8)) }
    }

    /// RFC 1320 3.4: three rounds of 16 steps; in each one word of the state changes, then the words change places.
    private static func compress(_ initial: SIMD4<UInt32>, _ words: [UInt32]) -> SIMD4<UInt32> {
        var (a, b, c, d) = (initial[0], initial[1], initial[2], initial[3])
        func step(_ function: UInt32, _ word: Int, _ constant: UInt32, _ shift: UInt32) {
            let sum = a &+ function &+ words[word] &+ constant
            (a, b, c, d) = (d, sum << shift | sum >> (32 - shift), b, c)
        }
        for index in 0..<16 { step(b & c | ~b & d, index, 0, [3, 7, 11, 19][index % 4]) }
        for index in 0..<16 {
            step(b & c | b & d | c & d, index % 4 * 4 + index / 4, 0x5A82_7999, [3, 5, 9, 13][index % 4])
        }
        let order = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]
        for index in 0..<16 { step(b ^ c ^ d, order[index], 0x6ED9_EBA1, [3, 9, 11, 15][index % 4]) }
        return initial &+ [a, b, c, d]
    }
}

/// RC4 as RFC 6229 tests it: a stream that goes on from call to call.
public struct RC4: Sendable {
    private var state: [UInt8]
    private var i: UInt8 = 0
    private var j: UInt8 = 0

    /// - Parameter key: 1 to 256 bytes.
    public init(key: [UInt8]) {
        precondition((1...256).contains(key.count))
        state = Array(0...255)
        var j: UInt8 = 0
        for i in 0..<256 {
            j = j &+ state[i] &+ key[i % key.count]
            state.swapAt(i, Int(j))
        }
    }

    /// The message combined with the next bytes of the key stream: encrypts and decrypts.
    public mutating func process(_ message: [UInt8]) -> [UInt8] {
        message.map { byte in
            i = i &+ 1
            j = j &+ state[Int(i)]
            state.swapAt(Int(i), Int(j))
            return byte ^ state[Int(state[Int(i)] &+ state[Int(j)])]
        }
    }
}

/// DES as NTLMv1 uses it, [MS-NLMP] 6.
public enum DES {
    /// DESL: the message encrypted under three keys of 7 bytes each, cut from the key and zeros after it.
    /// - Parameters:
    ///   - key: 16 bytes.
    ///   - message: 8 bytes.
    /// - Returns: 24 bytes.
    public static func encryptThrice(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        precondition(key.count == 16 && message.count == 8)
        let padded = key + [UInt8](repeating: 0, count: 5)
        return [0, 7, 14].flatMap { encrypt(key: Array(padded[$0..<$0 + 7]), message) }
    }

    /// Triple DES with one key three times is DES, and is in OpenSSL's default provider, unlike DES.
    private static func encrypt(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let key = withParity(key)
        let tripled = key + key + key
        var output = [UInt8](repeating: 0, count: 8)
        var written: Int32 = 0
        // SAFETY: one block in, one block out, no padding: OpenSSL writes exactly the 8 bytes there are.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory") }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        unsafe check(EVP_EncryptInit_ex2(context, Algorithms.tripleDES, tripled, nil, nil))
        unsafe check(EVP_CIPHER_CTX_set_padding(context, 0))
        unsafe check(EVP_EncryptUpdate(context, &output, &written, message, 8))
        return output
    }

    /// 56 bits spread over 8 bytes, 7 in each; the lowest bit of each is for parity, which nobody looks at.
    private static func withParity(_ key: [UInt8]) -> [UInt8] {
        let bits = key.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(49 - 7 * $0)) << 1 }
    }
}
