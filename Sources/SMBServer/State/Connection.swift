import FileStore
import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Connection, [MS-SMB2] 3.3.1.7. Its messages may be handled on several threads at once: one that blocks keeps its
/// thread while the next is read on another.
public final class Connection: Sendable {
    /// What NEGOTIATE settled; never changes afterwards, [MS-SMB2] 3.3.5.4.
    struct Negotiated: Sendable {
        var dialect: Dialect
        var clientGUID: GUID
        var clientCapabilities: UInt32
        var clientSecurityMode: UInt16
        /// Capabilities that the server announced.
        var serverCapabilities: UInt32
        var serverSecurityMode: UInt16
        /// Connection.CipherId; 0 for none.
        var cipher: UInt16 = 0
        var signingAlgorithm: UInt16
        /// The client's dialect list was answered with the multi-protocol 0x02FF: a second NEGOTIATE follows.
        var isProvisional = false
        var supportsPOSIX = false
        /// Connection.PreauthIntegrityHashValue after the NEGOTIATE response; 3.1.1 only.
        var preauthHash: PreauthIntegrityHash?
        /// Connection.SupportsMultiCredit.
        var supportsMultiCredit: Bool
    }

    struct State {
        var window: CommandSequenceWindow
        var negotiated: Negotiated?
        /// Connection.SessionTable.
        var sessions: [UInt64: Session] = [:]
        /// By session: Connection.PreauthSessionTable, and those who log in again.
        var logins: [UInt64: PendingLogin] = [:]
        /// Connection.AsyncCommandList, by AsyncId.
        var parked: [UInt64: ParkedRequest] = [:]
        /// Since when there has been no session whose login has succeeded, be it an anonymous one; nil while there is.
        var isWithoutSessionSince: UInt64?
        /// Logins whose outcome is told later, by the AsyncId of the request that waits for it.
        var lateLogins: [UInt64: SessionSetupHandler.LateLogin] = [:]
        /// One that was not anonymous: the opposite of Connection.ConstrainedConnection.
        var hasLoggedIn = false
        var isGone = false
        /// Where the window was when last looked at, and since when.
        var idle: (position: UInt64, since: UInt64)
    }

    /// Tells it from others, in what the administrator sees.
    let id: UInt64
    let server: Server
    let transport: any TransportConnection
    let creationUptime: UInt64
    let state: Mutex<State>
    let torture = Mutex(TortureState())

    public init(server: Server, transport: any TransportConnection) {
        id = server.makeIdentifier()
        self.server = server
        self.transport = transport
        creationUptime = server.environment.uptime()
        state = Mutex(
            State(
                window: CommandSequenceWindow(creditCountMax: server.limits.creditCountMax),
                isWithoutSessionSince: creationUptime, idle: (0, creationUptime)))
    }

    // MARK: for the transport

    /// The largest message accepted now, in bytes: little before a login, what NEGOTIATE announced afterwards.
    public var messageByteCountMax: Int {
        let limits = server.limits
        guard state.withLock({ $0.hasLoggedIn }) else { return limits.messageByteCountBeforeLoginMax }
        let payload = max(limits.readByteCountMax, limits.writeByteCountMax, limits.transactByteCountMax)
        return Int(payload) + limits.messageOverheadByteCountMax
    }

    /// Asked about once a second: whether the connection is to end since nobody has logged in in time, or nobody has
    /// used it for long.
    public var isOverdue: Bool {
        let now = server.environment.uptime()
        if let since = state.withLock({ $0.isWithoutSessionSince }) {
            return now - since > server.limits.loginTimeout.nanoseconds
        }
        return server.adjustableLimits.idleTimeout.map { isIdle(since: now, for: $0) } ?? false
    }

    /// Nobody who is known has logged in here: Connection.ConstrainedConnection.
    public var isStranger: Bool { state.withLock { !$0.hasLoggedIn } }

    /// There is no session, be it an anonymous one.
    public var isWithoutSession: Bool { state.withLock { $0.isWithoutSessionSince != nil } }

    /// The sequence window tells whether there was a request since the last look, at no cost to requests.
    private func isIdle(since now: UInt64, for limit: UInt64) -> Bool {
        let (isLong, sessions) = state.withLock { state in
            let position = state.window.low
            if position != state.idle.position { state.idle = (position, now) }
            return (now - state.idle.since > limit, Array(state.sessions.values))
        }
        return isLong && sessions.allSatisfy { $0.state.withLock { $0.opens.isEmpty } }
    }

