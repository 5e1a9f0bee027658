import FileStore
import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// What a handler is told about the request it handles, and all that it may do besides calling the file store.
struct RequestContext: ~Copyable {
    let connection: Connection
    let admission: RequestAdmission
    /// The request came sealed.
    let isSealed: Bool
    /// Where the response goes: the header is in it already, the handler appends the body.
    let reply: PDUBuffer
    /// Of the response's SMB2 header in `reply`: the protocol's offsets count from there.
    let headerStart: Int
    /// Stands in for the FileId of all ones, [MS-SMB2] 3.3.5.2.7.2; what this request opened or used, for the next.
    var relatedFileID: FileID?
    /// A warning to send with the body (`.bufferOverflow`), or success.
    var status: NTStatus = .success
    /// This request is not the last of its compound.
    let isFollowed: Bool
    /// Nor is it the first.
    let isAlone: Bool
    /// Set when the request was parked and runs again.
    private(set) var parkedRequest: ParkedRequest?
    let wakeReason: ParkedRequest.WakeReason?
    /// What the record of a refusal says beyond the status. Touched only by what refuses.
    var refusal = RefusalNote()
    /// What the error response carries besides the status, [MS-SMB2] 2.2.2.
    var errorResponse = ErrorResponse()

    // What the dispatcher is to do with the response beyond the ordinary.
    /// What to hash it into (NEGOTIATE, SESSION_SETUP).
    var preauthTarget = PreauthTarget.none
    /// Sign it with this key although the request was not signed: the last SESSION_SETUP response.
    var responseSigningKey: SigningKey?
    /// A session or tree connect that this request made.
    var responseSessionID: UInt64?
    var responseTreeID: UInt32?
    /// What it has opened, if more requests of its compound follow: those may close it.
    var opened: Open?
    /// What it changes, until it is over.
    private var changing: Open?
    /// Answer nothing and end the connection.
    var disconnectReason: DisconnectReason?

    enum PreauthTarget {
        case none, connection
        /// The login under way of a session.
        case login(UInt64)
    }

    init(
        connection: Connection, admission: consuming RequestAdmission, isSealed: Bool, reply: PDUBuffer,
        headerStart: Int,
        relatedFileID: FileID?,
        isFollowed: Bool, isAlone: Bool, parkedRequest: ParkedRequest?, wakeReason: ParkedRequest.WakeReason?
    ) {
        self.connection = connection
        self.admission = admission
        self.isSealed = isSealed
        self.reply = reply
        self.headerStart = headerStart
        self.relatedFileID = relatedFileID
        self.isFollowed = isFollowed
        self.isAlone = isAlone
        self.parkedRequest = parkedRequest
        self.wakeReason = wakeReason
    }

    var server: Server { connection.server }
    var header: SMB2Header { admission.header }
    var dialect: Dialect { admission.dialect }
    /// nil only for the commands that need none.
    var sessionOrNil: Session? { admission.session }
    var treeConnectOrNil: TreeConnect? { admission.treeConnect }
    /// The request came with a good signature, or sealed.
    var isAuthentic: Bool { admission.isAuthentic }
    var limits: Limits { server.limits }
    var now: FileTime { server.environment.now() }

    /// The request's session; the command's row has seen to it that there is one.
    var session: Session {
        guard let session = admission.session else { preconditionFailure("the command's row demands a session") }
        return session
    }
    /// The request's tree connect; the command's row has seen to it that there is one.
    var treeConnect: TreeConnect {
        guard let tree = admission.treeConnect else { preconditionFailure("the command's row demands a tree connect") }
        return tree
    }

    /// The open that a request names. [MS-SMB2] 3.3.5.10 and its likes: both halves of the FileId must name the same
    /// open, in this session and tree connect. - Throws: `.fileClosed`.
    mutating func open(_ fileID: FileID) throws(NTStatus) -> Open {
        var wanted = fileID
        // [MS-SMB2] 3.3.5.2.7.2: a related request is about the file of the one before, whatever it says itself.
        if header.flags.contains(.relatedOperations), let relatedFileID { wanted = relatedFileID }
        guard let open = find(wanted) else { throw .fileClosed }
        relatedFileID = wanted
        // The client knows its handle, so it has seen the CREATE's answer.
        if open.isReplayEligible.load(ordering: .relaxed) {
            open.isReplayEligible.store(false, ordering: .relaxed)
            server.createReplays.remove(open)
        }
        open.order.observe(channelSequence)
        return open
    }

