import NTTypes
import Platform
import SMBWire

/// Oplocks and leases of one file or stream, [MS-FSA] 2.1.4.12 and 2.1.5.18, [MS-SMB2] 3.3.1.4. Everything is decided
/// under the node's lock; what must be sent is handed back and sent without it.
extension FileNode.State {
    /// Opens with no more than these rights disturb nobody's cache: [MS-FSA] 2.1.4.12.
    private static let statAccess: AccessMask = [.readAttributes, .writeAttributes, .synchronize]

    static func isStatOpen(_ access: AccessMask, forLease: Bool) -> Bool {
        access.isSubset(of: forLease ? statAccess.union(.readControl) : statAccess)
    }

    /// Brings the grants of others down as far as a new open demands.
    /// - Returns: whether one of them must be waited for.
    mutating func breakForOpen(
        by holder: CacheGrant.Holder, access: AccessMask, overwrites: Bool, hasConflict: Bool,
        _ notices: inout [BreakNotice]
    ) -> Bool {
        var mustWait = false
        for index in grants.indices {
            let current = grants[index].state
            let delays = grants[index].delaysOpens
            // The many that only read are in nobody's way.
            guard hasConflict || overwrites || delays || current.contains(.write), grants[index].holder != holder else {
                continue
            }
            let isStat = Self.isStatOpen(access, forLease: grants[index].isLease) && !overwrites
            if hasConflict {
                // Whoever caches the handle may close it and so make room.
                guard current.contains(.handle) else { continue }
                if beginBreak(index, to: current.subtracting(.handle), &notices) { mustWait = true }
            } else if !isStat {
                if current.contains(.write) || delays {
                    let target = overwrites ? [] : current.subtracting(.write)
                    if beginBreak(index, to: target, &notices) { mustWait = true }
                } else if overwrites, !current.isEmpty {
                    // Nothing is lost by what was only read: nobody waits for it.
                    _ = beginBreak(index, to: [], &notices)
                }
            }
        }
        return mustWait
    }

    /// Others may not keep what they have read: a write, a truncation, a byte-range lock. Nobody waits. A level II
    /// oplock goes even when its own holder writes: [MS-FSA] 2.1.4.12 knows no owner of it.
    /// - Parameter isNew: the holder has been granted its oplock with this very change.
    mutating func breakReaders(
        except holder: CacheGrant.Holder?, isNew: Bool = false, _ notices: inout [BreakNotice]
    ) {
        for index in grants.indices {
            let grant = grants[index]
            let isSpared = grant.holder == holder && (isNew || grant.isLease || grant.state.contains(.write))
            if !isSpared, !grant.state.isEmpty { _ = beginBreak(index, to: [], &notices) }
        }
    }

    /// Nobody may keep data that he has changed: another program opens the file. - Returns: whether to wait.
    mutating func breakWriters(_ notices: inout [BreakNotice]) -> Bool {
        var mustWait = false
        for index in grants.indices where grants[index].state.contains(.write) {
            if beginBreak(index, to: grants[index].state.subtracting(.write), &notices) { mustWait = true }
        }
        return mustWait
    }

    /// Others may not keep what they have read of a folder. Nobody waits.
    /// - Parameter key: of the lease whose holder knows.
    mutating func breakListings(knownTo key: GUID?, _ notices: inout [BreakNotice]) {
        for index in grants.indices where !grants[index].state.isEmpty {
            if let key, case .lease(let lease) = grants[index].holder, lease.key == key { continue }
            _ = beginBreak(index, to: [], &notices)
        }
    }

    /// Others may not keep handles: a rename or a deletion. - Returns: whether one of them must be waited for.
    mutating func breakHandles(except holder: CacheGrant.Holder?, _ notices: inout [BreakNotice]) -> Bool {
        var mustWait = false
        for index in grants.indices where grants[index].holder != holder {
            guard grants[index].state.contains(.handle) else { continue }
            if beginBreak(index, to: grants[index].state.subtracting(.handle), &notices) { mustWait = true }
        }
        return mustWait
    }

    /// - Returns: whether an acknowledgment is outstanding.
    private mutating func beginBreak(
        _ index: Int, to target: CacheState, isFurtherStep: Bool = false, _ notices: inout [BreakNotice]
    ) -> Bool {
        // One break at a time: the next begins with this one's acknowledgment.
        if grants[index].breakingTo != nil {
            grants[index].breakFurther(to: target)
            return true
        }
        var new = grants[index].state.intersection(target)
        // An oplock comes down to level II or to nothing, [MS-SMB2] 2.2.23.1.
        if !grants[index].isLease { new.formIntersection(.read) }
        guard new != grants[index].state, let open = grants[index].reachableOpen else { return false }
        let needsAcknowledgment = !grants[index].state.isDisjoint(with: [.write, .handle])
        // A further step belongs to the change that was told before, as Windows counts.
        if grants[index].version == 2, !isFurtherStep { grants[index].epoch &+= 1 }
        notices.append(
            BreakNotice(
                holder: grants[index].holder, from: grants[index].state, to: new,
                requiresAcknowledgment: needsAcknowledgment, epoch: grants[index].epoch, open: open))
        if needsAcknowledgment {
            grants[index].delaysOpens = isFurtherStep || grants[index].state.contains(.write)
            grants[index].breakingTo = new
        } else {
            grants[index].state = new
        }
        return needsAcknowledgment
    }

