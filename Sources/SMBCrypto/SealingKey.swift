import COpenSSL
import Platform

/// The ciphers of SMB3. Raw values are the CipherId of [MS-SMB2] 2.2.3.1.2.
public enum Cipher: UInt16, Sendable, CaseIterable {
    case aes128CCM = 1
    case aes128GCM = 2
    case aes256CCM = 3
    case aes256GCM = 4

    /// 16 or 32.
    public var keyByteCount: Int {
        switch self {
        case .aes128CCM, .aes128GCM: 16
        case .aes256CCM, .aes256GCM: 32
        }
    }
    /// How much of the 16-byte Nonce field counts, [MS-SMB2] 2.2.41.
    var nonceByteCount: Int { isCCM ? 11 : 12 }
    var isCCM: Bool { self == .aes128CCM || self == .aes256CCM }
}

/// Seals the messages of one direction of one session, or opens them, in place, [MS-SMB2] 3.1.4.3 and 3.1.5.1.
/// For any number of threads.
///
/// A nonce must never be used twice with a key. Each direction has its own key, so one counter in the one object that
/// seals with that key is enough: **all channels of a session share the session's `SealingKey` object.** The counter
/// has 64 bits and starts at a random place behind a random prefix, so that even two sessions to which a careless
/// client gave the same session key hardly ever share a nonce.
public final class SealingKey: Sendable {
    /// Size of an SMB2 TRANSFORM_HEADER, [MS-SMB2] 2.2.41: ProtocolId 4, Signature 16, Nonce 16, OriginalMessageSize 4,
    /// Reserved 2, Flags 2, SessionId 8.
    public static let headerByteCount = 52
    private static let signatureOffset = 4
    private static let nonceOffset = 20

    public let cipher: Cipher
    private let noncePrefix: UInt32
    private let nonceCounter: Atomic<UInt64>
    private let sealing: ContextPool
    private let unsealing: ContextPool

