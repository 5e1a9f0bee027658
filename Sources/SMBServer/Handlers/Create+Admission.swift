import FileStore
import NTTypes
import Platform
import SMBWire

/// The part of an open that looks at other opens, [MS-FSA] 2.1.5.1.2: sharing, and what others cache.
extension CreateHandler {
    /// SMB2_OPLOCK_LEVEL_LEASE: a lease context says what is wanted.
    static let leaseOplockLevel: UInt8 = 0xFF

    /// - Returns: nil once handles of clients that are away have been closed: the file must be opened anew.
    /// - Throws: `.pending` while somebody's cache comes down; the request then runs again.
    static func admit(
        _ opened: OpenedFile, _ path: NTPath, _ input: Input, in context: inout RequestContext
    ) throws(NTStatus) -> (Open, GrantedCaching)? {
        let server = context.server
        let node = server.files.retain(opened.file.identity, stream: path.stream)
        let open = makeOpen(opened, node, input, context)
        let admitted: GrantedCaching?
        do throws(NTStatus) {
            admitted =
                try takeOverInstance(for: open, in: context)
                ? nil : try admit(open, to: node, input, isNew: opened.action == .created, in: &context)
        } catch {
            server.abandon(open)
            throw error
        }
        guard let caching = admitted else {
            server.abandon(open)
            return nil
        }
        do throws(NTStatus) {
            guard server.openCount.load(ordering: .relaxed) < server.adjustableLimits.openCountMax else {
                throw .insufficientResources
            }
            try context.session.insert(open, limit: server.limits.openCountPerSessionMax)
        } catch {
            server.localWatches.end(open)
            let departure = node.remove(open, deletesOnClose: false)
            // It may have been what kept a name from going.
            server.removeNames(departure, of: open)
            server.settle(departure, of: open)
            throw error
        }
        server.openCount.wrappingAdd(1, ordering: .relaxed)
        if context.isFollowed { context.opened = open }
        return (open, caching)
    }

    private static func makeOpen(
        _ opened: OpenedFile, _ node: FileNode, _ input: Input, _ context: borrowing RequestContext
    ) -> Open {
        var granted = opened.grantedAccess
        let tree = context.treeConnect
        if !tree.isWritable { granted.formIntersection(tree.maximalAccess) }
        // What was added for the sake of overwriting is not the client's, unless it asked for it.
        let asked = input.desiredAccess.expandingGenericRights
        if !asked.contains(.maximumAllowed) { granted.formIntersection(asked) }
        let id = context.server.makeIdentifier()
        // What an open can be had back by is for nobody to guess, and never the same again.
        let persistentID = input.contexts.durability == nil ? id : context.server.environment.randomUInt64() >> 1
        let open = Open(
            fileID: FileID(persistent: persistentID, volatile: id), file: opened.file, node: node,
            session: context.session, connectionID: context.connection.id, treeConnect: tree, grantedAccess: granted,
            shareAccess: input.shareAccess, options: input.options, identity: identity(input, context),
            creationTime: context.now, channelSequence: context.channelSequence)
        if context.isFollowed { open.isMomentary.store(true, ordering: .relaxed) }
        return open
    }

    /// What the open may ask for: the lease of its context, or an oplock. [MS-SMB2] 3.3.5.9.8: a lease context counts
    /// only with its own level.
    static func cachingRequest(_ input: Input, _ open: Open, in context: borrowing RequestContext) -> CachingRequest {
        guard open.treeConnect.share.allowsCaching else { return .none }
        if input.oplockLevel != leaseOplockLevel { return .oplock(CacheState(oplockLevel: input.oplockLevel)) }
        guard let lease = input.contexts.lease else { return .none }
        // 3.3.5.9.8 and 3.3.5.9.11: a folder takes the second version only, where that is offered.
        if open.isDirectory, lease.version < 2 || !context.connection.hasDirectoryLeasing { return .none }
        // A file that Linux opens on a mount with the POSIX extensions has the mode of the mount's options until Linux
        // looks at it again, and with a lease on the folder it does not look.
        if open.isDirectory, open.file.isPOSIX { return .none }
        return .lease(lease)
    }

