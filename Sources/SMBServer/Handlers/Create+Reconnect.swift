import FileStore
import NTTypes
import Platform
import SMBWire

/// A client that comes back for an open, [MS-SMB2] 3.3.5.9.7 and 3.3.5.9.12.
extension CreateHandler {
    static func reconnect(
        _ request: ReconnectRequest, _ input: Input, in context: inout RequestContext
    ) throws(NTStatus) -> CreateResponse {
        guard let old = context.server.durableOpens.find(request.persistentID) else { throw .objectNameNotFound }
        // The first version names no create GUID, and so may have back what was made with one.
        if let guid = request.createGUID, guid != old.identity.createGUID { throw .objectNameNotFound }
        let (open, caching) = try reattach(old, input, in: &context)
        let information = try open.file.information()
        var response = response(for: open, information, input, in: &context, maximalAccess: open.grantedAccess)
        response.answer(input.contexts.lease.map { .lease($0) } ?? .none, caching)
        return response
    }

    /// Makes an open whose client is away this session's, after every check that it is its own.
    /// - Throws: `.objectNameNotFound` also when it was lost meanwhile.
    static func reattach(
        _ old: Open, _ input: Input, in context: inout RequestContext
    ) throws(NTStatus) -> (Open, GrantedCaching) {
        let server = context.server
        let durability = try checkOwnership(of: old, input, context)
        // Something sent over the lost connection is still being done: it must not overtake what comes next.
        if old.order.outstandingCount > 0 {
            _ = try context.park(timeout: context.limits.reconnectRetryInterval)
            throw .pending
        }
        guard server.durableOpens.take(old) else { throw .objectNameNotFound }
        let new = Open(
            resuming: old,
            fileID: FileID(persistent: old.fileID.persistent, volatile: server.makeIdentifier()),
            connectionID: context.connection.id, treeConnect: context.treeConnect,
            clientGUID: context.connection.negotiated?.clientGUID ?? .zero,
            channelSequence: context.channelSequence)
        do throws(NTStatus) {
            try context.session.insert(new, limit: context.limits.openCountPerSessionMax)
        } catch {
            server.disconnect(old)
            throw error
        }
        guard let caching = old.node.reconnect(old, as: new, durability.kind) else {
            _ = context.session.removeOpen(new.fileID.volatile)
            server.close(old)
            throw .objectNameNotFound
        }
        server.createReplays.replace(old, by: new)
        return (new, caching)
    }

    /// Every check but that of the create GUID. Whose it is comes first: a stranger learns nothing else.
    private static func checkOwnership(
        of open: Open, _ input: Input, _ context: borrowing RequestContext
    ) throws(NTStatus) -> Durability {
        guard let durability = open.state.withLock({ $0.durability }),
            let user = context.session.state.withLock({ $0.login?.user })
        else { throw .objectNameNotFound }
        guard user.isAuthenticated, durability.owner == .init(user) else { throw .accessDenied }
        let tree = context.treeConnect
        guard open.treeConnect.share.name == tree.share.name else { throw .objectNameNotFound }
        // The share may be read-only by now.
        guard tree.isWritable || open.grantedAccess.isSubset(of: tree.maximalAccess) else { throw .accessDenied }
        // A lease is the client's, and comes back under its own key and version; an oplock comes back without one.
        let (_, lease, version) = open.node.caching(of: open)
        guard input.contexts.lease?.identity == lease, lease == nil || input.contexts.lease?.version == version else {
            throw .objectNameNotFound
        }
        if lease != nil {
            let name = try? NTPath(clientName: input.name)
            guard let name, isSame(name, open.file.path) else { throw .invalidParameter }
        }
        return durability
    }

    private static func isSame(_ a: NTPath, _ b: NTPath) -> Bool {
        a.components.map(\.folded) == b.components.map(\.folded) && a.stream?.folded == b.stream?.folded
    }
}
