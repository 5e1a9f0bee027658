import Authentication
import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// The way to a share: NEGOTIATE, SESSION_SETUP, TREE_CONNECT.
extension TestClient {
    /// Every context that a good 3.1.1 client offers.
    public static func contexts(
        ciphers: [Cipher] = [.aes128GCM, .aes128CCM, .aes256GCM, .aes256CCM],
        signing: [SigningAlgorithm] = [.aesGMAC, .aesCMAC, .hmacSHA256]
    ) -> [NegotiateContext] {
        [
            .preauthIntegrity(algorithms: [1], salt: [UInt8](repeating: 0x53, count: 32)),
            .encryption(ciphers: ciphers.map(\.rawValue)), .signing(algorithms: signing.map(\.rawValue)),
        ]
    }

    /// A NEGOTIATE request; with contexts only if 3.1.1 is among the dialects.
    public static func negotiateRequest(
        _ dialects: [Dialect] = Dialect.allCases, contexts: [NegotiateContext] = contexts()
    ) -> TestRequest {
        let request = NegotiateRequest(
            securityMode: .signingEnabled, capabilities: [.largeMTU, .leasing, .encryption],
            clientGUID: GUID(low: 1, high: 2), dialects: dialects.map(\.rawValue),
            contexts: dialects.contains(.smb311) ? contexts : [])
        return TestRequest(.negotiate) { request.encode(into: $0, headerStart: 0) }
    }

    /// Negotiates, and takes over what the server chose. - Throws: unless it succeeds.
    @discardableResult
    public func negotiate(
        _ dialects: [Dialect] = Dialect.allCases, contexts: [NegotiateContext] = contexts()
    ) throws(TestClientError) -> NegotiateResponse {
        let reply = try hashed(Self.negotiateRequest(dialects, contexts: contexts), into: &preauthHash)
        guard reply.status == .success else { throw .refused(step: "NEGOTIATE", status: reply.status.rawValue) }
        let response = try reply.decode { reader throws(WireError) in try NegotiateResponse(from: &reader) }
        adopt(response)
        return response
    }

    private func adopt(_ response: NegotiateResponse) {
        negotiated = response
        cipher = response.capabilities.contains(.encryption) ? .aes128CCM : nil
        signingAlgorithm = response.dialectRevision >= 0x300 ? .aesCMAC : .hmacSHA256
        for context in response.contexts {
            switch context {
            case .encryption(let ciphers): cipher = ciphers.first.flatMap(Cipher.init)
            case .signing(let algorithms):
                signingAlgorithm = algorithms.first.flatMap(SigningAlgorithm.init) ?? signingAlgorithm
            default: break
            }
        }
    }

    /// Sends a request alone and counts it and its response into a hash, [MS-SMB2] 3.2.5.2 and 3.2.5.3.
    private func hashed(
        _ request: TestRequest, into hash: inout PreauthIntegrityHash,
        countsResponse: (TestReply) -> Bool = { _ in true }
    ) throws(TestClientError) -> TestReply {
        let message = encode([request])
        // SAFETY: the array lives through the call.
        unsafe message.withUnsafeBytes { unsafe hash.update($0) }
        wire.send(message)
        let reply = try nextReply()
        // SAFETY: as above.
        if countsResponse(reply) { unsafe reply.bytes.withUnsafeBytes { unsafe hash.update($0) } }
        return reply
    }

    /// A SESSION_SETUP request with a token.
    public static func sessionSetup(
        _ token: [UInt8], flags: SessionSetupRequest.Flags = [], securityMode: NegotiateSecurityMode = .signingEnabled,
        previousSessionID: UInt64 = 0
    ) -> TestRequest {
        TestRequest(.sessionSetup) {
            SessionSetupRequest.encode(
                flags: flags, securityMode: securityMode, previousSessionID: previousSessionID, securityBuffer: token,
                into: $0)
        }
    }

    /// Logs in with NTLM and makes the session the current one. - Throws: unless it succeeds.
    @discardableResult
    public func logIn(
        user: String, password: String, usesSPNEGO: Bool = true, requiresSigning: Bool = false,
        previousSessionID: UInt64 = 0, random: @escaping @Sendable (Int) -> [UInt8] = { randomBytes(count: $0) }
    ) throws(TestClientError) -> Session {
        let mode: NegotiateSecurityMode = requiresSigning ? [.signingEnabled, .signingRequired] : .signingEnabled
        let before = session
        session = nil
        do throws(TestClientError) {
            let login = NTLMClient(user: user, password: password, usesSPNEGO: usesSPNEGO, random: random)
            let done = try authenticate(login, sessionID: 0) { token in
                Self.sessionSetup(token, securityMode: mode, previousSessionID: previousSessionID)
            }
            let made = makeSession(done.id, done.flags, done.key, done.hash)
            session = made
            return made
        } catch {
            session = before
            throw error
        }
    }

