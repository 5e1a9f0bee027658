import COpenSSL
import Platform

/// How messages are signed. Raw values are the SigningAlgorithmId of [MS-SMB2] 2.2.3.1.7.
public enum SigningAlgorithm: UInt16, Sendable {
    /// The only one of the 2.x dialects.
    case hmacSHA256 = 0
    /// What 3.x use when nothing is negotiated.
    case aesCMAC = 1
    /// 3.1.1, negotiated.
    case aesGMAC = 2
}

/// Signs and verifies messages with one session's or channel's key, [MS-SMB2] 3.1.4.1 and 3.1.5.1. For any number of
/// threads.
///
/// With AES-GMAC the nonce comes from MessageId, role and command alone: a caller must never sign two different
/// messages that agree in these. So interim responses (STATUS_PENDING) and oplock or lease break notifications go
/// unsigned, as [MS-SMB2] 3.3.4.1.1 has it.
public final class SigningKey: Sendable {
    /// Where the signature lies in an SMB2 header.
    private static let signatureOffset = 48
    private static let signatureByteCount = 16
    public let algorithm: SigningAlgorithm
    private let contexts: ContextPool

    /// - Parameters:
    ///   - key: of 16 bytes: the session key in 2.x, the derived signing key in 3.x.
    public init(algorithm: SigningAlgorithm, key: [UInt8]) {
        precondition(key.count == 16, "a signing key has 16 bytes")
        self.algorithm = algorithm
        switch algorithm {
        case .hmacSHA256: contexts = Self.macContexts { MACContext.hmacSHA256(key: key) }
        case .aesCMAC: contexts = Self.macContexts { MACContext.aesCMAC(key: key) }
        case .aesGMAC:
            contexts = ContextPool(
                make: { CipherContext.make(.aes128GCM, key: key, seals: true) }, free: CipherContext.free)
        }
    }

    private static func macContexts(_ make: @escaping @Sendable () -> ContextPool.Context) -> ContextPool {
        ContextPool(make: make, free: MACContext.free)
    }

    /// Puts the signature into the header. The SIGNED flag must be set already, being signed too.
    /// - Parameter message: one whole message of at least 64 bytes, from its SMB2 header to its end; in a compound to
    ///   the next header, padding included.
    public func sign(_ message: UnsafeMutableRawBufferPointer) {
        // SAFETY: `compute` has checked that the message has room for a signature at this offset.
        unsafe withSignature(of: message) { signature in
            unsafe message.baseAddress.unsafelyUnwrapped.advanced(by: Self.signatureOffset)
                .copyMemory(from: signature, byteCount: Self.signatureByteCount)
        }
    }

    /// Whether the signature in the header is right. Leaves the message as it was.
    /// - Parameter message: as for `sign`; a message without a whole header is wrong.
    public func verify(_ message: UnsafeMutableRawBufferPointer) -> Bool {
        guard message.count >= 64, let base = message.baseAddress else { return false }
        // SAFETY: the guard proves that the header, and so the signature, lies inside the message.
        let field = unsafe base + Self.signatureOffset
        let received = unsafe field.loadUnaligned(as: SIMD2<UInt64>.self)
        return unsafe withSignature(of: message) { computed in
            unsafe field.storeBytes(of: received, as: SIMD2<UInt64>.self)
            return unsafe constantTimeEqual(computed, field, byteCount: Self.signatureByteCount)
        }
    }

