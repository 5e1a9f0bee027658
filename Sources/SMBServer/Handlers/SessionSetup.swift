import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Receiving an SMB2 SESSION_SETUP Request, [MS-SMB2] 3.3.5.5.
enum SessionSetupHandler {
    /// The request without the view of its message.
    struct Input {
        var isBinding: Bool
        var securityMode: NegotiateSecurityMode
        var previousSessionID: UInt64
        var token: [UInt8]
    }

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let input: Input
        do {
            let request = try SessionSetupRequest(from: &reader)
            input = Input(
                isBinding: request.flags.contains(.binding), securityMode: request.securityMode,
                previousSessionID: request.previousSessionID, token: request.securityBuffer.array)
        } catch { throw .invalidParameter }
        guard input.token.count <= context.limits.securityTokenByteCountMax else { throw .invalidParameter }
        let (session, step) = try answer(input, message: reader.bytes, &context)
        context.responseSessionID = session.id
        switch step {
        case .more(let token):
            context.status = .moreProcessingRequired
            context.preauthTarget = .session(session)
            SessionSetupResponse(sessionFlags: [], securityBuffer: token).encode(
                into: context.reply, headerStart: context.headerStart)
        case .failed(let status):
            // [MS-SMB2] 3.3.5.5.3: a failed login, the first or a later one, ends the session.
            session.state.withLock { $0.exchange = nil }
            context.server.end(session, on: context.connection)
            throw status
        case .done(let token, let user):
            let flags = try finish(session, user, input, &context)
            SessionSetupResponse(sessionFlags: flags, securityBuffer: token).encode(
                into: context.reply, headerStart: context.headerStart)
        case .late: throw .internalError
        }
    }

    /// What the control plane says to the token; what it said before, once that was long enough ago.
    private static func answer(
        _ input: Input, message: RawSpan, _ context: inout RequestContext
    ) throws(NTStatus) -> (Session, AuthenticationStep) {
        if let parked = context.parkedRequest {
            let late = context.connection.state.withLock { $0.lateLogins.removeValue(forKey: parked.asyncID) }
            guard let (session, step) = late else { throw .userSessionDeleted }
            guard context.wakeReason == .timeout else {
                // Who does not wait is not told.
                context.server.end(session, on: context.connection)
                throw .logonFailure
            }
            return (session, step)
        }
        try checkAvailable(input, context)
        let session = try findOrMakeSession(&context)
        context.responseSessionID = session.id
        let exchange = beginExchange(session, message: message, context)
        let step = context.server.accessControl.authenticate(
            exchange: exchange, token: input.token, remoteAddress: context.connection.transport.remoteAddress)
        guard case .late(let outcome, let delay) = step else { return (session, step) }
        // No thread waits: the request does.
        let parked: ParkedRequest
        do throws(NTStatus) { parked = try context.park(timeout: delay, sendsInterim: false) } catch {
            context.server.end(session, on: context.connection)
            throw error
        }
        context.connection.state.withLock { $0.lateLogins[parked.asyncID] = (session, outcome) }
        throw .pending
    }

    private static func checkAvailable(_ input: Input, _ context: borrowing RequestContext) throws(NTStatus) {
        // [MS-SMB2] 3.3.5.5 point 1: a server that demands sealing has nothing to say to a client that cannot.
        if context.server.settings.encryption == .required, context.connection.negotiated?.cipher == 0 {
            throw .accessDenied
        }
        // Binding a channel needs IsMultiChannelCapable, point 4.
        if input.isBinding { throw .requestNotAccepted }
    }

    private static func findOrMakeSession(_ context: inout RequestContext) throws(NTStatus) -> Session {
        if context.header.sessionID != 0 {
            guard let session = context.sessionOrNil else { throw .userSessionDeleted }
            return session
        }
        var id: UInt64 = 0
        // 32 bits are plenty for an identifier that proves nothing, and old clients keep no more of it.
        while id == 0 || context.server.sessions.find(id) != nil {
            id = context.server.environment.randomUInt64() & 0xFFFF_FFFF
        }
        let session = Session(id: id, creationTime: context.now, dialect: context.dialect)
        let connection = context.connection
        session.state.withLock {
            $0.channels[ObjectIdentifier(connection)] = Session.Channel(connection: connection, signingKey: nil)
        }
        try context.server.sessions.insert(session, limit: context.limits.sessionCountMax)
        do throws(NTStatus) { try context.connection.insert(session) } catch {
            context.server.sessions.remove(id)
            throw error
        }
        return session
    }

    /// The control plane's name for this login, and the hash over its messages, [MS-SMB2] 3.3.5.5.
    private static func beginExchange(
        _ session: Session, message: RawSpan, _ context: borrowing RequestContext
    ) -> UInt64 {
        let start = context.connection.negotiated?.preauthHash
        let server = context.server
        let bytes = message.array
        return session.state.withLock { state in
            let exchange = state.exchange ?? server.makeIdentifier()
            if state.exchange == nil {
                state.exchange = exchange
                state.preauthHash = start
            }
            // SAFETY: the array outlives the call.
            unsafe bytes.withUnsafeBytes { unsafe state.preauthHash?.update($0) }
            return exchange
        }
    }

    /// The login succeeded, [MS-SMB2] 3.3.5.5.3: keys, flags, and the end of the session this one replaces.
    private static func finish(
        _ session: Session, _ user: AuthenticatedUser, _ input: Input, _ context: inout RequestContext
    ) throws(NTStatus) -> SessionSetupResponse.Flags {
        guard let negotiated = context.connection.negotiated else { throw .userSessionDeleted }
        let settings = context.server.settings
        let old = session.state.withLock { $0.login }
        let login: Session.Login
        if let old {
            // Keys are made once; logging in again changes who, and until when, not with what.
            login = Session.Login(
                user: user, requiresSigning: old.requiresSigning, requiresEncryption: old.requiresEncryption,
                signingKey: old.signingKey, sealingKey: old.sealingKey, unsealingKey: old.unsealingKey)
        } else {
            if !user.isAuthenticated, settings.signing == .required || settings.encryption == .required {
                context.server.end(session, on: context.connection)
                throw .accessDenied
            }
            let wantsSigning = input.securityMode.contains(.signingRequired) || settings.signing == .required
            login = makeLogin(user, session, negotiated, wantsSigning, settings)
        }
        session.state.withLock { state in
            state.login = login
            state.exchange = nil
            state.preauthHash = nil
            if state.phase != .closed { state.phase = .valid }
        }
        if old != nil { renewTrees(of: session, for: user, context) }
        if user.expiry != nil { context.server.sessions.watchExpiry(of: session) }
        context.connection.state.withLock { state in
            state.isWithoutSessionSince = nil
            if !user.isAnonymous { state.hasLoggedIn = true }
        }
        if input.previousSessionID != 0, input.previousSessionID != session.id {
            replacePrevious(input.previousSessionID, by: user, context)
        }
        if user.isAuthenticated { context.responseSigningKey = login.signingKey }
        var flags: SessionSetupResponse.Flags = []
        if user.isGuest { flags.insert(.guest) }
        if user.isAnonymous { flags.insert(.null) }
        if login.requiresEncryption { flags.insert(.encryptData) }
        return flags
    }

    /// What the session may do in the shares it has connected is asked again: groups may have changed, or the user.
    private static func renewTrees(
        of session: Session, for user: AuthenticatedUser, _ context: borrowing RequestContext
    ) {
        let server = context.server
        for tree in session.state.withLock({ Array($0.treeConnects.values) }) {
            tree.renew(
                server.accessControl.renewTree(
                    share: tree.share.name, user: user,
                    remoteAddress: context.connection.transport.remoteAddress))
        }
    }

    private static func makeLogin(
        _ user: AuthenticatedUser, _ session: Session, _ negotiated: Connection.Negotiated, _ wantsSigning: Bool,
        _ settings: ServerSettings
    ) -> Session.Login {
        let preauthHash = session.state.withLock { $0.preauthHash?.value ?? [] }
        let keys = SessionKeys(user: user, negotiated: negotiated, preauthHash: preauthHash)
        return Session.Login(
            // [MS-SMB2] 3.3.5.5.3: guests and anonymous users have no secret, so nothing can be demanded of them. Their
            // keys exist all the same, for clients that sign or seal anyway.
            user: user, requiresSigning: wantsSigning && user.isAuthenticated,
            requiresEncryption: settings.encryption == .required && keys.sealing != nil && user.isAuthenticated,
            signingKey: keys.signing,
            sealingKey: keys.sealing, unsealingKey: keys.unsealing)
    }

    /// [MS-SMB2] 3.3.5.5.3: a client that lost its connection says which session was its own. Only now that it has
    /// proved who it is does the old one end, and only if it belonged to the same user.
    private static func replacePrevious(
        _ id: UInt64, by user: AuthenticatedUser, _ context: borrowing RequestContext
    ) {
        guard let previous = context.server.sessions.find(id) else { return }
        let (login, connections) = previous.state.withLock { ($0.login, $0.channels.values.map(\.connection)) }
        // Guests and anonymous users are all called the same, and have proved nothing.
        guard let login, login.user.isAuthenticated, user.isAuthenticated, login.user.name == user.name,
            login.user.domain == user.domain
        else { return }
        for connection in connections { connection.remove(sessionID: id) }
        context.server.end(previous, on: context.connection, keepsOpens: true)
    }
}
