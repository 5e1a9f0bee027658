import SMBCrypto

/// The computations of [MS-NLMP] 3.3 and 3.4.
enum NTLMCryptography {
    /// NTOWFv1, 3.3.1: what account databases keep.
    static func ntHash(password: String) -> [UInt8] { MD4.hash([UInt8](utf16: password)) }

    /// NTOWFv2, 3.3.2.
    /// - Parameters:
    ///   - user: already in capitals, like `domain` in UTF-16LE.
    static func responseKey(ntHash: [UInt8], user: [UInt8], domain: [UInt8]) -> [UInt8] {
        Digest.hmacMD5(key: ntHash, user + domain)
    }

    /// NTProofStr, 3.3.2.
    /// - Parameter clientChallenge: NTLMv2_CLIENT_CHALLENGE, as encoded.
    static func proof(
        responseKey: [UInt8], serverChallenge: [UInt8], clientChallenge: some Collection<UInt8>
    ) -> [UInt8] {
        Digest.hmacMD5(key: responseKey, serverChallenge + clientChallenge)
    }

    /// Each UTF-16 unit in its capital form where that is one unit too, as Windows has it: no "ß" to "SS".
    static func uppercased(_ name: [UInt8]) -> [UInt8] {
        name.utf16Units.flatMap { unit -> [UInt8] in
            var upper = unit
            if let scalar = Unicode.Scalar(unit) {
                let mapping = scalar.properties.uppercaseMapping.utf16
                if mapping.count == 1, let first = mapping.first { upper = first }
            }
            return [UInt8(truncatingIfNeeded: upper), UInt8(truncatingIfNeeded: upper >> 8)]
        }
    }

    /// The integrity code over the three messages, 3.2.5.1.2.
    /// - Parameter authenticate: with zeros where the code goes.
    static func mic(sessionKey: [UInt8], negotiate: [UInt8], challenge: [UInt8], authenticate: [UInt8]) -> [UInt8] {
        Digest.hmacMD5(key: sessionKey, negotiate + challenge + authenticate)
    }
}

/// Signatures of extended session security in one direction, [MS-NLMP] 3.4.4.2 and 3.4.5.
struct NTLMSigner: Sendable {
    enum Direction: String {
        case clientToServer = "client-to-server"
        case serverToClient = "server-to-client"
    }

    private let signingKey: [UInt8]
    private var cipher: RC4
    private let encryptsChecksum: Bool
    private var sequenceNumber: UInt32 = 0

    /// - Parameters:
    ///   - sessionKey: ExportedSessionKey, 16 bytes.
    ///   - flags: as negotiated, with `extendedSessionSecurity`.
    init(sessionKey: [UInt8], flags: NTLM.Flags, direction: Direction) {
        func key(_ secret: some Collection<UInt8>, _ purpose: String) -> [UInt8] {
            let constant = "session key to \(direction.rawValue) \(purpose) key magic constant"
            return Digest.md5(Array(secret) + Array(constant.utf8) + [0])
        }
        signingKey = key(sessionKey, "signing")
        let strength = flags.contains(.key128) ? 16 : flags.contains(.key56) ? 7 : 5
        cipher = RC4(key: key(sessionKey.prefix(strength), "sealing"))
        encryptsChecksum = flags.contains(.keyExchange)
    }

    /// MAC of the next message, 16 bytes: version 1, checksum, sequence number.
    mutating func signature(of message: [UInt8]) -> [UInt8] {
        var number: [UInt8] = []
        number.append(littleEndian: sequenceNumber)
        sequenceNumber &+= 1
        let checksum = Array(Digest.hmacMD5(key: signingKey, number + message).prefix(8))
        return [1, 0, 0, 0] + (encryptsChecksum ? cipher.process(checksum) : checksum) + number
    }
}
