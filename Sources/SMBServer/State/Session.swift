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
        var treeConnects: [UInt32: TreeConnect] = [:]
        var opens: [UInt64: Open] = [:]
        var nextTreeID: UInt32 = 1
        /// Session.ChannelList: the connections it is reached by, oldest first.
        var channels: [Channel] = []
    }
    /// Channel, [MS-SMB2] 3.3.1.14.
    struct Channel: Sendable {
        let connection: Connection
        /// nil where the session was made: there the login's own key signs.
        let signingKey: SigningKey?
    }

    let id: UInt64
    let creationTime: FileTime
    /// What was negotiated where it was made; channels are held to it.
    let dialect: Dialect
    let cipher: UInt16
    let signingAlgorithm: UInt16
    let state: Mutex<State>

    /// - Parameter connection: nil for one that no client has, `OpenTrial`.
    init(id: UInt64, creationTime: FileTime, connection: Connection?, negotiated: Connection.Negotiated) {
        self.id = id
        self.creationTime = creationTime
        dialect = negotiated.dialect
        cipher = negotiated.cipher
        signingAlgorithm = negotiated.signingAlgorithm
        var initial = State()
        initial.channels = connection.map { [Channel(connection: $0, signingKey: nil)] } ?? []
        state = Mutex(initial)
    }

    // MARK: looked up for each request

    /// What the dispatcher needs to judge a request.
    struct Admission {
        var phase = Phase.closed
        var requiresEncryption = false
        /// There is a key, and all must be signed with it.
        var requiresSigning = false
        /// Only if it was asked for.
        var signingKey: SigningKey?
        var treeConnect: TreeConnect?
    }

    /// - Parameters:
    ///   - treeID: 0 for none.
    ///   - isSigned: whether the key is wanted.
    func admission(treeID: UInt32, isSigned: Bool, on connection: Connection) -> Admission {
        state.withLock { state in
            var found = Admission()
            let index = state.channels.firstIndex { $0.connection === connection }
            if let login = state.login {
                let channelKey = index.flatMap { state.channels[$0].signingKey }
                found.requiresEncryption = login.requiresEncryption
                found.requiresSigning = login.requiresSigning && (channelKey ?? login.signingKey) != nil
                if isSigned { found.signingKey = channelKey ?? login.signingKey }
            }
            // Or else it was just closed, or left this connection.
            guard index != nil else { return found }
            found.phase = state.phase
            if treeID != 0 { found.treeConnect = state.treeConnects[treeID] }
            return found
        }
    }

    func open(_ volatileID: UInt64) -> Open? { state.withLock { $0.opens[volatileID] } }

    // MARK: tables

    /// Adds an open. - Throws: `.insufficientResources` at the session's limit; `.userSessionDeleted` once it is
    /// closed, `.networkNameDeleted` once the tree connect is gone: nobody would ever close the open then.
    func insert(_ open: Open, limit: Int) throws(NTStatus) {
        let failure = state.withLock { state -> NTStatus? in
            guard state.phase != .closed else { return .userSessionDeleted }
            guard state.treeConnects[open.treeConnect.id] === open.treeConnect else { return .networkNameDeleted }
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
    func close() -> Remains? {
        state.withLock { state in
            guard state.phase != .closed else { return nil }
            state.phase = .closed
            defer {
                state.opens = [:]
                state.treeConnects = [:]
                state.channels = []
            }
            return Remains(
                opens: Array(state.opens.values), treeConnects: Array(state.treeConnects.values), login: state.login,
                connections: state.channels.map(\.connection))
        }
    }
    /// What a closed session leaves to be ended.
    struct Remains {
        let opens: [Open]
        let treeConnects: [TreeConnect]
        let login: Login?
        let connections: [Connection]
    }

    // MARK: channels

    /// The connections it is reached by, oldest first.
    var connections: [Connection] { state.withLock { $0.channels.map(\.connection) } }

    /// [MS-SMB2] 3.3.5.5.3: one more connection reaches the session.
    /// - Throws: `.insufficientResources` at the limit, `.userSessionDeleted` once it is closed, `.requestNotAccepted`
    ///   for a connection that reaches it already.
    func add(_ channel: Channel, limit: Int) throws(NTStatus) {
        let failure = state.withLock { state -> NTStatus? in
            guard state.phase != .closed else { return .userSessionDeleted }
            guard !state.channels.contains(where: { $0.connection === channel.connection }) else {
                return .requestNotAccepted
            }
            guard state.channels.count < limit else { return .insufficientResources }
            state.channels.append(channel)
            return nil
        }
        if let failure { throw failure }
    }

    /// The connection is gone. - Returns: whether no other is left.
    func removeChannel(_ connection: Connection) -> Bool {
        state.withLock { state in
            state.channels.removeAll { $0.connection === connection }
            return state.channels.isEmpty
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
