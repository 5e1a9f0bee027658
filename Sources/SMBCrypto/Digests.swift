import COpenSSL

/// The hashes and keyed hashes of protocols that send few of them: key derivation, NTLM, preauthentication integrity.
public enum Digest {
    /// 32 bytes.
    public static func sha256(_ message: [UInt8]) -> [UInt8] {
        // SAFETY: the algorithm lives for ever.
        unsafe digest(Algorithms.sha256, byteCount: 32, [message])
    }

    /// 16 bytes. Broken as a hash; NTLM is built on it.
    public static func md5(_ message: [UInt8]) -> [UInt8] {
        // SAFETY: as above.
        unsafe digest(Algorithms.md5, byteCount: 16, [message])
    }

    /// 16 bytes.
    public static func hmacMD5(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        hmac("MD5", key: key, message, byteCount: 16)
    }

    /// 32 bytes.
    public static func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        hmac("SHA256", key: key, message, byteCount: 32)
    }

    private static func hmac(_ digest: StaticString, key: [UInt8], _ message: [UInt8], byteCount: Int) -> [UInt8] {
        let context = MACContext.hmac(digest, key: key)
        defer { MACContext.free(context) }
        var output = [UInt8](repeating: 0, count: 32)
        // SAFETY: the output has the 32 bytes that `compute` asks for; the context is this function's own.
        unsafe output.withUnsafeMutableBytes { output in
            unsafe message.withUnsafeBytes { message in
                unsafe MACContext.compute(context, over: message, into: output.baseAddress.unsafelyUnwrapped)
            }
        }
        output.removeLast(output.count - byteCount)
        return output
    }

    fileprivate static func digest(_ algorithm: OpaquePointer, byteCount: Int, _ parts: [[UInt8]]) -> [UInt8] {
        // SAFETY: the context is this function's own; the algorithm's output has `byteCount` bytes.
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
        defer { unsafe EVP_MD_CTX_free(context) }
        unsafe check(EVP_DigestInit_ex2(context, algorithm, nil))
        for part in parts { unsafe check(EVP_DigestUpdate(context, part, part.count)) }
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { output, initialized in
            unsafe check(EVP_DigestFinal_ex(context, output.baseAddress, nil))
            initialized = byteCount
        }
    }
}

/// Connection.PreauthIntegrityHashValue and its copy in each session being set up, [MS-SMB2] 3.3.5.4 and 3.3.5.5: a
/// hash over every message so far, so that nobody can change the negotiation unseen.
public struct PreauthIntegrityHash: Equatable, Sendable {
    /// 64 bytes; zeros before the first message.
    public private(set) var value = [UInt8](repeating: 0, count: 64)

    public init() {}

    /// The value becomes SHA-512(value + message).
    /// - Parameter message: one request or response, from its SMB2 header on.
    public mutating func update(_ message: UnsafeRawBufferPointer) {
        // SAFETY: SHA-512 gives 64 bytes; the message lives through the call, the context is this function's own.
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
        defer { unsafe EVP_MD_CTX_free(context) }
        unsafe check(EVP_DigestInit_ex2(context, Algorithms.sha512, nil))
        unsafe check(EVP_DigestUpdate(context, value, value.count))
        if message.count > 0 { unsafe check(EVP_DigestUpdate(context, message.baseAddress, message.count)) }
        unsafe value.withUnsafeMutableBufferPointer { output in
            unsafe check(EVP_DigestFinal_ex(context, output.baseAddress, nil))
        }
    }

    /// As the other one, over a view.
    public mutating func update(_ message: RawSpan) {
        // SAFETY: the view lives through the call.
        unsafe message.withUnsafeBytes { unsafe update($0) }
    }
}