    /// Zeroes the signature field, as 3.1.4.1 demands, and computes the signature.
    private func withSignature<Result>(
        of message: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawPointer) -> Result
    ) -> Result {
        precondition(message.count >= 64, "only messages with a whole header are signed")
        // SAFETY: the precondition proves that header fields and signature lie inside the message.
        let base = unsafe message.baseAddress.unsafelyUnwrapped
        let field = unsafe base + Self.signatureOffset
        unsafe field.initializeMemory(as: UInt8.self, repeating: 0, count: Self.signatureByteCount)
        var signature = (0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64)
        // SAFETY: OpenSSL writes at most the 32 bytes that `signature` has.
        return unsafe withUnsafeMutableBytes(of: &signature) { signature in
            let output = unsafe signature.baseAddress.unsafelyUnwrapped
            let whole = UnsafeRawBufferPointer(message)
            switch algorithm {
            case .hmacSHA256, .aesCMAC:
                // SAFETY: as above; each context is this thread's alone meanwhile.
                contexts.withContext { unsafe MACContext.compute($0, over: whole, into: output) }
            case .aesGMAC:
                // SAFETY: there is a whole header.
                let nonce = unsafe Self.gmacNonce(base)
                contexts.withContext { unsafe CipherContext.authenticate($0, message, nonce: nonce, into: output) }
            }
            // SAFETY: the body only reads the 16 bytes, during the call.
            return unsafe body(output)
        }
    }

    /// [MS-SMB2] 3.1.4.1: 8 bytes MessageId, then 4 bytes of which bit 0 says that a server sends, bit 1 that it is a
    /// CANCEL (which shares its MessageId with the request that it cancels).
    private static func gmacNonce(_ header: UnsafeRawPointer) -> (UInt64, UInt32) {
        // SAFETY: the caller has a whole header of 64 bytes at `header`.
        let command = unsafe UInt16(littleEndian: header.loadUnaligned(fromByteOffset: 12, as: UInt16.self))
        let flags = unsafe UInt32(littleEndian: header.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        let messageID = unsafe header.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        let isCancel: UInt32 = command == 12 ? 2 : 0
        return (messageID, (flags & 1 | isCancel).littleEndian)
    }
}

/// HMAC and CMAC contexts that keep their key.
enum MACContext {
    static func hmacSHA256(key: [UInt8]) -> ContextPool.Context { hmac("SHA256", key: key) }

    static func hmac(_ digest: StaticString, key: [UInt8]) -> ContextPool.Context {
        // SAFETY: the static string is NUL-terminated and lives for ever.
        unsafe make(Algorithms.hmac, parameter: OSSL_MAC_PARAM_DIGEST, value: digest.utf8Start, key: key)
    }

    static func aesCMAC(key: [UInt8]) -> ContextPool.Context {
        let cipher: StaticString = "AES-128-CBC"
        // SAFETY: the static string is NUL-terminated and lives for ever.
        return unsafe make(Algorithms.cmac, parameter: OSSL_MAC_PARAM_CIPHER, value: cipher.utf8Start, key: key)
    }

    private static func make(
        _ algorithm: OpaquePointer, parameter: String, value: UnsafePointer<UInt8>, key: [UInt8]
    ) -> ContextPool.Context {
        // An empty key is a key too; a null pointer would mean "keep the old one".
        let key = (bytes: key.isEmpty ? [0] : key, count: key.count)
        // SAFETY: OpenSSL copies key and parameters during EVP_MAC_init; all of them live until it returns.
        guard let context = unsafe EVP_MAC_CTX_new(algorithm) else { preconditionFailure("out of memory") }
        unsafe parameter.withCString { name in
            let text = unsafe UnsafeMutableRawPointer(mutating: value).assumingMemoryBound(to: CChar.self)
            let first = unsafe OSSL_PARAM_construct_utf8_string(name, text, 0)
            let parameters = unsafe [first, OSSL_PARAM_construct_end()]
            unsafe check(EVP_MAC_init(context, key.bytes, key.count, parameters))
        }
        // SAFETY: from here on the pool's.
        return unsafe ContextPool.Context(pointer: context)
    }

    static let free: @Sendable (ContextPool.Context) -> Void = { context in
        // SAFETY: made by `make`, freed once, by its pool.
        unsafe EVP_MAC_CTX_free(context.pointer)
    }

    /// - Parameter output: room for 32 bytes.
    @inline(__always)
    static func compute(
        _ context: ContextPool.Context, over message: UnsafeRawBufferPointer, into output: UnsafeMutableRawPointer
    ) {
        var byteCount = 0
        // SAFETY: the message lives through the call; no MAC here is longer than 32 bytes. Without a key the context
        // starts again with the one that it has.
        let context = unsafe context.pointer
        let start = unsafe message.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe check(EVP_MAC_init(context, nil, 0, nil))
        if message.count > 0 { unsafe check(EVP_MAC_update(context, start, message.count)) }
        unsafe check(EVP_MAC_final(context, output.assumingMemoryBound(to: UInt8.self), &byteCount, 32))
    }
}
