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
        guard negotiated.dialect.isSMB3 else {
            let key = KeyDerivation.firstSixteenBytes(of: user.sessionKey)
            signing = SigningKey(algorithm: .hmacSHA256, key: key)
            sealing = nil
            unsealing = nil
            return
        }
        let scheme: KeyDerivation.Scheme =
            negotiated.dialect == .smb311 ? .dialect311(preauthIntegrityHash: preauthHash) : .dialect30
        let derivation = KeyDerivation(sessionKey: user.sessionKey, scheme: scheme)
        signing = SigningKey(
            algorithm: SigningAlgorithm(rawValue: negotiated.signingAlgorithm) ?? .aesCMAC, key: derivation.signingKey)
        guard let cipher = Cipher(rawValue: negotiated.cipher) else {
            sealing = nil
            unsealing = nil
            return
        }
        sealing = SealingKey(cipher: cipher, key: derivation.serverToClientKey(for: cipher))
        unsealing = SealingKey(cipher: cipher, key: derivation.clientToServerKey(for: cipher))
    }
}
