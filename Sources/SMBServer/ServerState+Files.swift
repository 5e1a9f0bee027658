import FileStore
import NTTypes
import Platform
import SMBWire

/// A transport connection, for those who manage the server.
public struct ConnectionState: Sendable {
    /// Unique for the life of the process.
    public var identifier: UInt64
    public var client: String
    /// A raw dialect revision; nil before NEGOTIATE.
    public var dialect: UInt16?
    public var clientGUID: GUID?
    /// As on the wire, [MS-SMB2] 2.2.3.1.2 and 2.2.3.1.7; 0 for none.
    public var cipher: UInt16
    public var signingAlgorithm: UInt16
    public var sessionCount: Int
    /// Requests that wait for something: a lock, a break, a change.
    public var parkedRequestCount: Int
    /// Requests received so far, by the message IDs they used up.
    public var messageCount: UInt64
    /// Seconds since it was made.
    public var age: UInt64
}

/// A lease, [MS-SMB2] 3.3.1.12.
public struct LeaseState: Sendable {
    public var clientGUID: GUID
    public var key: GUID
    public var share: String
    public var path: String
    /// R, H, W.
    public var caching: String
    /// What it is coming down to.
    public var breakingTo: String?
    public var openCount: Int
}

/// A byte-range lock.
public struct LockState: Sendable {
    /// Of `OpenState`.
    public var open: UInt64
    public var share: String
    public var path: String
    public var user: String
    /// In bytes.
    public var offset: UInt64
    public var length: UInt64
    public var isExclusive: Bool
}

extension Connection {
    public var description: ConnectionState {
        let now = server.environment.uptime()
        return state.withLock { state in
            ConnectionState(
                identifier: id, client: transport.remoteAddress, dialect: state.negotiated?.dialect.rawValue,
                clientGUID: state.negotiated?.clientGUID, cipher: state.negotiated?.cipher ?? 0,
                signingAlgorithm: state.negotiated?.signingAlgorithm ?? 0, sessionCount: state.sessions.count,
                parkedRequestCount: state.parked.count, messageCount: state.window.low,
                age: (now - creationUptime) / 1_000_000_000)
        }
    }
}

extension Server {
    /// - Parameter limit: entries at most; which ones, if there are more, is not said.
    public func leaseStates(limit: Int) -> [LeaseState] {
        leases.first(limit).compactMap { identity, node in
            node.state.withLock { state in
                guard let grant = state.grants.first(where: { $0.holder == .lease(identity) }),
                    let open = grant.opens.first
                else { return nil }
                return LeaseState(
                    clientGUID: identity.clientGUID, key: identity.key, share: open.treeConnect.share.name,
                    path: open.file.path.description, caching: grant.state.letters,
                    breakingTo: grant.breakingTo?.letters, openCount: grant.opens.count)
            }
        }
    }

    /// - Parameter limit: entries at most; which ones, if there are more, is not said.
    public func lockStates(limit: Int) -> [LockState] {
        var found: [LockState] = []
        for node in files.all {
            guard found.count < limit else { break }
            let locks = node.state.withLock { $0.locks.first(limit - found.count) }
            found += locks.map { lock in
                LockState(
                    open: lock.open.fileID.volatile, share: lock.open.treeConnect.share.name,
                    path: lock.open.file.path.description,
                    user: lock.open.session.state.withLock { $0.login?.user.name } ?? "", offset: lock.offset,
                    length: lock.length, isExclusive: lock.isExclusive)
            }
        }
        return found
    }
}

extension CacheState {
    /// As administrators know them: R, RH, RW, RWH.
    var letters: String {
        (contains(.read) ? "R" : "") + (contains(.write) ? "W" : "") + (contains(.handle) ? "H" : "")
    }
}