    private borrowing func find(_ fileID: FileID) -> Open? {
        guard let open = admission.session?.open(fileID.volatile), open.fileID == fileID,
            open.treeConnect === admission.treeConnect
        else { return nil }
        return open
    }

    /// [MS-SMB2] 2.2.1.2: dialects before 3.0 have a reserved field in its place.
    var channelSequence: UInt16 { dialect.isSMB3 ? header.channelSequence : 0 }

    /// The open that a request names in order to change something, [MS-SMB2] 3.3.5.2.10; the dispatcher says when it
    /// has.
    /// - Throws: `.fileNotAvailable` when it comes from before a channel failed, or repeats what may be under way.
    mutating func openToChange(_ fileID: FileID) throws(NTStatus) -> Open {
        let open = try self.open(fileID)
        // One that waited is counted already.
        let isCounted = parkedRequest != nil
        let isReplay = header.flags.contains(.replayOperation)
        guard isCounted || open.order.begin(channelSequence, isReplay: isReplay) else { throw .fileNotAvailable }
        changing = open
        return open
    }

    /// The request is over.
    mutating func endChange() {
        changing?.order.end(channelSequence)
        changing = nil
    }

    /// Changes need a share that allows them.
    func requireWritable() throws(NTStatus) {
        guard treeConnect.isWritable else { throw .accessDenied.because(.readOnlyShare(missing: .writeData)) }
    }

    /// [MS-SMB2] 3.3.5.2.5: a payload of more than 64 KiB costs a credit for each 64 KiB begun.
    func requireCredits(payload: Int) throws(NTStatus) {
        guard dialect >= .smb210 else {
            guard payload <= 65_536 else { throw .invalidParameter }
            return
        }
        guard payload <= Int(max(1, header.creditCharge)) * 65_536 else { throw .invalidParameter }
    }

    /// Makes this request one that waits; see `ParkedRequest`. Leave the result with what it waits for (it may be
    /// woken at once), check again whether waiting is still needed, then throw `.pending`.
    /// - Parameters:
    ///   - timeout: after which it is woken anyway; nil for none.
    ///   - sendsInterim: false keeps the client waiting without a word.
    ///   - keepsHeaderOnly: see `ParkedRequest`; for one that is alone.
    /// - Throws: `.insufficientResources` at the connection's limit, `.internalError` in the middle of a compound.
    mutating func park(
        timeout: Duration? = nil, sendsInterim: Bool = true, keepsHeaderOnly: Bool = false
    ) throws(NTStatus) -> ParkedRequest {
        precondition(!keepsHeaderOnly || isAlone)
        // [MS-SMB2] 3.3.5.2.7: in the middle of a compound only an open may wait.
        guard !isFollowed || !sendsInterim || header.command == SMB2Command.create.rawValue else {
            throw .internalError
        }
        let request: ParkedRequest
        if let parkedRequest {
            request = parkedRequest
        } else {
            request = ParkedRequest(
                asyncID: server.makeIdentifier(), connection: connection, header: header, sendsInterim: sendsInterim,
                keepsHeaderOnly: keepsHeaderOnly)
            guard connection.add(request) else { throw .insufficientResources }
            parkedRequest = request
        }
        request.setDeadline(timeout.map { server.environment.uptime() + $0.nanoseconds })
        request.awaitsMoment = false
        return request
    }

    /// A holder has been asked to let go, and has not answered in time.
    var breakHasTimedOut: Bool { wakeReason == .timeout && parkedRequest?.awaitsMoment == false }

    /// Waits until handles are closed that nobody holds in earnest, without a word.
    /// - Returns: nil once it has waited for `closeAfterBreakTimeout`.
    mutating func parkForMoment() throws(NTStatus) -> ParkedRequest? {
        let now = server.environment.uptime()
        let latest = now + limits.closeAfterBreakTimeout.nanoseconds
        let deadline = parkedRequest?.closeDeadline(orSet: latest) ?? latest
        guard now < deadline else { return nil }
        let parked = try park(timeout: .nanoseconds(Int64(deadline - now)), sendsInterim: false)
        _ = parked.closeDeadline(orSet: deadline)
        parked.awaitsMoment = true
        return parked
    }

