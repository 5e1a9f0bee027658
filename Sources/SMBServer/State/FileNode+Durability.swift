import FileStore
import NTTypes
import Platform
import SMBWire

/// What a file does for opens whose client is away, [MS-SMB2] 3.3.7.1 and 3.3.5.9.7: they stay among its opens with all
/// that they hold.
extension FileNode.State {
    /// Whether an open may wait for its client. A durable one needs a cached handle that nobody has asked for: whoever
    /// does ask shall not wait for somebody who is away. Byte-range locks need W besides, since without it others may
    /// have read and written around them; Windows does the same.
    func canWait(_ open: Open, _ kind: Durability.Kind) -> Bool {
        if kind == .resilient { return true }
        guard let grant = grant(of: open), grant.breakingTo == nil, !grant.wasForced,
            grant.state.contains(.handle)
        else { return false }
        return grant.state.contains(.write) || locks.count(of: open) == 0
    }

    func grant(of open: Open) -> CacheGrant? { indexOfGrant(of: open).map { grants[$0] } }

    /// By its holder: a file that many cache has many grants, and their opens are not looked through one by one.
    func indexOfGrant(of open: Open) -> Int? {
        let holder = CacheGrant.Holder(open)
        guard let index = grants.firstIndex(where: { $0.holder == holder }),
            grants[index].opens.contains(where: { $0 === open })
        else { return nil }
        return index
    }

    fileprivate mutating func replace(_ old: Open, by new: Open) {
        guard opens.replace(old, by: new) else { return }
        locks.move(from: old, to: new)
        guard let index = indexOfGrant(of: old) else { return }
        grants[index].opens.removeAll { $0 === old }
        grants[index].opens.append(new)
        grants[index].holder = CacheGrant.Holder(new)
    }
}

extension CacheGrant {
    /// Where a break can be sent: through an open whose client is there, if there is one.
    var reachableOpen: Open? {
        opens.first { !$0.isDisconnected.load(ordering: .relaxed) } ?? opens.first
    }
    var granted: GrantedCaching {
        GrantedCaching(state: state, isBreaking: breakingTo != nil, version: version, epoch: epoch)
    }
}

extension FileNode {
    /// The client is away. - Returns: false if the open cannot wait for it.
    func disconnect(_ open: Open, _ kind: Durability.Kind) -> Bool {
        state.withLock { state in
            guard state.opens.contains(open), state.canWait(open, kind) else { return false }
            open.isDisconnected.store(true, ordering: .relaxed)
            return true
        }
    }

    /// The client is back: `new` takes the place of `old`, with its locks, oplock or lease.
    /// - Returns: what it may cache; nil if the open cannot be had any more.
    func reconnect(_ old: Open, as new: Open, _ kind: Durability.Kind) -> GrantedCaching? {
        state.withLock { state in
            guard state.opens.contains(old), state.canWait(old, kind) else { return nil }
            state.replace(old, by: new)
            base?.streamIsResumed(old, as: new)
            return state.grant(of: new)?.granted ?? GrantedCaching()
        }
    }

    /// What an open caches now, and under which lease.
    func caching(of open: Open) -> (granted: GrantedCaching, lease: LeaseIdentity?, version: Int) {
        state.withLock { state in
            guard let grant = state.grant(of: open) else { return (GrantedCaching(), nil, 0) }
            guard case .lease(let lease) = grant.holder else { return (grant.granted, nil, 0) }
            return (grant.granted, lease, grant.version)
        }
    }

    /// A holder's opens whose client is away.
    func disconnectedOpens(of holder: CacheGrant.Holder) -> [Open] {
        state.withLock { state in
            let opens = state.grants.first { $0.holder == holder }?.opens ?? []
            return opens.filter { $0.isDisconnected.load(ordering: .relaxed) }
        }
    }

    /// Opens whose client is away, by the name that `open` was made by, if that is to be deleted.
    func disconnectedOpens(pendingDeletionWith open: Open) -> [Open] {
        state.withLock { state in
            guard let removal = state.removal(of: open) else { return [] }
            return state.opens.filter { other in
                other.isDisconnected.load(ordering: .relaxed) && state.isSame(other.file.path, removal.name)
            }
        }
    }

    /// Opens whose client is away and who share a lease that another client's open has let go of.
    func strandedOpens() -> [Open] {
        state.withLock { state in
            state.opens.filter { $0.isDisconnected.load(ordering: .relaxed) && !state.canWait($0, .durable) }
        }
    }
}
