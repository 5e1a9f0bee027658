import NTTypes
import Platform
import SMBWire

/// Connections by the client that they say they are of, Connection.ClientGuid; oldest first.
final class ClientConnections: Sendable {
    private let connections = Mutex<[GUID: [Connection]]>([:])

    func insert(_ connection: Connection, of client: GUID) {
        guard client != .zero else { return }
        connections.withLock { $0[client, default: []].append(connection) }
    }

    func remove(_ connection: Connection, of client: GUID) {
        connections.withLock { connections in
            connections[client]?.removeAll { $0 === connection }
            if connections[client]?.isEmpty == true { connections[client] = nil }
        }
    }

    func connections(of client: GUID) -> [Connection] { connections.withLock { $0[client] ?? [] } }
}

extension BreakNotice {
    /// What seals it is known on the session's own connections only.
    var isSealed: Bool {
        let login = open.session.state.withLock { $0.login }
        return login?.sealingKey != nil
            && (login?.requiresEncryption == true || open.treeConnect.share.requiresEncryption)
    }
}

extension Server {
    /// Connections that can carry a break, the one to be tried first in front; none where the client is away.
    ///
    /// An oplock is its open's: the channel on which that was made hears of it, or else another of the session. A
    /// lease is its client's, whose oldest connection hears of it, as with smbd, whichever session it was made in. But
    /// who a client is, is only said: no connection counts on which the same user has not logged in, or one could have
    /// others' breaks, and they would never hear of them.
    func carriers(of notice: BreakNotice) -> [Connection] {
        let (own, user) = notice.open.session.state.withLock { ($0.channels.map(\.connection), $0.login?.user) }
        guard case .lease(let lease) = notice.holder else {
            let id = notice.open.connectionID
            return own.filter { $0.id == id } + own.filter { $0.id != id }
        }
        guard let first = own.first, let user, user.isAuthenticated, !notice.isSealed else { return own }
        let others = clientConnections.connections(of: lease.clientGUID).filter { connection in
            !own.contains { $0 === connection } && connection.serves(user)
        }
        return others.filter { $0.id < first.id } + own + others.filter { $0.id > first.id }
    }
}

extension Connection {
    /// The user has logged in here.
    fileprivate func serves(_ user: AuthenticatedUser) -> Bool {
        let sessions = state.withLock { Array($0.sessions.values) }
        return sessions.contains { session in
            session.state.withLock { state in
                guard state.phase == .valid, let other = state.login?.user else { return false }
                return other.isAuthenticated && other.name == user.name && other.domain == user.domain
            }
        }
    }
}
