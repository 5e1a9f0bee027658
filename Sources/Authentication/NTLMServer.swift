import NTTypes
import SMBCrypto

/// The server's side of one NTLM login, [MS-NLMP] 3.2.5.1.
struct NTLMServer: Mechanism {
    static let identifiers = [MechanismIdentifier.ntlm]

    enum Phase: Sendable {
        case start
        case challenged(negotiate: [UInt8], challenge: [UInt8], offered: NTLM.Flags)
        case finished
    }

    private let policy: AuthenticationPolicy
    private let accounts: any AccountDatabase
    private let now: FileTime
    private let serverChallenge: [UInt8]
    var phase = Phase.start
    private(set) var claimedUser = ""
    private var incoming: NTLMSigner?
    private var outgoing: NTLMSigner?

    /// - Parameter challenge: 8 unpredictable bytes.
    init(policy: AuthenticationPolicy, accounts: any AccountDatabase, now: FileTime, challenge: [UInt8]) {
        precondition(challenge.count == 8)
        self.policy = policy
        self.accounts = accounts
        self.now = now
        serverChallenge = challenge
    }

    mutating func accept(_ token: [UInt8]) -> MechanismStep {
        let current = phase
        phase = .finished
        do {
            switch current {
            case .start:
                let message = challenge(for: try NegotiateMessage(token))
                phase = .challenged(negotiate: token, challenge: message.bytes, offered: message.flags)
                return .more(message.bytes)
            case .challenged(let negotiate, let challenge, let offered):
                var message = try AuthenticateMessage(token)
                // What was not offered is not agreed upon, whatever the client says now.
                message.flags.formIntersection(offered.union(.anonymous))
                let transcript = Transcript(negotiate: negotiate, challenge: challenge, authenticate: token)
                return try authenticate(message, transcript)
            case .finished: return .failed(.invalidParameter)
            }
        } catch {
            return .failed(.invalidParameter.because(.malformedToken))
        }
    }

    private struct Transcript {
        let negotiate: [UInt8]
        let challenge: [UInt8]
        let authenticate: [UInt8]
    }

    // MARK: the challenge

    private func challenge(for negotiate: NegotiateMessage) -> ChallengeMessage {
        let echoed: NTLM.Flags = [
            .sign, .seal, .alwaysSign, .extendedSessionSecurity, .version, .key128, .keyExchange, .key56,
        ]
        var flags = negotiate.flags.intersection(echoed)
        flags.formUnion([.ntlm, .requestTarget, .targetTypeServer, .targetInfo])
        let isUnicode = negotiate.flags.contains(.unicode)
        flags.insert(isUnicode ? .unicode : .oem)
        return ChallengeMessage(
            flags: flags, challenge: serverChallenge,
            targetName: isUnicode ? [UInt8](utf16: policy.computerName) : Array(policy.computerName.utf8),
            targetInfo: targetInformation.bytes)
    }

    private var targetInformation: TargetInformation {
        var information = TargetInformation()
        information[.domainName] = [UInt8](utf16: policy.domainName)
        information[.computerName] = [UInt8](utf16: policy.computerName)
        information[.dnsDomainName] = [UInt8](utf16: policy.dnsDomainName)
        information[.dnsComputerName] = [UInt8](utf16: policy.dnsComputerName)
        var time: [UInt8] = []
        time.append(littleEndian: now.rawValue)
        information[.timestamp] = time
        return information
    }

    // MARK: the answer

    private mutating func authenticate(
        _ message: AuthenticateMessage, _ transcript: Transcript
    ) throws(NTLM.Malformed) -> MechanismStep {
        if isAnonymous(message) {
            guard policy.allowsAnonymous else { return .failed(.accessDenied.because(.anonymous)) }
            let login = Login(user: "", domain: "", sessionKey: [UInt8](repeating: 0, count: 16), isAnonymous: true)
            return try complete(login, message, transcript, hasMIC: false)
        }
        // The list of pairs is read before the password is looked at: if it is no list, that is what the client hears.
        claimedUser = message.text(message.user)
        let clientInformation = try clientInformation(message)
        let account = accounts.account(named: message.text(message.user)).flatMap { $0.ntHash.count == 16 ? $0 : nil }
        // Without an account everything is computed just the same, so that the time tells nothing.
        let ntHash = account?.ntHash ?? serverChallenge + serverChallenge
        let sessionBaseKey =
            clientInformation == nil
            ? verifyVersion1(message, ntHash: ntHash) : verifyVersion2(message, ntHash: ntHash)
        guard let account else {
            guard policy.mapsUnknownUserToGuest else { return .failed(.logonFailure.because(.unknownAccount)) }
            return .done(guest(message), token: nil)
        }
        guard let sessionBaseKey else {
            let isOld = clientInformation == nil && !policy.allowsNTLMv1
            return .failed(.logonFailure.because(isOld ? .oldNTLM : .wrongPassword))
        }
        let login = Login(user: account.name, domain: message.text(message.domain), sessionKey: sessionBaseKey)
        let hasMIC = (clientInformation?.flags ?? 0) & TargetInformation.hasMIC != 0
        return try complete(login, message, transcript, hasMIC: hasMIC)
    }

