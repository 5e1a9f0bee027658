import FileStore
import NTTypes
import Platform
import SMBWire

/// A CREATE that is sent again since its answer was lost, [MS-SMB2] 3.3.5.9.10.
extension CreateHandler {
    static func replayKey(_ input: Input, _ context: borrowing RequestContext) -> CreateReplayTable.Key? {
        input.contexts.durability == nil ? nil : CreateReplayTable.Key(identity(input, context))
    }

    /// Opens the file once, however often the request comes.
    static func createOnce(
        _ key: CreateReplayTable.Key, _ input: Input, in store: any FileStore, _ context: inout RequestContext
    ) throws(NTStatus) -> CreateResponse {
        let replays = context.server.createReplays
        // One that has waited is under way already.
        if context.parkedRequest == nil {
            switch replays.begin(key, isReplay: context.header.flags.contains(.replayOperation)) {
            case .new: break
            case .refused(let status): throw status
            case .made(let open, let action): return try replay(open, action, input, in: &context)
            }
        }
        do throws(NTStatus) {
            if context.wakeReason == .cancelled || context.wakeReason == .closed { throw .cancelled }
            let (open, response) = try create(input, in: store, &context)
            open.isReplayEligible.store(true, ordering: .relaxed)
            replays.finish(key, open, response.createAction)
            // Its session may have ended meanwhile, and taken it along.
            if open.state.withLock({ $0.isClosed }) { replays.remove(open) }
            return response
        } catch {
            // What waits is asked about, and got, by its key: it need not end with its channel.
            if error == .pending { context.parkedRequest?.outlivesConnection = true } else { replays.finish(key, nil) }
            throw error
        }
    }

    /// The same answer again, as far as it is still true. What the request asks for otherwise now changes nothing.
    private static func replay(
        _ made: Open, _ action: CreateAction, _ input: Input, in context: inout RequestContext
    ) throws(NTStatus) -> CreateResponse {
        var open = made
        if open.isDisconnected.load(ordering: .relaxed) { (open, _) = try reattach(open, input, in: &context) }
        // The open lives in another session: whoever asks here has no part in it. CVE-2026-23427.
        guard open.session === context.session, open.treeConnect === context.treeConnect else {
            throw .duplicateObjectID
        }
        let (caching, lease, _) = open.node.caching(of: open)
        let request = cachingRequest(input, open, in: context)
        let requestedLease: LeaseIdentity? = if case .lease(let lease) = request { lease.identity } else { nil }
        guard requestedLease == lease else { throw .accessDenied }
        var told = caching
        if case .oplock(let wanted) = request {
            told.state = wanted.intersection(caching.state)
            if !told.state.contains(.write) { told.state.formIntersection(.read) }
        }
        var response = response(
            for: open, try open.file.information(), input, in: &context, maximalAccess: open.grantedAccess)
        response.createAction = action
        response.answer(request, told)
        if let durability = open.state.withLock({ $0.durability }), told.state.contains(.handle),
            let answer = input.contexts.durability?.answer(durability.timeout)
        {
            response.contexts.append(answer)
        }
        return response
    }
}
