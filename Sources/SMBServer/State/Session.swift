import FileStore
import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Session, [MS-SMB2] 3.3.1.8. Reached through several connections once channels are bound to it.
final class Session: Sendable {
    /// Session.State and what exists only in it.
    enum Phase: Sendable { case inProgress, valid, expired, closed }

    /// What a finished login leaves behind; replaced as a whole by re-authentication.
    final class Login: Sendable {
        let user: AuthenticatedUser
        /// Session.SigningRequired.
        let requiresSigning: Bool
        /// Session.EncryptData.
        let requiresEncryption: Bool
        /// nil for guests and anonymous users, who have no key.
        let signingKey: SigningKey?
        /// What the server seals with.
        let sealingKey: SealingKey?
        /// What the client seals with.
        let unsealingKey: SealingKey?

        init(
            user: AuthenticatedUser, requiresSigning: Bool, requiresEncryption: Bool, signingKey: SigningKey?,
            sealingKey: SealingKey?, unsealingKey: SealingKey?
        ) {
            self.user = user
            self.requiresSigning = requiresSigning
            self.requiresEncryption = requiresEncryption
            self.signingKey = signingKey
            self.sealingKey = sealingKey
            self.unsealingKey = unsealingKey
        }
    }

    struct State {
        var phase = Phase.inProgress
        var login: Login?
        /// The login that is going on: the control plane's name for it, and the hash over its messages.
        var exchange: UInt64?
        var preauthHash: PreauthIntegrityHash?
        var treeConnects: [UInt32: TreeConnect] = [:]
        var opens: [UInt64: Open] = [:]
        var nextTreeID: UInt32 = 1
        /// Connections it is reached by; the first one is where it was made.
        var channels: [ObjectIdentifier: Channel] = [:]
    }
    /// Channel, [MS-SMB2] 3.3.1.14.
    struct Channel {
        let connection: Connection
        let signingKey: SigningKey?
    }

    let id: UInt64
    let creationTime: FileTime
    let dialect: Dialect
    let state: Mutex<State>

    init(id: UInt64, creationTime: FileTime, dialect: Dialect) {
        self.id = id
        self.creationTime = creationTime
        self.dialect = dialect
        state = Mutex(State())
    }

    // MARK: looked up for each request

    /// What the dispatcher needs to judge a request, in one locked step.
    func admission(treeID: UInt32, on connection: Connection) -> (
        phase: Phase, login: Login?, signingKey: SigningKey?, treeConnect: TreeConnect?
    ) {
        state.withLock { state in
            // One channel, the usual case, needs no look-up.
            let key = state.channels.count < 2 ? nil : state.channels[ObjectIdentifier(connection)]?.signingKey
            return (
                state.phase, state.login, key ?? state.login?.signingKey, treeID == 0 ? nil : state.treeConnects[treeID]
            )
        }
    }

    func open(_ volatileID: UInt64) -> Open? { state.withLock { $0.opens[volatileID] } }

    // MARK: tables

    /// Adds an open. - Throws: `.insufficientResources` at the session's limit; `.userSessionDeleted` once it is
    /// closed.
    func insert(_ open: Open, limit: Int) throws(NTStatus) {
        let failure = state.withLock { state -> NTStatus? in
            guard state.phase != .closed else { return .userSessionDeleted }
            guard state.opens.count < limit else { return .insufficientResources }
            state.opens[open.fileID.volatile] = open
            return nil
        }
        if let failure { throw failure }
    }

    /// Takes an open out; nil if someone else did already, who then closes it.
    func removeOpen(_ volatileID: UInt64) -> Open? { state.withLock { $0.opens.removeValue(forKey: volatileID) } }

    func insertTreeConnect(limit: Int, _ make: (UInt32) -> TreeConnect) throws(NTStatus) -> TreeConnect {
        let made = state.withLock { state -> TreeConnect? in
            guard state.phase != .closed, state.treeConnects.count < limit else { return nil }
            while state.nextTreeID == 0 || state.nextTreeID == .max || state.treeConnects[state.nextTreeID] != nil {
                state.nextTreeID &+= 1
            }
            let tree = make(state.nextTreeID)
            state.treeConnects[tree.id] = tree
            state.nextTreeID &+= 1
            return tree
        }
        guard let made else { throw .insufficientResources }
        return made
    }

    /// Ends a tree connect and hands over the opens that lived in it.
    func removeTreeConnect(_ id: UInt32) -> (TreeConnect, [Open])? {
        state.withLock { state in
            guard let tree = state.treeConnects.removeValue(forKey: id) else { return nil }
            let opens = state.opens.values.filter { $0.treeConnect === tree }
            for open in opens { state.opens[open.fileID.volatile] = nil }
            return (tree, opens)
        }
    }

    /// Ends the session: nothing can be added any more, and everything in it is the caller's to close.
    func close() -> (opens: [Open], treeConnects: [TreeConnect], login: Login?)? {
        state.withLock { state in
            guard state.phase != .closed else { return nil }
            state.phase = .closed
            defer {
                state.opens = [:]
                state.treeConnects = [:]
                state.channels = [:]
            }
            return (Array(state.opens.values), Array(state.treeConnects.values), state.login)
        }
    }
}

/// GlobalSessionTable, [MS-SMB2] 3.3.1.5.
final class SessionTable: Sendable {
    private let sessions = Mutex<[UInt64: Session]>([:])

    func insert(_ session: Session, limit: Int) throws(NTStatus) {
        let isFull = sessions.withLock { sessions in
            if sessions.count >= limit { return true }
            sessions[session.id] = session
            return false
        }
        if isFull { throw .insufficientResources }
    }
    func find(_ id: UInt64) -> Session? { sessions.withLock { $0[id] } }

    /// Sessions whose login has an end, [MS-SMB2] 3.3.1.8 Session.ExpirationTime.
    private let expiring = Mutex<[UInt64: Session]>([:])

    /// The session's login has an end, or a new one.
    func watchExpiry(of session: Session) { expiring.withLock { $0[session.id] = session } }

    /// What has come to its end is expired, [MS-SMB2] 3.3.5.2.9. To be called a few times a second.
    func expire(now: FileTime) {
        expiring.withLock { watched in
            watched = watched.filter { _, session in
                session.state.withLock { state -> Bool in
                    guard state.phase == .valid, let end = state.login?.user.expiry else { return false }
                    if end <= now { state.phase = .expired }
                    return end > now
                }
            }
        }
    }

    func remove(_ id: UInt64) {
        sessions.withLock { $0[id] = nil }
        expiring.withLock { $0[id] = nil }
    }
    var all: [Session] { sessions.withLock { Array($0.values) } }
    var count: Int { sessions.withLock { $0.count } }
}