    /// The transport connection is gone, [MS-SMB2] 3.3.7.1: everything that lived through it ends.
    public func disconnected() {
        Thread.beginWork()
        let (sessions, logins, parked) = state.withLock { state -> ([Session], [PendingLogin], [ParkedRequest]) in
            guard !state.isGone else { return ([], [], []) }
            state.isGone = true
            defer {
                state.lateLogins = [:]
                state.sessions = [:]
                state.logins = [:]
            }
            return (Array(state.sessions.values), Array(state.logins.values), Array(state.parked.values))
        }
        for login in logins where !login.isRunning { server.accessControl.abandon(exchange: login.exchange) }
        // A session lives as long as one of its channels does.
        for session in sessions where session.removeChannel(self) { server.end(session, keepsOpens: true) }
        for request in parked {
            // What its client asks for again through another channel goes on there: see `CreateHandler.createOnce`.
            if request.outlivesConnection, server.sessions.find(request.sessionID) != nil { continue }
            request.wake(.closed)
        }
        if let client = negotiated?.clientGUID { server.clientConnections.remove(self, of: client) }
        server.sendLostBreaks(of: self)
        server.runReady()
        if server.observation.interest.contains(.activity) {
            server.observation.activity.end(id, sending: transport.sending)
        }
    }

    /// Where that ends which was sent up to now, for `hasDelivered`.
    var deliveryMark: UInt64 {
        let (acknowledged, outstanding) = transport.delivery
        return acknowledged + outstanding
    }

    /// What was sent before `deliveryMark` was asked for has arrived.
    func hasDelivered(_ mark: UInt64) -> Bool {
        if torture.withLock({ $0.seemsUndelivered }) { return false }
        let (acknowledged, outstanding) = transport.delivery
        return outstanding == 0 || acknowledged >= mark
    }

    // MARK: state

    var negotiated: Negotiated? { state.withLock { $0.negotiated } }
    var dialect: Dialect? { state.withLock { $0.negotiated?.dialect } }

    /// Connection.SupportsDirectoryLeasing.
    var hasDirectoryLeasing: Bool {
        let capabilities = state.withLock { $0.negotiated?.serverCapabilities } ?? 0
        return ServerCapabilities(rawValue: capabilities).contains(.directoryLeasing)
    }

    func session(_ id: UInt64) -> Session? { state.withLock { $0.sessions[id] } }

    func insert(_ session: Session) throws(NTStatus) {
        let limits = server.limits
        let failure = state.withLock { state -> NTStatus? in
            if state.isGone { return .userSessionDeleted }
            let limit =
                state.isWithoutSessionSince == nil
                ? limits.sessionCountPerConnectionMax : limits.loginCountBeforeLoginMax
            if state.sessions.count >= limit { return .insufficientResources }
            state.sessions[session.id] = session
            return nil
        }
        if let failure { throw failure }
    }
    func remove(sessionID: UInt64) {
        let now = server.environment.uptime()
        state.withLock { state in
            state.sessions[sessionID] = nil
            // Who logs off is as long as a stranger there.
            if state.sessions.isEmpty, state.isWithoutSessionSince == nil { state.isWithoutSessionSince = now }
        }
        abandonLogin(sessionID)
    }

    /// Uses up the request's message IDs, [MS-SMB2] 3.3.5.2.3, and finds its session.
    func admit(_ header: SMB2Header) throws(DisconnectReason) -> (session: Session?, dialect: Dialect?) {
        let admitted = state.withLock { state -> (Session?, Dialect?)? in
            // In 2.0.2 the field is reserved; later, 0 means 1.
            let charge = state.negotiated?.supportsMultiCredit == true ? max(1, header.creditCharge) : 1
            guard state.window.consume(first: header.messageID, charge: charge) else { return nil }
            // After the multi-protocol 0x02FF nothing is settled yet, 3.3.5.3.2.
            let dialect = state.negotiated.flatMap { $0.isProvisional ? nil : $0.dialect }
            return (state.sessions[header.sessionID], dialect)
        }
        guard let admitted else { throw .protocolViolation("message ID outside the sequence window") }
        return admitted
    }

    /// Credits for a response, [MS-SMB2] 3.3.1.2: what was asked for, within the limit; the first requests of a
    /// connection get no more than they ask, so that a stranger cannot make the server queue much.
    func grantCredits(requested: UInt16, charge: UInt16) -> UInt16 {
        state.withLock { $0.window.grant(requested: max(requested, 1)) }
    }

    // MARK: parked requests

    func add(_ request: ParkedRequest) -> Bool {
        let limit = server.limits.parkedRequestCountPerConnectionMax
        return state.withLock { state in
            guard !state.isGone, state.parked.count < limit else { return false }
            state.parked[request.asyncID] = request
            return true
        }
    }
    func remove(_ request: ParkedRequest) { _ = state.withLock { $0.parked.removeValue(forKey: request.asyncID) } }

    func parkedRequest(asyncID: UInt64) -> ParkedRequest? { state.withLock { $0.parked[asyncID] } }
    func parkedRequest(messageID: UInt64) -> ParkedRequest? {
        state.withLock { $0.parked.values.first { $0.messageID == messageID } }
    }
    /// Those of a session, or of one tree connect in it.
    func parkedRequests(sessionID: UInt64, treeID: UInt32? = nil) -> [ParkedRequest] {
        state.withLock { state in
            state.parked.values.filter { $0.sessionID == sessionID && (treeID == nil || $0.treeID == treeID) }
        }
    }
}