    /// Waits for what passes in a moment.
    /// - Parameter look: what is in the way; it has the request woken once that has passed.
    /// - Returns: whether something is in the way that does not pass.
    /// - Throws: `.pending` while it may.
    mutating func awaitMoments(_ look: (ParkedRequest?) -> FileNode.Obstacle) throws(NTStatus) -> Bool {
        let obstacle = look(nil)
        guard obstacle == .passing, let parked = try parkForMoment() else { return obstacle != .none }
        switch look(parked) {
        case .none: return false
        case .passing: throw .pending
        case .lasting: return true
        }
    }

    /// Waits until nobody else is taking the name away. (Who takes too long is waited for no longer, and met again.)
    mutating func awaitDeparture(of name: NTPath, from nodes: [FileNode]) throws(NTStatus) {
        for node in nodes where try awaitMoments({ node.departure(of: name, $0) }) {
            throw .accessDenied.because(.deletePending)
        }
    }

    /// Data has changed through `open`: what others have cached of it is stale. Called once it has: who is given the
    /// right to cache between a break and the change would keep what was there before.
    func breakReaders(by open: Open) { server.send(open.node.breakReaders(by: open)) }

    /// Others let go of their cached handles before the file's name changes, [MS-FSA] 2.1.5.15.3 and 2.1.5.15.11.
    /// - Throws: `.pending` while they do; the request then runs again.
    mutating func awaitHandles(of open: Open) throws(NTStatus) {
        if breakHasTimedOut { server.completeBreaks(of: open.node) }
        if try breakHandles(of: open.node, by: open) { throw .pending }
    }

    /// The same for files that lose their name to `open`'s; who has them open keeps them.
    mutating func awaitHandles(of nodes: [FileNode], by open: Open) throws(NTStatus) {
        for node in nodes {
            if breakHasTimedOut { server.completeBreaks(of: node) }
            if try breakHandles(of: node, by: open) { throw .pending }
        }
    }

    /// Files that are in the way of a name: whoever keeps one of them open only in its cache is asked, one after the
    /// other, to close it.
    /// - Parameter isInTheWay: of a file's opens, those that count.
    /// - Throws: `.pending` while one is being asked, and for `closeAfterBreakTimeout` after; `refusal` as soon as one
    ///   is open in earnest.
    mutating func awaitClose(
        of nodes: [FileNode], besides open: Open, orThrow refusal: NTStatus = .accessDenied,
        where isInTheWay: (Open) -> Bool = { _ in true }
    ) throws(NTStatus) {
        for node in nodes where breakHasTimedOut { server.completeBreaks(of: node) }
        // What was opened since this request began to wait is not waited for.
        let newest = parkedRequest?.asyncID ?? .max
        var inTheWay: [FileNode] = []
        for node in nodes where try awaitMoments({ node.obstacle($0, where: isInTheWay) }) { inTheWay.append(node) }
        guard inTheWay.allSatisfy({ $0.isKeptByCaches(before: newest, where: isInTheWay) }) else {
            if try isClosing(inTheWay, before: newest, where: isInTheWay) { throw .pending }
            throw refusal.because(.openElsewhere)
        }
        for node in inTheWay where try breakHandles(of: node, by: open) { throw .pending }
        guard inTheWay.isEmpty else { throw refusal.because(.openElsewhere) }
    }

    /// When this request began, others' caches kept all of these open. Linux's client acknowledges the break and closes
    /// its handle up to a second later. Refused meanwhile, another of its kind deletes the file that is in the way, and
    /// renames again: for that long there is no such name, and the first goes on reading the file that is gone. git
    /// loses commits that way. Windows refuses at once.
    /// - Returns: whether this request waits for the handles to be closed.
    private mutating func isClosing(
        _ nodes: [FileNode], before newest: UInt64, where isInTheWay: (Open) -> Bool
    ) throws(NTStatus) -> Bool {
        guard parkedRequest != nil, let parked = try parkForMoment() else { return false }
        return nodes.allSatisfy { $0.awaitClose(before: newest, parked, where: isInTheWay) }
    }

    /// - Returns: whether an answer is outstanding; this request then waits for it.
    private mutating func breakHandles(of node: FileNode, by open: Open) throws(NTStatus) -> Bool {
        var (mustWait, notices) = node.breakHandles(by: open, parked: parkedRequest)
        server.send(notices)
        guard mustWait, parkedRequest == nil else { return mustWait }
        let parked = try park(timeout: limits.oplockBreakTimeout, sendsInterim: false)
        (mustWait, notices) = node.breakHandles(by: open, parked: parked)
        server.send(notices)
        return mustWait
    }
}
