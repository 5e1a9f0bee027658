/// The keys of a 3.x session, [MS-SMB2] 3.1.4.2 and 3.3.5.5.3: SP 800-108 in counter mode over HMAC-SHA-256.
public struct KeyDerivation: Sendable {
    /// What the derivation is bound to.
    public enum Scheme: Equatable, Sendable {
        /// 3.0 and 3.0.2: fixed labels and contexts.
        case dialect30
        /// 3.1.1: the session's preauthentication integrity hash, 64 bytes.
        case dialect311(preauthIntegrityHash: [UInt8])
    }

    /// Session.SessionKey.
    private let sessionKey: [UInt8]
    /// Session.FullSessionKey.
    private let fullSessionKey: [UInt8]
    private let scheme: Scheme

    /// - Parameter sessionKey: as the authentication mechanism gave it, of any length.
    public init(sessionKey: [UInt8], scheme: Scheme) {
        if case .dialect311(let hash) = scheme { precondition(hash.count == 64, "SHA-512 has 64 bytes") }
        self.sessionKey = Self.firstSixteenBytes(of: sessionKey)
        fullSessionKey = sessionKey
        self.scheme = scheme
    }

    /// Session.SessionKey, which the 2.x dialects sign with: the first 16 bytes of what the mechanism gave, or all of
    /// it and zeros.
    public static func firstSixteenBytes(of key: [UInt8]) -> [UInt8] {
        Array(key.prefix(16)) + [UInt8](repeating: 0, count: max(0, 16 - key.count))
    }

    /// Session.SigningKey or, with a binding's hash, Channel.SigningKey: 16 bytes.
    public var signingKey: [UInt8] { derive("SMBSigningKey", "SMB2AESCMAC", "SmbSign", byteCount: 16) }

    /// Session.ApplicationKey, for what runs on top of SMB: 16 bytes.
    public var applicationKey: [UInt8] { derive("SMBAppKey", "SMB2APP", "SmbRpc", byteCount: 16) }

    /// The server's DecryptionKey, the client's EncryptionKey.
    public func clientToServerKey(for cipher: Cipher) -> [UInt8] {
        // The blank after "ServerIn" belongs to it.
        derive("SMBC2SCipherKey", "SMB2AESCCM", "ServerIn ", byteCount: cipher.keyByteCount)
    }

    /// The server's EncryptionKey, the client's DecryptionKey.
    public func serverToClientKey(for cipher: Cipher) -> [UInt8] {
        derive("SMBS2CCipherKey", "SMB2AESCCM", "ServerOut", byteCount: cipher.keyByteCount)
    }

    private func derive(_ label311: String, _ label30: String, _ context30: String, byteCount: Int) -> [UInt8] {
        // Keys of 256 bits come from the whole session key, 3.3.5.5.3.
        let key = byteCount == 32 ? fullSessionKey : sessionKey
        // Labels, and the contexts that are text, are hashed with the zero at their end.
        return switch scheme {
        case .dialect30:
            Self.counterMode(
                key: key, label: Array(label30.utf8) + [0], context: Array(context30.utf8) + [0], byteCount: byteCount)
        case .dialect311(let hash):
            Self.counterMode(key: key, label: Array(label311.utf8) + [0], context: hash, byteCount: byteCount)
        }
    }

    /// SP 800-108 5.1 with r = 32: HMAC-SHA-256(key, i, label, 0, context, L). One round yields all that is asked for.
    /// - Parameter byteCount: of the result, at most 32.
    static func counterMode(key: [UInt8], label: [UInt8], context: [UInt8], byteCount: Int) -> [UInt8] {
        precondition(byteCount <= 32)
        let bitCount = UInt32(byteCount * 8)
        var input: [UInt8] = [0, 0, 0, 1]
        input += label
        input.append(0)
        input += context
        for shift in [24, 16, 8, 0] as [UInt32] { input.append(UInt8(truncatingIfNeeded: bitCount >> shift)) }
        return Array(Digest.hmacSHA256(key: key, input).prefix(byteCount))
    }
}
