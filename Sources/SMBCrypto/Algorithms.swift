import COpenSSL

/// OpenSSL's algorithms, looked up once in the life of the process: a fetch takes locks and walks lists, which costs
/// more than signing a small message does.
enum Algorithms {
    // SAFETY (nonisolated(unsafe)): what EVP_*_fetch returns is immutable, counted atomically, and kept for ever.
    nonisolated(unsafe) static let hmac = unsafe required(EVP_MAC_fetch(nil, "HMAC", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let cmac = unsafe required(EVP_MAC_fetch(nil, "CMAC", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let sha256 = unsafe required(EVP_MD_fetch(nil, "SHA256", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let sha512 = unsafe required(EVP_MD_fetch(nil, "SHA512", nil))
    // SAFETY: as for `hmac`. MD5 is not approved by FIPS 140, but NTLM has nothing else.
    nonisolated(unsafe) static let md5 = unsafe required(EVP_MD_fetch(nil, "MD5", "-fips"))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let aes128GCM = unsafe required(EVP_CIPHER_fetch(nil, "AES-128-GCM", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let aes256GCM = unsafe required(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let aes128CCM = unsafe required(EVP_CIPHER_fetch(nil, "AES-128-CCM", nil))
    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let aes256CCM = unsafe required(EVP_CIPHER_fetch(nil, "AES-256-CCM", nil))

    // SAFETY: as for `hmac`.
    nonisolated(unsafe) static let tripleDES = unsafe required(EVP_CIPHER_fetch(nil, "DES-EDE3-ECB", "-fips"))

    private static func required(_ algorithm: OpaquePointer?) -> OpaquePointer {
        guard let algorithm = unsafe algorithm else {
            preconditionFailure("OpenSSL's default provider lacks an algorithm that SMB cannot do without")
        }
        // SAFETY: not touched here, only handed on.
        return unsafe algorithm
    }
}

/// OpenSSL calls here only fail when memory ran out or an argument of ours was wrong: neither is the peer's doing, and
/// going on without a signature or a cipher is not an answer.
@inline(__always)
func check(_ result: Int32) {
    precondition(result == 1, "OpenSSL refused a call")
}

/// Whether two byte strings are equal, in a time that does not depend on what they hold.
/// Different lengths (not a secret) are unequal.
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    // SAFETY: both arrays live through the call and have `left.count` bytes.
    return unsafe constantTimeEqual(left, right, byteCount: left.count)
}

/// The same for memory of which both have `byteCount` bytes.
func constantTimeEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, byteCount: Int) -> Bool {
    // SAFETY: the caller vouches for both.
    unsafe CRYPTO_memcmp(left, right, byteCount) == 0
}

/// Unpredictable bytes for challenges, keys and identifiers, from OpenSSL's generator.
/// - Parameter count: 0 or more.
public func randomBytes(count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    // SAFETY: RAND_bytes fills exactly `count` bytes of the buffer that it is given.
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        unsafe check(RAND_bytes(buffer.baseAddress, Int32(count)))
        initialized = count
    }
}
