import FileStore
import NTTypes
import Platform
import SMBWire

/// What is going on, for those who manage the server: [MS-SRVS] asks for it, and `apus status`.
public struct SessionState: Sendable {
    public var identifier: UInt64
    public var user: String
    public var client: String
    public var isGuest: Bool
    public var openCount: Int
    /// Seconds since it was made.
    public var age: UInt64
    public var domain: String
    public var isAnonymous: Bool
    /// A raw dialect revision, [MS-SMB2] 2.2.3.
    public var dialect: UInt16
    public var requiresSigning: Bool
    public var requiresEncryption: Bool
    /// Of `ConnectionState`: those it is reached by.
    public var connections: [UInt64]
    public var treeConnectCount: Int
}

public struct TreeConnectState: Sendable {
    /// The session's identifier shifted by 16, and the tree's.
    public var identifier: UInt64
    public var share: String
    public var user: String
    public var client: String
    public var openCount: Int
    public var age: UInt64
    public var session: UInt64
    public var isWritable: Bool
    // Since it was made.
    public var readByteCount: UInt64
    public var writtenByteCount: UInt64
    public var requestCount: UInt64
}

public struct OpenState: Sendable {
    public var identifier: UInt64
    public var path: String
    public var share: String
    public var user: String
    public var lockCount: Int
    public var access: AccessMask
    public var session: UInt64
    public var client: String
    public var shareAccess: ShareAccess
    public var isDirectory: Bool
    /// What the client may cache: R, H, W; empty for nothing.
    public var caching: String
    /// That is a lease; otherwise an oplock.
    public var isLease: Bool
    public var creationTime: FileTime
}

extension Server {
    /// Each list is ordered by identifier and begins behind `after`: a client of many opens is asked for in parts.
    /// - Parameters:
    ///   - user: nil for all.
    ///   - limit: entries at most.
    public func sessionStates(user: String?, after: UInt64, limit: Int) -> [SessionState] {
        var found: [SessionState] = []
        for (session, login) in loggedIn(user) where session.id > after {
            found.append(describe(session, login))
        }
        return Array(found.sorted { $0.identifier < $1.identifier }.prefix(limit))
    }

    public func treeConnectStates(user: String?, after: UInt64, limit: Int) -> [TreeConnectState] {
        var found: [TreeConnectState] = []
        for (session, login) in loggedIn(user) {
            let (trees, opens, client) = session.state.withLock { state in
                (Array(state.treeConnects.values), Array(state.opens.values), state.clientAddress)
            }
            for tree in trees {
                let identifier = session.id << 16 | UInt64(tree.id & 0xFFFF)
                guard identifier > after else { continue }
                found.append(
                    TreeConnectState(
                        identifier: identifier, share: tree.share.name, user: login.name, client: client,
                        openCount: opens.count { $0.treeConnect === tree }, age: age(of: session),
                        session: session.id, isWritable: tree.isWritable,
                        readByteCount: tree.readByteCount.load(ordering: .relaxed),
                        writtenByteCount: tree.writtenByteCount.load(ordering: .relaxed),
                        requestCount: tree.requestCount.load(ordering: .relaxed)))
            }
        }
        return Array(found.sorted { $0.identifier < $1.identifier }.prefix(limit))
    }

    public func openStates(user: String?, after: UInt64, limit: Int) -> [OpenState] {
        var found: [(user: String, client: String, open: Open)] = []
        for (session, login) in loggedIn(user) {
            let (opens, client) = session.state.withLock { state in
                (state.opens.values.filter { $0.fileID.volatile > after }, state.clientAddress)
            }
            found += opens.map { (login.name, client, $0) }
        }
        return found.sorted { $0.open.fileID.volatile < $1.open.fileID.volatile }.prefix(limit).map { found in
            describe(found.open, user: found.user, client: found.client)
        }
    }