    // MARK: granting

    /// Grants what the others leave room for, and adds the open to the holder's. [MS-FSA] 2.1.5.18.
    mutating func grant(_ request: CachingRequest, to open: Open) -> GrantedCaching {
        switch request {
        case .none: return GrantedCaching()
        case .oplock(let wanted):
            guard !open.isDirectory else { return GrantedCaching() }
            var state = available(wanted, to: .open(open.fileID.volatile), by: open)
            // Without W, exclusive and batch are level II; with `kernel oplocks`, nothing, as smbd has made its users
            // used to: the kernel's oplock is one holder's. Leases are more than it knows.
            if !state.contains(.write) {
                state = open.treeConnect.share.guardsAgainstLocalUse ? [] : state.intersection(.read)
            }
            guard !state.isEmpty else { return GrantedCaching() }
            grants.append(CacheGrant(holder: .open(open.fileID.volatile), state: state, opens: [open]))
            return GrantedCaching(state: state)
        case .lease(let request): return grant(request, to: open)
        }
    }

    private mutating func grant(_ request: LeaseRequest, to open: Open) -> GrantedCaching {
        let holder = CacheGrant.Holder.lease(request.identity)
        var wanted = request.state.normalized
        // A folder has no data to be written back.
        if open.isDirectory { wanted.remove(.write) }
        let state = available(wanted, to: holder, by: open)
        guard let index = grants.firstIndex(where: { $0.holder == holder }) else {
            // What was not granted has not changed: the client's own epoch goes back to it.
            let epoch = request.version == 2 ? (state.isEmpty ? request.epoch : request.epoch &+ 1) : 0
            grants.append(
                CacheGrant(
                    holder: holder, state: state, version: request.version, epoch: epoch,
                    parentKey: request.parentKey, opens: [open]))
            return GrantedCaching(state: state, version: request.version, epoch: epoch)
        }
        grants[index].opens.append(open)
        // [MS-SMB2] 3.3.5.9.8: a lease grows to all that is asked for, or stays; while it breaks it does neither.
        if grants[index].breakingTo == nil, state == wanted, state.isStrictSuperset(of: grants[index].state) {
            grants[index].state = state
            if grants[index].version == 2 { grants[index].epoch &+= 1 }
        }
        return grants[index].granted
    }

    /// - Parameter open: the newcomer, which is among the opens already.
    private func available(_ wanted: CacheState, to holder: CacheGrant.Holder, by open: Open) -> CacheState {
        var state = wanted
        let isLease = if case .lease = holder { true } else { false }
        // What is locked by those who cache nothing may change without the cache's knowing; a lease's holder is told.
        if !locks.isEmpty, !isLease || locks.hasOwner(where: { grant(of: $0)?.isLease != true }) {
            return []
        }
        let own = grants.first { $0.holder == holder }?.opens ?? []
        let hasOthers = opens.contains { other in
            // Here READ_CONTROL counts, though it breaks no lease.
            other !== open && !own.contains { $0 === other }
                && !Self.isStatOpen(other.grantedAccess, forLease: false)
        }
        if hasOthers { state.remove(.write) }
        for other in grants where other.holder != holder && !other.state.isEmpty {
            // An open that disturbs nobody is let in beside a writer's cache, and gets none of its own.
            if other.state.contains(.write) { return [] }
            // What others have read, nobody may change on its own.
            state.remove(.write)
            if isLease {
                // An oplock knows no H, and breaks to nothing when an H would have to.
                if !other.isLease { state.remove(.handle) }
            } else if other.state.contains(.handle) {
                state = []
            }
        }
        return state.normalized
    }

    // MARK: letting go

    /// An open is closed. - Returns: the lease that is gone with it.
    mutating func release(_ open: Open) -> LeaseIdentity? {
        guard let index = indexOfGrant(of: open) else { return nil }
        grants[index].opens.removeAll { $0 === open }
        guard grants[index].opens.isEmpty else { return nil }
        return if case .lease(let identity) = grants.remove(at: index).holder { identity } else { nil }
    }

    /// The holder keeps `new` of what it had. Where others have asked for more meanwhile, the next break begins, a step
    /// at a time: W, then H, then R. - Returns: whether those who wait can go on.
    mutating func acknowledge(_ index: Int, _ new: CacheState, _ notices: inout [BreakNotice]) -> Bool {
        let further = grants[index].breakingFurtherTo ?? new
        grants[index].state = new
        grants[index].endBreak()
        var mustWait = false
        while !mustWait, !grants[index].state.isSubset(of: further) {
            let state = grants[index].state
            let excess = state.subtracting(further)
            let step: CacheState = excess.contains(.write) ? .write : excess.contains(.handle) ? .handle : state
            mustWait = beginBreak(index, to: state.subtracting(step), isFurtherStep: true, &notices)
            if mustWait { grants[index].breakFurther(to: further) }
        }
        return !mustWait
    }

    /// Nobody answered in time, or nobody is there to answer: [MS-SMB2] 3.3.6.1 and 3.3.6.2 leave nothing of it.
    mutating func completeBreaks(of holder: CacheGrant.Holder?) {
        for index in grants.indices where holder == nil || grants[index].holder == holder {
            guard grants[index].breakingTo != nil else { continue }
            grants[index].state = []
            grants[index].endBreak()
            grants[index].wasForced = true
        }
    }
}
