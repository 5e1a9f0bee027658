import SMBCrypto
import SMBWire

/// The keys of a session, [MS-SMB2] 3.3.5.5.3 and 3.1.4.2.
struct SessionKeys {
    let signing: SigningKey
    /// What the server seals with; nil without a cipher.
    let sealing: SealingKey?
    /// What the client seals with; nil without a cipher.
    let unsealing: SealingKey?

    init(user: AuthenticatedUser, negotiated: Connection.Negotiated, preauthHash: [UInt8]) {
        // Session.SessionKey is 16 bytes: cut off, or filled with zeros, [MS-SMB2] 3.3.5.5.3.
        let sessionKey = Array((user.sessionKey + [UInt8](repeating: 0, count: 16)).prefix(16))
        guard negotiated.dialect.isSMB3 else {
            signing = SigningKey(algorithm: .hmacSHA256, key: sessionKey)
            sealing = nil
            unsealing = nil
            return
        }
        let derivation = KeyDerivation(
            isSMB311: negotiated.dialect == .smb311, sessionKey: sessionKey, fullSessionKey: user.fullSessionKey,
            preauthHash: preauthHash)
        signing = SigningKey(
            algorithm: SigningKey.Algorithm(rawValue: negotiated.signingAlgorithm) ?? .aesCMAC,
            key: derivation.signingKey)
        guard let cipher = SealingKey.Cipher(rawValue: negotiated.cipher) else {
            sealing = nil
            unsealing = nil
            return
        }
        sealing = SealingKey(cipher: cipher, key: derivation.serverToClientKey(cipher))
        unsealing = SealingKey(cipher: cipher, key: derivation.clientToServerKey(cipher))
    }
}