    private static func admit(
        _ open: Open, to node: FileNode, _ input: Input, isNew: Bool, in context: inout RequestContext
    ) throws(NTStatus) -> GrantedCaching? {
        let server = context.server
        var request = cachingRequest(input, open, in: context)
        // Who caches a folder must hear of all that changes in it.
        if open.isDirectory, case .lease(var lease) = request, !server.watchLocally(open, watchesTree: false) {
            lease.state = []
            request = .lease(lease)
        }
        let isGuarded = !open.isDirectory && open.treeConnect.share.guardsAgainstLocalUse && request.wantsAnything
        if isGuarded { server.localGuards.begin(open, in: server) }
        // 3.3.5.9.8: one lease, one file, whether or not it would be granted.
        if input.oplockLevel == leaseOplockLevel, let lease = input.contexts.lease,
            let other = server.leases.node(of: lease.identity), other !== node
        {
            throw .invalidParameter
        }
        // 3.3.6.1: whoever has not answered in time has lost its oplock.
        if context.breakHasTimedOut { server.completeBreaks(of: node) }
        var notices: [BreakNotice] = []
        let overwrites = input.overwrites && !isNew
        var admission = node.admit(
            open, request, overwrites: overwrites, parked: context.parkedRequest, &notices)
        if server.send(notices), !admission.isAdmitted { return nil }
        if context.parkedRequest == nil, let parked = try context.park(for: admission) {
            notices = []
            // Once more, now that whoever makes room will wake us: it may have happened in between.
            admission = node.admit(open, request, overwrites: overwrites, parked: parked, &notices)
            if server.send(notices), !admission.isAdmitted { return nil }
        }
        switch admission {
        case .refused(let status):
            if case .shareMode(let holder) = status.cause { context.refusal.note(holder: holder, in: node) }
            throw status
        case .mustWait:
            // It may have waited for something else so far.
            if context.parkedRequest?.awaitsMoment == true { _ = try context.park(for: admission) }
            throw .pending
        case .mustAwaitMoment(let refusal):
            guard try context.park(for: admission) != nil else { throw refusal }
            throw .pending
        case .admitted(let caching):
            if isGuarded { server.localGuards.begin(open, in: server) }
            if case .lease(let lease) = request {
                _ = server.leases.insert(lease.identity, node)
                if open.isDirectory { server.directoryLeases.insert(open) }
            }
            return caching
        }
    }
}

extension RequestContext {
    /// Waits for what an open was not admitted for. - Returns: nil if it cannot, or has for long enough.
    fileprivate mutating func park(for admission: FileNode.Admission) throws(NTStatus) -> ParkedRequest? {
        switch admission {
        case .admitted, .refused: nil
        case .mustWait: try park(timeout: limits.oplockBreakTimeout)
        case .mustAwaitMoment: try parkForMoment()
        }
    }
}

extension Server {
    /// An open that was not admitted.
    fileprivate func abandon(_ open: Open) {
        if open.isDirectory { localWatches.end(open) } else { localGuards.end(open.node) }
        files.release(open.node)
    }
}

extension CreateResponse {
    /// Says what may be cached, in the words of the request.
    mutating func answer(_ request: CachingRequest, _ caching: GrantedCaching) {
        if case .lease(let lease) = request {
            oplockLevel = CreateHandler.leaseOplockLevel
            contexts.append(lease.answer(caching))
        } else {
            oplockLevel = caching.state.oplockLevel
        }
    }
}

extension LeaseRequest {
    /// SMB2_CREATE_RESPONSE_LEASE and its second version, [MS-SMB2] 2.2.14.2.10 and 2.2.14.2.11.
    func answer(_ granted: GrantedCaching) -> CreateContext {
        var flags: UInt32 = granted.isBreaking ? 2 : 0
        if parentKey != nil, granted.version == 2 { flags |= 4 }
        var data: [UInt8] = []
        data.appendLittleEndian(identity.key.low)
        data.appendLittleEndian(identity.key.high)
        data.appendLittleEndian(granted.state.rawValue)
        data.appendLittleEndian(flags)
        data.appendLittleEndian(0 as UInt64)
        if granted.version == 2 {
            data.appendLittleEndian(parentKey?.low ?? 0)
            data.appendLittleEndian(parentKey?.high ?? 0)
            data.appendLittleEndian(granted.epoch)
            data.appendLittleEndian(0 as UInt16)
        }
        return CreateContext(name: .lease, data: data)
    }
}
