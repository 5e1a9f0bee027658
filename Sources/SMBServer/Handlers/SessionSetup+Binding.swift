import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// A connection becomes one more channel of a session, [MS-SMB2] 3.3.5.5 point 4 and 3.3.5.5.3.
extension SessionSetupHandler {
    /// The session that a request with SMB2_SESSION_FLAG_BINDING is about, if it may be bound to. The client's GUID is
    /// not compared, as Windows does not: whoever binds has the session's key and proves to be its user.
    static func sessionToBind(_ context: borrowing RequestContext) throws(NTStatus) -> Session {
        guard let negotiated = context.connection.negotiated, context.header.sessionID != 0,
            let session = context.server.sessions.find(context.header.sessionID)
        else { throw .userSessionDeleted }
        // Windows: a key made for AES-GMAC, whose nonces must never come twice, signs nothing else, and no other
        // connection's algorithm follows it. It looks at this first.
        let gmac = SigningAlgorithm.aesGMAC.rawValue
        if session.signingAlgorithm == gmac, negotiated.signingAlgorithm != gmac { throw .requestOutOfSequence }
        if session.signingAlgorithm != gmac, negotiated.signingAlgorithm == gmac { throw .notSupported }
        guard negotiated.dialect.isSMB3, context.server.settings.isMultichannel else { throw .requestNotAccepted }
        guard negotiated.dialect == session.dialect, negotiated.cipher == session.cipher,
            context.header.flags.contains(.signed)
        else { throw .invalidParameter }
        let (phase, login) = session.state.withLock { ($0.phase, $0.login) }
        switch phase {
        case .valid: break
        case .inProgress: throw .requestNotAccepted
        case .expired: throw .networkSessionExpired
        case .closed: throw .userSessionDeleted
        }
        // The keys of guests and anonymous users are no secret.
        guard let login, login.user.isAuthenticated else { throw .notSupported }
        // It is a channel already.
        guard context.sessionOrNil == nil else { throw .requestNotAccepted }
        guard context.isAuthentic else { throw .accessDenied }
        return session
    }

    /// The user has proved, on this connection, who it is: if it is the session's, the connection is the session's.
    static func bind(
        _ session: Session, _ user: AuthenticatedUser, _ pending: PendingLogin, _ context: inout RequestContext
    ) throws(NTStatus) -> SessionSetupResponse.Flags {
        let connection = context.connection
        guard let negotiated = connection.negotiated, let login = session.state.withLock({ $0.login }) else {
            throw .userSessionDeleted
        }
        guard user.isAuthenticated, user.isSame(as: login.user) else { throw .accessDenied }
        let keys = SessionKeys(user: user, negotiated: negotiated, preauthHash: pending.preauthHash?.value ?? [])
        // First the connection, then the session: requests are let in by the latter.
        try connection.insert(session)
        do throws(NTStatus) {
            try session.add(
                Session.Channel(connection: connection, signingKey: keys.signing),
                limit: context.limits.channelCountPerSessionMax)
        } catch {
            connection.remove(sessionID: session.id)
            throw error
        }
        // The connection may have gone in between, and not have known the session as its own.
        guard !connection.state.withLock({ $0.isGone }) else {
            if session.removeChannel(connection) { context.server.end(session) }
            throw .userSessionDeleted
        }
        connection.state.withLock { state in
            state.isWithoutSessionSince = nil
            state.hasLoggedIn = true
        }
        context.responseSigningKey = keys.signing
        return login.requiresEncryption ? [.encryptData] : []
    }
}

extension AuthenticatedUser {
    func isSame(as other: AuthenticatedUser) -> Bool { name == other.name && domain == other.domain }
}
