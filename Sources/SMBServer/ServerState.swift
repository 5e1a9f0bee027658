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
}

public struct TreeConnectState: Sendable {
    /// The session's identifier shifted by 16, and the tree's.
    public var identifier: UInt64
    public var share: String
    public var user: String
    public var client: String
    public var openCount: Int
    public var age: UInt64
}

public struct OpenState: Sendable {
    public var identifier: UInt64
    public var path: String
    public var share: String
    public var user: String
    public var lockCount: Int
    public var access: AccessMask
}

extension Server {
    /// Each list is ordered by identifier and begins behind `after`: a client of many opens is asked for in parts.
    /// - Parameters:
    ///   - user: nil for all.
    ///   - limit: entries at most.
    public func sessionStates(user: String?, after: UInt64, limit: Int) -> [SessionState] {
        var found: [SessionState] = []
        for (session, login) in loggedIn(user) where session.id > after {
            let (openCount, client) = session.state.withLock { state in (state.opens.count, state.clientAddress) }
            found.append(
                SessionState(
                    identifier: session.id, user: login.name, client: client, isGuest: login.isGuest,
                    openCount: openCount, age: age(of: session)))
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
                        openCount: opens.count { $0.treeConnect === tree }, age: age(of: session)))
            }
        }
        return Array(found.sorted { $0.identifier < $1.identifier }.prefix(limit))
    }

    public func openStates(user: String?, after: UInt64, limit: Int) -> [OpenState] {
        var found: [(user: String, open: Open)] = []
        for (session, login) in loggedIn(user) {
            let opens = session.state.withLock { $0.opens.values.filter { $0.fileID.volatile > after } }
            found += opens.map { (login.name, $0) }
        }
        return found.sorted { $0.open.fileID.volatile < $1.open.fileID.volatile }.prefix(limit).map { user, open in
            OpenState(
                identifier: open.fileID.volatile, path: open.file.path.description, share: open.treeConnect.share.name,
                user: user, lockCount: open.node.withLocks { $0.count(of: open) }, access: open.grantedAccess)
        }
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
    fileprivate var clientAddress: String { channels.first?.connection.transport.remoteAddress ?? "" }
}