    private func describe(_ session: Session, _ user: AuthenticatedUser) -> SessionState {
        session.state.withLock { state in
            SessionState(
                identifier: session.id, user: user.name, client: state.clientAddress, isGuest: user.isGuest,
                openCount: state.opens.count, age: age(of: session), domain: user.domain,
                isAnonymous: user.isAnonymous, dialect: session.dialect.rawValue,
                requiresSigning: state.login?.requiresSigning ?? false,
                requiresEncryption: state.login?.requiresEncryption ?? false,
                connections: state.channels.map(\.connection.id).sorted(),
                treeConnectCount: state.treeConnects.count)
        }
    }

    func describe(_ open: Open, user: String, client: String) -> OpenState {
        let (lockCount, caching, isLease) = open.node.state.withLock { state in
            let grant = state.grant(of: open)
            return (state.locks.count(of: open), grant?.state.letters ?? "", grant?.isLease ?? false)
        }
        return OpenState(
            identifier: open.fileID.volatile, path: open.file.path.description, share: open.treeConnect.share.name,
            user: user, lockCount: lockCount, access: open.grantedAccess, session: open.session.id, client: client,
            shareAccess: open.shareAccess, isDirectory: open.isDirectory, caching: caching, isLease: isLease,
            creationTime: open.creationTime)
    }

    /// Closes an open as if its client had. - Parameter identifier: the lower half of its FileId's volatile part.
    /// - Returns: false if there is none.
    public func closeOpen(_ identifier: UInt32) -> Bool {
        for session in sessions.all {
            let open = session.state.withLock { state in
                state.opens.values.first { UInt32(truncatingIfNeeded: $0.fileID.volatile) == identifier }
            }
            guard let open, let own = session.removeOpen(open.fileID.volatile) else { continue }
            close(own)
            return true
        }
        return false
    }

    /// Ends sessions, [MS-SMB2] 3.3.4.12. - Returns: false if there was none.
    public func endSessions(client: String?, user: String?) -> Bool {
        var hasEnded = false
        for (session, _) in loggedIn(user) {
            guard client == nil || client == session.state.withLock({ $0.clientAddress }) else { continue }
            hasEnded = true
            end(session)
        }
        return hasEnded
    }

    /// Ends one session, and what is open in it. - Returns: false if there is none.
    public func endSession(_ identifier: UInt64) -> Bool {
        guard let session = sessions.find(identifier) else { return false }
        end(session)
        return true
    }

    /// Ends all use of a share that is one no more, [MS-SMB2] 3.3.4.12 and [MS-SRVS] 3.1.4.12.
    public func endTreeConnects(of share: String) {
        for session in sessions.all {
            let trees = session.state.withLock { state in
                state.treeConnects.values.filter { $0.share.name.lowercased() == share.lowercased() }.map(\.id)
            }
            for tree in trees { endTreeConnect(tree, of: session) }
        }
    }

    /// Closes an open as if its client had. - Parameter fileID: the volatile part of its FileId.
    /// - Returns: false if there is none.
    public func closeOpen(fileID: UInt64) -> Bool {
        for session in sessions.all {
            guard let open = session.removeOpen(fileID) else { continue }
            close(open)
            return true
        }
        return false
    }

    /// All opens of what `isMeant` says, given a share's name and a path in it.
    public func openStates(where isMeant: (_ share: String, _ path: String) -> Bool) -> [OpenState] {
        loggedIn(nil).flatMap { session, login in
            let (opens, client) = session.state.withLock { state in
                (state.opens.values.filter { $0.pipe == nil }, state.clientAddress)
            }
            return opens.filter { isMeant($0.treeConnect.share.name, $0.file.path.description) }
                .map { describe($0, user: login.name, client: client) }
        }
    }

    private func loggedIn(_ user: String?) -> [(Session, AuthenticatedUser)] {
        sessions.all.compactMap { session in
            guard let login = session.state.withLock({ $0.phase == .closed ? nil : $0.login }) else { return nil }
            guard user == nil || login.user.name.lowercased() == user?.lowercased() else { return nil }
            return (session, login.user)
        }
    }

    private func age(of session: Session) -> UInt64 {
        let now = environment.now().rawValue
        return now > session.creationTime.rawValue ? (now - session.creationTime.rawValue) / 10_000_000 : 0
    }
}

extension Session.State {
    /// Of the client, on one of the session's connections.
    var clientAddress: String { channels.first?.connection.transport.remoteAddress ?? "" }
}
