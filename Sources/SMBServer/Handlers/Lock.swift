import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 LOCK Request, [MS-SMB2] 3.3.5.14.
enum LockHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: LockRequest
        do { request = try LockRequest(from: &reader) } catch { throw .invalidParameter }
        try handle(request, in: &context)
        LockResponse().encode(into: context.reply)
    }

    static func handle(_ request: LockRequest, in context: inout RequestContext) throws(NTStatus) {
        // The open may be gone when a waiting request is woken for the last time.
        if let parked = context.parkedRequest, context.wakeReason != .event, context.wakeReason != .timeout {
            try giveUp(request, parked, context)
        }
        guard let first = request.locks.first, request.locks.count <= context.limits.lockCountPerRequestMax else {
            throw .invalidParameter
        }
        let open = try context.open(request.fileID)
        guard !open.isDirectory, open.pipe == nil else { throw .invalidDeviceRequest }
        let isNumbered = isNumbered(open, context)
        // One that has waited is no other than the one that was looked at when it came.
        if isNumbered, context.parkedRequest == nil,
            open.state.withLock({ $0.lockSequences.begin(request.lockSequence) })
        {
            return
        }
        if first.flags.contains(.unlock) {
            // Letting go is all that an expired session may still do, [MS-SMB2] 3.3.5.2.9.
            try unlock(request.locks, open, context.server)
        } else {
            guard context.session.state.withLock({ $0.phase != .expired }) else { throw .networkSessionExpired }
            try open.requireAny(of: [.readData, .writeData])
            try lock(request.locks, open, in: &context)
        }
        if isNumbered { open.state.withLock { $0.lockSequences.finish(request.lockSequence) } }
    }

    /// 3.3.5.14: where a client may come back, or come through another channel, LockSequenceNumber tells its requests
    /// apart.
    private static func isNumbered(_ open: Open, _ context: borrowing RequestContext) -> Bool {
        guard context.dialect != .smb202 else { return false }
        if open.state.withLock({ $0.durability != nil }) { return true }
        let capabilities = ServerCapabilities(rawValue: context.connection.negotiated?.serverCapabilities ?? 0)
        return context.dialect.isSMB3 && capabilities.contains(.multiChannel)
    }

    private static func giveUp(
        _ request: LockRequest, _ parked: ParkedRequest, _ context: borrowing RequestContext
    ) throws(NTStatus) {
        if let open = context.sessionOrNil?.open(request.fileID.volatile) {
            open.node.withLocks { $0.stopWaiting(parked) }
        }
        // [MS-SMB2] 3.3.4.17 and Windows: a lock that waited on a handle that went away was not there to be had.
        throw context.wakeReason == .cancelled ? .cancelled : .rangeNotLocked
    }

    /// Processing unlocks, 3.3.5.14.1: one after the other; what was unlocked before one fails stays unlocked.
    private static func unlock(_ locks: [LockRequest.Element], _ open: Open, _ server: Server) throws(NTStatus) {
        for element in locks {
            guard element.flags == .unlock else { throw .invalidParameter }
            let (wasLocked, woken) = open.node.withLocks { table -> (Bool, [ParkedRequest]) in
                let found = table.remove(offset: element.offset, length: element.length, of: open)
                if found { _ = tellLocally(element.offset, element.length, open, table) }
                return (found, found ? table.takeWaiters() : [])
            }
            for waiting in woken { waiting.wake(.event) }
            guard wasLocked else { throw .rangeNotLocked }
        }
    }

    /// Processing locks, 3.3.5.14.2: all of them or none.
    private static func lock(
        _ locks: [LockRequest.Element], _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        var wanted: [ByteRangeLocks.Lock] = []
        for element in locks {
            let kind = element.flags.subtracting(.failImmediately)
            guard kind == .shared || kind == .exclusive else { throw .invalidParameter }
            // With more than one lock none may wait.
            guard locks.count == 1 || element.flags.contains(.failImmediately) else { throw .invalidParameter }
            guard element.length == 0 || element.offset <= .max - (element.length - 1) else { throw .invalidLockRange }
            wanted.append(
                ByteRangeLocks.Lock(
                    open: open, offset: element.offset, length: element.length, isExclusive: kind == .exclusive))
        }
        let mayWait = locks.count == 1 && !locks[0].flags.contains(.failImmediately)
        let limit = context.limits.lockCountPerOpenMax
        guard open.node.withLocks({ $0.count(of: open) }) + wanted.count <= limit else { throw .insufficientResources }
        // A range that is locked must be read from the server, [MS-FSA] 2.1.5.8.
        context.server.send(open.node.breakReaders(by: open))
        let outcome = tryLock(wanted, open, waiting: nil)
        if outcome == .granted { return }
        if outcome == .closed { throw .fileClosed }
        guard mayWait else { throw .lockNotGranted }
        // Nobody says when another program lets go: the lock is tried again and again.
        let parked = try context.park(timeout: outcome == .heldLocally ? context.limits.lockRetryInterval : nil)
        // Once more, now that whoever frees the range will wake us: it may have happened in between.
        switch tryLock(wanted, open, waiting: parked) {
        case .granted: return
        case .held: throw .pending
        case .closed: throw .fileClosed
        case .heldLocally:
            _ = try context.park(timeout: context.limits.lockRetryInterval)
            throw .pending
        }
    }

    enum Outcome {
        case granted
        /// By another open.
        case held
        /// By another program.
        case heldLocally
        /// The open was closed meanwhile.
        case closed
    }

    static func tryLock(_ wanted: [ByteRangeLocks.Lock], _ open: Open, waiting: ParkedRequest?) -> Outcome {
        open.node.withLocks(of: open) { table -> Outcome in
            var outcome = Outcome.granted
            var added = 0
            for lock in wanted {
                guard table.add(lock) else {
                    outcome = .held
                    break
                }
                added += 1
                guard tellLocally(lock.offset, lock.length, open, table) else {
                    outcome = .heldLocally
                    break
                }
            }
            guard outcome != .granted else { return outcome }
            table.removeLast(added)
            for lock in wanted.prefix(added) { _ = tellLocally(lock.offset, lock.length, open, table) }
            if let waiting { table.wait(waiting, on: open) }
            return outcome
        } ?? .closed
    }

    /// Has other programs see what the open's locks come to in a range, under the node's lock, since they must see the
    /// last state last. - Returns: false if one of them has a lock there.
    private static func tellLocally(
        _ offset: UInt64, _ length: UInt64, _ open: Open, _ table: ByteRangeLocks
    ) -> Bool {
        guard length > 0, open.treeConnect.share.showsLocksLocally else { return true }
        for piece in table.pieces(of: open, offset: offset, length: length) {
            do throws(NTStatus) {
                try open.file.setLocalLock(piece.lock, offset: piece.offset, length: piece.length)
            } catch { if error == .lockNotGranted { return false } }
        }
        return true
    }
}
