import NTTypes
import SMBCrypto

/// The client's side of one NTLMv2 login, in SPNEGO or bare: for tests and load. [MS-NLMP] 3.1.5.1.
public struct NTLMClient: Sendable {
    /// The server sent what does not lead to a login.
    public struct Failed: Error {}

    private enum Phase: Sendable { case start, negotiated, authenticated, finished }

    private let user: String
    private let domain: String
    private let ntHash: [UInt8]
    private let usesSPNEGO: Bool
    private let random: @Sendable (_ count: Int) -> [UInt8]
    private var phase = Phase.start
    private let negotiate: NegotiateMessage
    private var outgoing: NTLMSigner?
    private var incoming: NTLMSigner?
    /// 16 bytes, once the server's challenge has been answered.
    public private(set) var sessionKey: [UInt8] = []

    /// - Parameters:
    ///   - user: empty for an anonymous login.
    public init(
        user: String, password: String, domain: String = "", usesSPNEGO: Bool = true,
        random: @escaping @Sendable (_ count: Int) -> [UInt8] = { randomBytes(count: $0) }
    ) {
        self.user = user
        self.domain = domain
        ntHash = NTLMCryptography.ntHash(password: password)
        self.usesSPNEGO = usesSPNEGO
        self.random = random
        negotiate = NegotiateMessage(flags: [
            .unicode, .requestTarget, .sign, .ntlm, .alwaysSign, .extendedSessionSecurity, .targetInfo, .version,
            .key128, .keyExchange, .key56,
        ])
    }

    private static let initial = SPNEGO.Initial(mechanisms: [.ntlm], token: nil)

    /// The token of the first SESSION_SETUP.
    public mutating func initialToken() -> [UInt8] {
        phase = .negotiated
        guard usesSPNEGO else { return negotiate.bytes }
        return SPNEGO.write(SPNEGO.Initial(mechanisms: [.ntlm], token: negotiate.bytes))
    }

    /// - Parameter token: of a SESSION_SETUP response.
    /// - Returns: the token of the next request; nil once the server has accepted.
    public mutating func step(_ token: [UInt8]) throws(Failed) -> [UInt8]? {
        do {
            switch phase {
            case .start, .finished: throw Failed()
            case .negotiated:
                phase = .authenticated
                return try answer(token)
            case .authenticated:
                phase = .finished
                guard usesSPNEGO else { return nil }
                let response = try SPNEGO.readResponse(token)
                guard response.state == .acceptCompleted else { throw Failed() }
                guard let signature = response.mechanismListMIC else { return nil }
                guard incoming?.signature(of: Self.initial.mechanismList) == signature else { throw Failed() }
                return nil
            }
        } catch {
            throw Failed()
        }
    }

    private mutating func answer(_ token: [UInt8]) throws -> [UInt8] {
        let challengeBytes = usesSPNEGO ? try SPNEGO.readResponse(token).token ?? [] : token
        let challenge = try ChallengeMessage(challengeBytes)
        let bytes = try authenticate(challenge, challengeBytes)
        outgoing = NTLMSigner(sessionKey: sessionKey, flags: negotiate.flags, direction: .clientToServer)
        incoming = NTLMSigner(sessionKey: sessionKey, flags: negotiate.flags, direction: .serverToClient)
        guard usesSPNEGO else { return bytes }
        return SPNEGO.write(
            SPNEGO.Response(token: bytes, mechanismListMIC: outgoing?.signature(of: Self.initial.mechanismList)))
    }

    private mutating func authenticate(_ challenge: ChallengeMessage, _ challengeBytes: [UInt8]) throws -> [UInt8] {
        sessionKey = random(16)
        var message = AuthenticateMessage(
            flags: negotiate.flags, lmResponse: [], ntResponse: [], domain: [UInt8](utf16: domain),
            user: [UInt8](utf16: user), workstation: [], encryptedSessionKey: [])
        if user.isEmpty {
            message.flags.insert(.anonymous)
            var cipher = RC4(key: [UInt8](repeating: 0, count: 16))
            message.encryptedSessionKey = cipher.process(sessionKey)
            return message.bytes
        }
        var information = try TargetInformation(challenge.targetInfo)
        information[.flags] = [UInt8(TargetInformation.hasMIC), 0, 0, 0]
        // NTLMv2_CLIENT_CHALLENGE, 2.2.2.7.
        let time = information[.timestamp] ?? [UInt8](repeating: 0, count: 8)
        let zeros: [UInt8] = [0, 0, 0, 0]
        let clientChallenge = [1, 1, 0, 0, 0, 0, 0, 0] + time + random(8) + zeros + information.bytes + zeros
        let responseKey = NTLMCryptography.responseKey(
            ntHash: ntHash, user: NTLMCryptography.uppercased(message.user), domain: message.domain)
        let proof = NTLMCryptography.proof(
            responseKey: responseKey, serverChallenge: challenge.challenge, clientChallenge: clientChallenge)
        message.lmResponse = [UInt8](repeating: 0, count: 24)
        message.ntResponse = proof + clientChallenge
        var cipher = RC4(key: Digest.hmacMD5(key: responseKey, proof))
        message.encryptedSessionKey = cipher.process(sessionKey)
        var bytes = message.bytes
        let mic = NTLMCryptography.mic(
            sessionKey: sessionKey, negotiate: negotiate.bytes, challenge: challengeBytes, authenticate: bytes)
        bytes.replaceSubrange(AuthenticateMessage.micRange, with: mic)
        return bytes
    }
}
