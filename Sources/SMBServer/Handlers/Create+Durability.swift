import FileStore
import NTTypes
import Platform
import SMBWire

/// Granting durability, and giving way to a newer instance of an application: [MS-SMB2] 3.3.5.9.6, .10 and .13.
extension CreateHandler {
    /// What the open will be known by.
    static func identity(_ input: Input, _ context: borrowing RequestContext) -> CreateIdentity {
        let clientGUID = context.connection.negotiated?.clientGUID ?? .zero
        return CreateIdentity(
            clientGUID: clientGUID, createGUID: input.contexts.durability?.createGUID ?? .zero,
            appInstance: input.contexts.appInstance,
            lease: input.oplockLevel == leaseOplockLevel ? input.contexts.lease?.identity : nil,
            parentLeaseKey: input.contexts.lease?.parentKey)
    }

    /// Makes an open durable where it may be. - Returns: what tells the client so, [MS-SMB2] 2.2.14.2.3 and .12.
    static func grantDurability(
        _ input: Input, _ open: Open, _ caching: GrantedCaching, in context: borrowing RequestContext
    ) -> CreateContext? {
        // 3.3.5.9.6 and 3.3.5.9.10: with a batch oplock or a lease that caches handles, and no folder.
        guard let request = input.contexts.durability, caching.state.contains(.handle), !open.isDirectory,
            open.treeConnect.share.allowsDurability,
            let user = context.session.state.withLock({ $0.login?.user }),
            // A guest cannot show that it is the one who left: every stranger is a guest too.
            user.isAuthenticated
        else { return nil }
        let timeout = request.timeout(within: context.limits)
        open.state.withLock {
            $0.durability = Durability(kind: .durable, owner: .init(user), timeout: timeout)
        }
        return request.answer(timeout)
    }

    /// 3.3.5.9.13: an instance of an application on another machine takes over from one that has the same name, before
    /// anything is arbitrated.
    /// - Returns: whether opens were closed.
    /// - Throws: `.fileForcedClosed` when the other one is newer.
    static func takeOverInstance(for open: Open, in context: borrowing RequestContext) throws(NTStatus) -> Bool {
        guard let instance = open.identity.appInstance else { return false }
        let (path, share) = (open.file.path, open.treeConnect.share.name)
        let older = open.node.opens.filter { other in
            other.identity.appInstance?.id == instance.id && other.file.path == path
                && other.treeConnect.share.name == share && other.identity.clientGUID != open.identity.clientGUID
        }
        if let version = instance.version {
            for case let other? in older.map(\.identity.appInstance?.version) where other >= version {
                throw .fileForcedClosed
            }
        }
        for other in older { context.server.forceClose(other) }
        return !older.isEmpty
    }
}

extension DurabilityRequest {
    func timeout(within limits: Limits) -> Duration {
        guard isSecondVersion else { return limits.durableTimeoutOfFirstVersion }
        guard timeoutMilliseconds != 0 else { return limits.durableTimeoutDefault }
        return min(.milliseconds(Int64(timeoutMilliseconds)), limits.durableTimeoutMax)
    }

    func answer(_ timeout: Duration) -> CreateContext {
        guard isSecondVersion else {
            return CreateContext(name: .durableHandleRequest, data: [UInt8](repeating: 0, count: 8))
        }
        var data: [UInt8] = []
        data.appendLittleEndian(UInt32(clamping: timeout.nanoseconds / 1_000_000))
        // Not persistent: a server that starts again knows nothing of it.
        data.appendLittleEndian(0 as UInt32)
        return CreateContext(name: .durableHandleRequestV2, data: data)
    }
}