    /// - Parameter key: of `cipher.keyByteCount` bytes, derived for this direction.
    public convenience init(cipher: Cipher, key: [UInt8]) {
        let random = randomBytes(count: 12)
        self.init(
            cipher: cipher, key: key,
            noncePrefix: random[8...].reduce(0) { $0 << 8 | UInt32($1) },
            nonceStart: random[..<8].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// For tests, which must know the nonces.
    init(cipher: Cipher, key: [UInt8], noncePrefix: UInt32, nonceStart: UInt64) {
        precondition(key.count == cipher.keyByteCount, "key and cipher do not fit")
        self.cipher = cipher
        self.noncePrefix = noncePrefix
        nonceCounter = Atomic(nonceStart)
        sealing = ContextPool(
            make: { CipherContext.make(cipher, key: key, seals: true) }, free: CipherContext.free)
        unsealing = ContextPool(
            make: { CipherContext.make(cipher, key: key, seals: false) }, free: CipherContext.free)
    }

    /// Encrypts a message in place and fills Nonce and Signature of its header.
    /// - Parameters:
    ///   - header: the 52 bytes of the transform header; the caller has filled ProtocolId, OriginalMessageSize, Flags
    ///     and SessionId, and zeroed Reserved.
    ///   - message: 1 byte or more, everything after the header.
    public func seal(header: UnsafeMutableRawBufferPointer, message: UnsafeMutableRawBufferPointer) {
        precondition(header.count == Self.headerByteCount && message.count > 0)
        // Wraps after 2^64 messages, which no session lives to see.
        let count = nonceCounter.wrappingAdd(1, ordering: .relaxed).oldValue
        // Three bytes count for CCM, four for GCM; the rest of the field is zero, 2.2.41.
        let prefix = UInt64(cipher.isCCM ? noncePrefix & 0xFF_FFFF : noncePrefix)
        // SAFETY: the precondition proves that all fields lie inside the header.
        let base = unsafe header.baseAddress.unsafelyUnwrapped
        let nonce = unsafe base + Self.nonceOffset
        let additional = unsafe UnsafeMutableRawBufferPointer(rebasing: header[Self.nonceOffset...])
        unsafe nonce.storeBytes(of: count.littleEndian, as: UInt64.self)
        unsafe (nonce + 8).storeBytes(of: prefix.littleEndian, as: UInt64.self)
        sealing.withContext { context in
            // SAFETY: as above; the message is not empty.
            unsafe CipherContext.seal(
                context, cipher, nonce: nonce, additional: additional, message: message,
                tag: base + Self.signatureOffset)
        }
    }

    /// Checks a message's signature and decrypts it in place.
    /// - Parameters:
    ///   - header: the 52 bytes of the transform header as received.
    ///   - message: everything after the header.
    /// - Returns: false if the signature is wrong or there is nothing to open; what `message` then holds means nothing.
    public func unseal(header: UnsafeMutableRawBufferPointer, message: UnsafeMutableRawBufferPointer) -> Bool {
        guard header.count == Self.headerByteCount, message.count > 0 else { return false }
        // SAFETY: the guard proves that all fields lie inside the header.
        let base = unsafe header.baseAddress.unsafelyUnwrapped
        let nonce = unsafe base + Self.nonceOffset
        let additional = unsafe UnsafeMutableRawBufferPointer(rebasing: header[Self.nonceOffset...])
        return unsealing.withContext { context in
            // SAFETY: as above; the message is not empty.
            unsafe CipherContext.unseal(
                context, cipher, nonce: nonce, additional: additional, message: message,
                tag: base + Self.signatureOffset)
        }
    }
}

/// AES-GCM and AES-CCM contexts that keep their key.
enum CipherContext {
    private static let tagByteCount: Int32 = 16

    static func make(_ cipher: Cipher, key: [UInt8], seals: Bool) -> ContextPool.Context {
        precondition(key.count == cipher.keyByteCount)
        // SAFETY: the context is this function's own until it is returned; OpenSSL copies the key, whose length the
        // precondition proves.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory") }
        unsafe check(EVP_CipherInit_ex2(context, algorithm(cipher), nil, nil, seals ? 1 : 0, nil))
        unsafe check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, Int32(cipher.nonceByteCount), nil))
        if cipher.isCCM { unsafe check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tagByteCount, nil)) }
        unsafe check(EVP_CipherInit_ex2(context, nil, key, nil, seals ? 1 : 0, nil))
        return unsafe ContextPool.Context(pointer: context)
    }

    private static func algorithm(_ cipher: Cipher) -> OpaquePointer {
        switch cipher {
        // SAFETY: the algorithms live for ever.
        case .aes128CCM: unsafe Algorithms.aes128CCM
        case .aes128GCM: unsafe Algorithms.aes128GCM
        case .aes256CCM: unsafe Algorithms.aes256CCM
        case .aes256GCM: unsafe Algorithms.aes256GCM
        }
    }

    static let free: @Sendable (ContextPool.Context) -> Void = { context in
        // SAFETY: made by `make`, freed once, by its pool.
        unsafe EVP_CIPHER_CTX_free(context.pointer)
    }

    /// - Parameters: room for the cipher's nonce length at `nonce`, for 16 bytes at `tag`.
    @inline(__always)
    static func seal(
        _ context: ContextPool.Context, _ cipher: Cipher, nonce: UnsafeMutableRawPointer,
        additional: UnsafeMutableRawBufferPointer, message: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawPointer
    ) {
        var written: Int32 = 0
        let count = Int32(message.count)
        // SAFETY: all regions live through the calls and are as long as the counts say; the ciphers put out as many
        // bytes as go in, and may put them in the same place.
        let context = unsafe context.pointer
        let bytes = unsafe message.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        let header = unsafe additional.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        unsafe check(EVP_EncryptInit_ex2(context, nil, nil, nonce.assumingMemoryBound(to: UInt8.self), nil))
        // CCM must know the length of the message before anything else.
        if cipher.isCCM { unsafe check(EVP_EncryptUpdate(context, nil, &written, nil, count)) }
        unsafe check(EVP_EncryptUpdate(context, nil, &written, header, Int32(additional.count)))
        unsafe check(EVP_EncryptUpdate(context, bytes, &written, bytes, count))
        unsafe check(EVP_EncryptFinal_ex(context, bytes, &written))
        unsafe check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tagByteCount, tag))
    }

    /// - Returns: whether the tag is right.
    @inline(__always)
    static func unseal(
        _ context: ContextPool.Context, _ cipher: Cipher, nonce: UnsafeMutableRawPointer,
        additional: UnsafeMutableRawBufferPointer, message: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawPointer
    ) -> Bool {
        var written: Int32 = 0
        let count = Int32(message.count)
        // SAFETY: as in `seal`.
        let context = unsafe context.pointer
        let bytes = unsafe message.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        let header = unsafe additional.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        unsafe check(EVP_DecryptInit_ex2(context, nil, nil, nonce.assumingMemoryBound(to: UInt8.self), nil))
        unsafe check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tagByteCount, tag))
        if cipher.isCCM { unsafe check(EVP_DecryptUpdate(context, nil, &written, nil, count)) }
        unsafe check(EVP_DecryptUpdate(context, nil, &written, header, Int32(additional.count)))
        // CCM compares the tag here, GCM in the final call; both in constant time.
        // SAFETY: as above.
        guard unsafe EVP_DecryptUpdate(context, bytes, &written, bytes, count) == 1 else { return false }
        return unsafe cipher.isCCM || EVP_DecryptFinal_ex(context, bytes, &written) == 1
    }

    /// AES-GMAC: GCM over nothing, with the message as additional data.
    /// - Parameter output: room for 16 bytes.
    @inline(__always)
    static func authenticate(
        _ context: ContextPool.Context, _ message: UnsafeMutableRawBufferPointer, nonce: (UInt64, UInt32),
        into output: UnsafeMutableRawPointer
    ) {
        var nonce = nonce
        var written: Int32 = 0
        let count = Int32(message.count)
        // SAFETY: the tuple has no gap before its 12th byte; the message lives through the calls.
        let context = unsafe context.pointer
        let bytes = unsafe message.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let tag = unsafe output.assumingMemoryBound(to: UInt8.self)
        unsafe withUnsafeBytes(of: &nonce) { nonce in
            let start = unsafe nonce.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe check(EVP_EncryptInit_ex2(context, nil, nil, start, nil))
        }
        // SAFETY: as above; the final call puts out nothing, since nothing went in.
        unsafe check(EVP_EncryptUpdate(context, nil, &written, bytes, count))
        unsafe check(EVP_EncryptFinal_ex(context, tag, &written))
        unsafe check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tagByteCount, output))
    }
}