    /// 3.2.5.1.2: no name and no response. Some clients send one zero byte as LM response.
    private func isAnonymous(_ message: AuthenticateMessage) -> Bool {
        message.user.isEmpty && message.ntResponse.isEmpty && (message.lmResponse.isEmpty || message.lmResponse == [0])
    }

    private func guest(_ message: AuthenticateMessage) -> Login {
        Login(
            user: message.text(message.user), domain: message.text(message.domain),
            sessionKey: [UInt8](repeating: 0, count: 16), isGuest: true)
    }

    /// The pairs in an NTLMv2 response; nil if it is one of version 1, which has 24 bytes.
    private func clientInformation(_ message: AuthenticateMessage) throws(NTLM.Malformed) -> TargetInformation? {
        guard message.ntResponse.count > 24 else { return nil }
        // 16 bytes of proof, then NTLMv2_CLIENT_CHALLENGE, 2.2.2.7, whose pairs begin at its byte 28.
        guard message.ntResponse.count >= 44 else { throw NTLM.Malformed() }
        return try TargetInformation(message.ntResponse[44...])
    }

    /// - Returns: SessionBaseKey if the response is right, 3.3.2.
    private func verifyVersion2(_ message: AuthenticateMessage, ntHash: [UInt8]) -> [UInt8]? {
        func utf16(_ field: [UInt8]) -> [UInt8] {
            message.flags.contains(.unicode) ? field : [UInt8](utf16: message.text(field))
        }
        let received = Array(message.ntResponse[..<16])
        let user = NTLMCryptography.uppercased(utf16(message.user))
        let domain = utf16(message.domain)
        // The specification hashes the domain as sent; some clients hash it in capitals, or none at all.
        var sessionBaseKey: [UInt8]?
        for domain in [domain, NTLMCryptography.uppercased(domain), []] {
            let key = NTLMCryptography.responseKey(ntHash: ntHash, user: user, domain: domain)
            let proof = NTLMCryptography.proof(
                responseKey: key, serverChallenge: serverChallenge, clientChallenge: message.ntResponse[16...])
            if constantTimeEqual(proof, received) { sessionBaseKey = Digest.hmacMD5(key: key, proof) }
        }
        return sessionBaseKey
    }

    /// - Returns: KeyExchangeKey if version 1 is allowed and the response is right, 3.3.1 and 3.4.5.1.
    private func verifyVersion1(_ message: AuthenticateMessage, ntHash: [UInt8]) -> [UInt8]? {
        guard policy.allowsNTLMv1, message.ntResponse.count == 24, message.lmResponse.count == 24 else { return nil }
        let clientChallenge = Array(message.lmResponse[..<8])
        let isExtended = message.flags.contains(.extendedSessionSecurity)
        let challenge =
            isExtended ? Array(Digest.md5(serverChallenge + clientChallenge).prefix(8)) : serverChallenge
        guard constantTimeEqual(DES.encryptThrice(key: ntHash, challenge), message.ntResponse) else { return nil }
        let sessionBaseKey = MD4.hash(ntHash)
        return isExtended
            ? Digest.hmacMD5(key: sessionBaseKey, serverChallenge + clientChallenge) : sessionBaseKey
    }

    /// Exchanges the key if that was agreed upon, checks the integrity code, and keeps what signs from now on.
    private mutating func complete(
        _ login: Login, _ message: AuthenticateMessage, _ transcript: Transcript, hasMIC: Bool
    ) throws(NTLM.Malformed) -> MechanismStep {
        var login = login
        // 3.1.5.1.2: without signing and sealing a client need not send a key; some do.
        let mustExchange = !message.flags.intersection([.sign, .seal]).isEmpty
        if message.flags.contains(.keyExchange), mustExchange || !message.encryptedSessionKey.isEmpty {
            guard message.encryptedSessionKey.count == 16 else { throw NTLM.Malformed() }
            var cipher = RC4(key: login.sessionKey)
            login.sessionKey = cipher.process(message.encryptedSessionKey)
        }
        if hasMIC {
            let range = AuthenticateMessage.micRange
            guard transcript.authenticate.count >= range.upperBound else { throw NTLM.Malformed() }
            var zeroed = transcript.authenticate
            zeroed.replaceSubrange(range, with: repeatElement(0, count: range.count))
            let mic = NTLMCryptography.mic(
                sessionKey: login.sessionKey, negotiate: transcript.negotiate, challenge: transcript.challenge,
                authenticate: zeroed)
            guard constantTimeEqual(mic, Array(transcript.authenticate[range])) else { throw NTLM.Malformed() }
        }
        if message.flags.contains(.extendedSessionSecurity) {
            incoming = NTLMSigner(sessionKey: login.sessionKey, flags: message.flags, direction: .clientToServer)
            outgoing = NTLMSigner(sessionKey: login.sessionKey, flags: message.flags, direction: .serverToClient)
        }
        return .done(login, token: nil)
    }

    // MARK: signatures

    /// Not for guests, nor for the signatures of old, which only clients from before 2000 have.
    var canSign: Bool { outgoing != nil }

    mutating func signature(of message: [UInt8]) -> [UInt8] {
        outgoing?.signature(of: message) ?? []
    }

    mutating func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard let expected = incoming?.signature(of: message) else { return false }
        return constantTimeEqual(expected, signature)
    }
}