    /// Logs in once more to the current session, [MS-SMB2] 3.3.5.5: its keys stay. - Throws: unless it succeeds.
    public func logInAgain(user: String, password: String) throws(TestClientError) {
        let login = NTLMClient(user: user, password: password)
        _ = try authenticate(login, sessionID: session?.id ?? 0) { Self.sessionSetup($0) }
    }

    /// Makes this connection one more channel of a session, which becomes the current one; [MS-SMB2] 3.3.5.5.3: its
    /// requests are signed with the session's key, what follows with the channel's. - Throws: unless it succeeds.
    public func bind(to other: Session, user: String, password: String) throws(TestClientError) {
        let before = session
        session = other
        do throws(TestClientError) {
            let login = NTLMClient(user: user, password: password)
            let done = try authenticate(login, sessionID: other.id) { Self.sessionSetup($0, flags: .binding) }
            session?.signingKey = makeSession(other.id, other.flags, done.key, done.hash).signingKey
        } catch {
            session = before
            throw error
        }
    }

    /// What a login leaves: the session's number and flags, the key that was agreed on, and the hash over the messages.
    private typealias Finished = (
        id: UInt64, flags: SessionSetupResponse.Flags, key: [UInt8], hash: PreauthIntegrityHash
    )

    private func authenticate(
        _ client: NTLMClient, sessionID: UInt64, _ request: ([UInt8]) -> TestRequest
    ) throws(TestClientError) -> Finished {
        var login = client
        var hash = preauthHash
        var token = login.initialToken()
        var sessionID = sessionID
        while true {
            let reply = try hashed(request(token).with { $0.sessionID = sessionID }, into: &hash) {
                $0.status == .moreProcessingRequired
            }
            guard reply.status == .success || reply.status == .moreProcessingRequired else {
                throw .refused(step: "SESSION_SETUP", status: reply.status.rawValue)
            }
            sessionID = reply.header.sessionID
            let response = try reply.decode { reader throws(WireError) in try SessionSetupResponse(from: &reader) }
            let next: [UInt8]?
            do { next = try login.step(response.securityBuffer) } catch { throw .malformedReply("a login token") }
            if let next { token = next }
            if reply.status == .success { return (sessionID, response.sessionFlags, login.sessionKey, hash) }
        }
    }

    private func makeSession(
        _ id: UInt64, _ flags: SessionSetupResponse.Flags, _ key: [UInt8], _ hash: PreauthIntegrityHash
    ) -> Session {
        guard let dialect, dialect.isSMB3 else {
            let key = KeyDerivation.firstSixteenBytes(of: key)
            return Session(id: id, flags: flags, signingKey: SigningKey(algorithm: .hmacSHA256, key: key))
        }
        let derivation = KeyDerivation(
            sessionKey: key,
            scheme: dialect == .smb311 ? .dialect311(preauthIntegrityHash: hash.value) : .dialect30)
        return Session(
            id: id, flags: flags, signingKey: SigningKey(algorithm: signingAlgorithm, key: derivation.signingKey),
            sealingKey: cipher.map { SealingKey(cipher: $0, key: derivation.clientToServerKey(for: $0)) },
            unsealingKey: cipher.map { SealingKey(cipher: $0, key: derivation.serverToClientKey(for: $0)) })
    }

    /// A TREE_CONNECT request for a share of that name.
    public static func treeConnect(_ share: String) -> TestRequest {
        TestRequest(.treeConnect) { TreeConnectRequest.encode(path: NTName("\\\\server\\\(share)"), into: $0) }
            .with { $0.treeID = 0 }
    }

    /// Connects to a share and makes it the current one. - Throws: unless it succeeds.
    @discardableResult
    public func connectTree(_ share: String) throws(TestClientError) -> UInt32 {
        let reply = try call(Self.treeConnect(share))
        guard reply.status == .success else { throw .refused(step: "TREE_CONNECT", status: reply.status.rawValue) }
        treeID = reply.header.treeID
        return treeID
    }
}
