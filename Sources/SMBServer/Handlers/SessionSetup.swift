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
        if let parked = context.parkedRequest {
            let late = try lateAnswer(parked, context)
            return try go(on: late.step, late.input, &context)
        }
        let input: Input
        do {
            let request = try SessionSetupRequest(from: &reader)
            input = Input(
                isBinding: request.flags.contains(.binding), securityMode: request.securityMode,
                previousSessionID: request.previousSessionID, token: request.securityBuffer.array)
        } catch { throw .invalidParameter }
        guard input.token.count <= context.limits.securityTokenByteCountMax else { throw .invalidParameter }
        // [MS-SMB2] 3.3.5.5 point 1: a server that demands sealing has nothing to say to a client that cannot.
        if context.server.settings.encryption == .required, context.connection.negotiated?.cipher == 0 {
            throw .accessDenied.because(.clientWithoutCipher)
        }
        let answer = try answer(input, message: reader.bytes, &context)
        try go(on: answer, input, &context)
    }

    /// What the control plane said decides.
    private static func go(on answer: Step, _ input: Input, _ context: inout RequestContext) throws(NTStatus) {
        let (session, exchange, step) = answer
        context.responseSessionID = session.id
        let connection = context.connection
        switch step {
        case .more(let token):
            try connection.endLoginStep(session.id, exchange)
            context.status = .moreProcessingRequired
            context.preauthTarget = .login(session.id)
            SessionSetupResponse(sessionFlags: [], securityBuffer: token).encode(
                into: context.reply, headerStart: context.headerStart)
        case .failed(let status, let reason):
            context.refusal.reason = reason
            _ = connection.finishLogin(session.id, exchange)
            // [MS-SMB2] 3.3.5.5.3: a failed login, the first or a later one, ends the session; who failed to bind to it
            // has nothing to do with it.
            if !input.isBinding { context.server.end(session) }
            throw status
        case .done(let token, let user):
            guard let login = connection.finishLogin(session.id, exchange) else { throw .userSessionDeleted }
            let flags =
                input.isBinding
                ? try bind(session, user, login, &context) : try finish(session, user, login, input, &context)
            SessionSetupResponse(sessionFlags: flags, securityBuffer: token).encode(
                into: context.reply, headerStart: context.headerStart)
        // `answer` has waited.
        case .late: throw .internalError
        }
    }

    /// What the control plane says to the token.
    private static func answer(
        _ input: Input, message: RawSpan, _ context: inout RequestContext
    ) throws(NTStatus) -> Step {
        let session = try input.isBinding ? sessionToBind(context) : findOrMakeSession(&context)
        context.responseSessionID = session.id
        let exchange = try context.connection.beginLoginStep(
            session.id, isBinding: input.isBinding, message: message)
        let step = context.server.accessControl.authenticate(
            exchange: exchange, token: input.token, remoteAddress: context.connection.transport.remoteAddress)
        guard case .late(let outcome, let delay) = step else { return (session, exchange, step) }
        try keepBack((session, exchange, outcome), by: delay, input, &context)
    }

    private static func findOrMakeSession(_ context: inout RequestContext) throws(NTStatus) -> Session {
        if context.header.sessionID != 0 {
            guard let session = context.sessionOrNil else { throw .userSessionDeleted }
            return session
        }
        guard let negotiated = context.connection.negotiated else { throw .userSessionDeleted }
        var id: UInt64 = 0
        // 32 bits are plenty for an identifier that proves nothing, and old clients keep no more of it.
        while id == 0 || context.server.sessions.find(id) != nil {
            id = context.server.environment.randomUInt64() & 0xFFFF_FFFF
        }
        let session = Session(
            id: id, creationTime: context.now, connection: context.connection, negotiated: negotiated)
        try context.server.sessions.insert(session, limit: context.server.adjustableLimits.sessionCountMax)
        do throws(NTStatus) { try context.connection.insert(session) } catch {
            context.server.sessions.remove(id)
            throw error
        }
        return session
    }

    /// The login succeeded, [MS-SMB2] 3.3.5.5.3: keys, flags, and the end of the session this one replaces.
    private static func finish(
        _ session: Session, _ user: AuthenticatedUser, _ pending: PendingLogin, _ input: Input,
        _ context: inout RequestContext
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
                context.server.end(session)
                throw .accessDenied.because(.guestWithoutKey)
            }
            let wantsSigning = input.securityMode.contains(.signingRequired) || settings.signing == .required
            login = makeLogin(user, pending, negotiated, wantsSigning, settings)
        }
        let isOpen = session.state.withLock { state in
            guard state.phase != .closed else { return false }
            state.login = login
            state.phase = .valid
            return true
        }
        guard isOpen else { throw .userSessionDeleted }
        if old != nil { renewTrees(of: session, for: user, context) }
        if user.expiry != nil { context.server.sessions.watchExpiry(of: session) }
        context.connection.state.withLock { state in
            state.isWithoutSessionSince = nil
            if !user.isAnonymous { state.hasLoggedIn = true }
        }
        if input.previousSessionID != 0, input.previousSessionID != session.id {
            replacePrevious(input.previousSessionID, by: user, context)
        }
        if user.isAuthenticated {
            let key = session.admission(treeID: 0, isSigned: true, on: context.connection).signingKey
            context.responseSigningKey = key ?? login.signingKey
        }
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
        _ user: AuthenticatedUser, _ pending: PendingLogin, _ negotiated: Connection.Negotiated, _ wantsSigning: Bool,
        _ settings: ServerSettings
    ) -> Session.Login {
        let keys = SessionKeys(user: user, negotiated: negotiated, preauthHash: pending.preauthHash?.value ?? [])
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
        // Guests and anonymous users are all called the same, and have proved nothing.
        guard user.isAuthenticated, let login = previous.state.withLock({ $0.login }), login.user.isAuthenticated,
            login.user.isSame(as: user)
        else { return }
        context.server.end(previous, keepsOpens: true)
    }
}
