import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// What became of one request of a message.
enum RequestOutcome {
    /// Answered, or in no need of an answer; go on with the next.
    case next
    case finished
    /// It waits; `isFirstTime` false when the client has had its interim response already.
    case parked(ParkedRequest, isFirstTime: Bool)
}

/// What the checks common to all requests found for one.
struct RequestAdmission: ~Copyable {
    /// As received; in a related compound with the session and tree of the request before.
    var header: SMB2Header
    var dialect: Dialect
    var session: Session?
    var treeConnect: TreeConnect?
    /// What the response is signed with, since the request claimed to be signed.
    var signingKey: SigningKey?
    /// The request came sealed, or its signature was right.
    var isAuthentic = false
    /// Set when the request is refused before any handler sees it.
    var refusal: NTStatus?
}

/// One request: the checks common to all of them, the handler, and the response around what it wrote.
extension Connection {
    /// Handles the request at the start of `rest`.
    func processRequest(
        _ rest: UnsafeMutableRawBufferPointer, _ position: inout SuspendedCompound.Position,
        _ chain: inout ResponseChain,
        resuming parked: ParkedRequest?
    ) throws(DisconnectReason) -> RequestOutcome {
        // SAFETY: `rest` is part of the message, which outlives this call; `length` lies within it.
        let (received, length) = try unsafe requestHeader(rest)
        position.offset += length
        position.current = received
        position.count += 1
        guard position.count <= server.limits.compoundRequestCountMax else {
            throw .protocolViolation("too many requests in a compound")
        }
        // SAFETY: as above.
        let request = unsafe UnsafeMutableRawBufferPointer(rebasing: rest[..<length])
        if received.command == SMB2Command.cancel.rawValue {
            // SAFETY: the request's bytes outlive the call.
            unsafe cancel(received, request, position)
            return length == rest.count ? .finished : .next
        }
        var admission =
            if let parked { readmit(received, parked, position) } else {
                // SAFETY: the request's bytes outlive the call.
                try unsafe admit(received, request, &position)
            }
        position.signingKey = admission.signingKey
        if chain.byteCount > server.limits.compoundReplyByteCountMax { admission.refusal = .insufficientResources }

        // What an earlier CREATE of the message has opened is a handle like any other to a later one.
        if received.command == SMB2Command.create.rawValue { position.endMoment() }
        let headerStart = chain.begin(received.makeResponse(status: .success))
        var context = RequestContext(
            connection: self, admission: admission, isSealed: position.sealedBy != nil, reply: chain.reply,
            headerStart: headerStart, relatedFileID: position.fileID,
            isFollowed: length != rest.count, isAlone: length == rest.count && position.count == 1,
            parkedRequest: parked, wakeReason: parked?.begin())
        var times = RequestTimes(begin: position.begin)
        // SAFETY: the request's bytes outlive the call.
        if times.areWanted { unsafe observeStart(&times, request, context, parked: parked, queue: position.queue) }
        // SAFETY: as above.
        var status = unsafe run(request, position, &context)
        if times.areWanted { times.handlerEnd = server.environment.uptime() }
        if let reason = context.disconnectReason { throw reason }
        if status == .pending, let waiting = context.parkedRequest {
            if context.wakeReason == .cancelled || context.wakeReason == .closed {
                status = .cancelled
            } else {
                waiting.beginWait(times)
                waiting.retain(session: context.sessionOrNil, treeConnect: context.treeConnectOrNil)
                chain.abandon()
                position.offset -= length
                return .parked(waiting, isFirstTime: parked == nil)
            }
        }
        context.endChange()
        complete(&chain, &context, status, wasParked: parked != nil)
        if times.areWanted { position.begin = observeEnd(times, context, status, received: length) }
        position.inherit(from: context, status: status)
        return length == rest.count ? .finished : .next
    }

    /// The header, and how many bytes belong to this request: [MS-SMB2] 3.3.5.2.7.
    private func requestHeader(_ rest: UnsafeMutableRawBufferPointer) throws(DisconnectReason) -> (SMB2Header, Int) {
        let header: SMB2Header
        do {
            // SAFETY: the span ends with this scope, the bytes later.
            var reader = unsafe WireReader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rest)))
            header = try SMB2Header(from: &reader)
        } catch { throw .protocolViolation("not an SMB2 header") }
        guard !header.flags.contains(.serverToRedirector) else { throw .protocolViolation("a response from a client") }
        guard header.nextCommand != 0 else { return (header, rest.count) }
        let next = Int(header.nextCommand)
        guard next % 8 == 0, next >= SMB2Header.byteCount, next <= rest.count - SMB2Header.byteCount else {
            throw .protocolViolation("NextCommand")
        }
        return (header, next)
    }

    /// Message ID, session, signature, tree connect: [MS-SMB2] 3.3.5.2.3 to 3.3.5.2.11.
    private func admit(
        _ received: SMB2Header, _ request: UnsafeMutableRawBufferPointer, _ position: inout SuspendedCompound.Position
    ) throws(DisconnectReason) -> RequestAdmission {
        var (session, found) = try admit(received)
        guard let dialect = found ?? (received.command == SMB2Command.negotiate.rawValue ? .smb202 : nil) else {
            throw .protocolViolation("a request before NEGOTIATE")
        }
        var admission = RequestAdmission(header: received, dialect: dialect)
        if received.flags.contains(.relatedOperations) {
            // There must be a request before it whose session and tree connect it can take over.
            guard position.hasContext else {
                admission.refusal = .invalidParameter
                return admission
            }
            admission.header.sessionID = position.sessionID
            admission.header.treeID = position.treeID
            session = self.session(position.sessionID)
        } else {
            position.fileID = nil
            position.status = .success
            if let sealedBy = position.sealedBy, sealedBy.id != received.sessionID {
                throw .protocolViolation("a session other than the one that sealed the message")
            }
        }
        position.sessionID = admission.header.sessionID
        position.treeID = admission.header.treeID
        admission.isAuthentic = position.sealedBy != nil
        // SAFETY: the request's bytes outlive the call.
        admission.refusal = unsafe check(&admission, session, request, isSealed: position.sealedBy != nil)
        admission.session = session
        // An expired session is one all the same: what is related to the request has it too, and hears the same.
        position.hasContext = admission.refusal == nil || admission.refusal == .networkSessionExpired
        return admission
    }

    /// The session's and the tree connect's part of the checks. - Returns: why the request is refused, or nil.
    private func check(
        _ admission: inout RequestAdmission, _ session: Session?, _ request: UnsafeMutableRawBufferPointer,
        isSealed: Bool
    ) -> NTStatus? {
        guard let command = SMB2Command(rawValue: admission.header.command) else { return .invalidParameter }
        let requirements = command.requirements
        guard let session else {
            // smbtorture sends its own controls without one; the handler refuses all others.
            if command == .ioctl, admission.header.sessionID == 0, server.settings.hasTortureControls { return nil }
            if requirements.contains(.session) { return .userSessionDeleted }
            // SAFETY: the request's bytes outlive the call.
            return command == .sessionSetup ? unsafe checkForeignSignature(&admission, request) : nil
        }
        let isSigned = admission.header.flags.contains(.signed)
        let found = session.admission(treeID: admission.header.treeID, isSigned: isSigned, on: self)
        // SAFETY: the request's bytes outlive the call.
        if !isSealed, let refusal = unsafe checkSignature(&admission, request, found, command) { return refusal }
        guard requirements.contains(.session) else { return nil }
        switch found.phase {
        case .valid: break
        // [MS-SMB2] 3.3.5.2.9: what only lets go of things is allowed after expiry.
        case .expired: if !requirements.contains(.allowedWhenExpired) { return .networkSessionExpired }
        case .inProgress, .closed: return .userSessionDeleted
        }
        if found.requiresEncryption, !isSealed { return .accessDenied.because(.unsealed) }
        guard requirements.contains(.treeConnect) else {
            admission.treeConnect = found.treeConnect
            return nil
        }
        guard let tree = found.treeConnect else { return .networkNameDeleted }
        if tree.share.requiresEncryption, !isSealed { return .accessDenied.because(.unsealedShare) }
        admission.treeConnect = tree
        return nil
    }

    /// Verifying the signature, [MS-SMB2] 3.3.5.2.4.
    private func checkSignature(
        _ admission: inout RequestAdmission, _ request: UnsafeMutableRawBufferPointer, _ found: Session.Admission,
        _ command: SMB2Command
    ) -> NTStatus? {
        if admission.header.flags.contains(.signed) {
            // A guest's session has none.
            guard let key = found.signingKey else { return nil }
            // Even the answer to a wrong signature is signed: a client that demands it could not read it otherwise.
            admission.signingKey = key
            // SAFETY: the request's bytes outlive the call, and nobody else has them.
            guard unsafe key.verify(request) else { return .accessDenied.because(.wrongSignature) }
            admission.isAuthentic = true
        } else if found.requiresSigning, command != .negotiate {
            return .accessDenied.because(.unsigned)
        }
        return nil
    }

    /// SESSION_SETUP may be about a session of another connection, [MS-SMB2] 3.3.5.2.4: it wants to become a channel of
    /// it, or does not know better. Only those who have the session's key get answers signed with it.
    private func checkForeignSignature(
        _ admission: inout RequestAdmission, _ request: UnsafeMutableRawBufferPointer
    ) -> NTStatus? {
        guard admission.header.flags.contains(.signed), admission.header.sessionID != 0,
            let session = server.sessions.find(admission.header.sessionID),
            let key = session.state.withLock({ $0.login?.signingKey })
        else { return nil }
        // SAFETY: the request's bytes outlive the call, and nobody else has them.
        guard unsafe key.verify(request) else { return .accessDenied }
        admission.signingKey = key
        admission.isAuthentic = true
        return nil
    }

    /// What a request that waited had been admitted with.
    private func readmit(
        _ received: SMB2Header, _ parked: ParkedRequest, _ position: SuspendedCompound.Position
    ) -> RequestAdmission {
        var header = received
        header.sessionID = position.sessionID
        header.treeID = position.treeID
        let (session, treeConnect) = parked.retained
        return RequestAdmission(
            header: header, dialect: dialect ?? .smb202, session: session, treeConnect: treeConnect,
            signingKey: position.signingKey)
    }

    /// Runs the handler. - Returns: the status to send; a body stands behind the header unless it is an error.
    private func run(
        _ request: UnsafeMutableRawBufferPointer, _ position: borrowing SuspendedCompound.Position,
        _ context: inout RequestContext
    ) -> NTStatus {
        let bodyStart = context.reply.count
        Thread.beginWork()
        do throws(NTStatus) {
            if let refusal = context.admission.refusal { throw refusal }
            guard let command = SMB2Command(rawValue: context.header.command) else { throw .invalidParameter }
            // [MS-SMB2] 3.3.5.2.7.2: when the CREATE before failed there is no file to go on with; same error.
            if context.header.flags.contains(.relatedOperations), position.fileID == nil, position.status.isError,
                command.requirements.contains(.file)
            {
                throw position.status
            }
            // SAFETY: `request` outlives the handler.
            var reader = unsafe WireReader(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(request)), at: SMB2Header.byteCount)
            context.admission.treeConnect?.requestCount.wrappingAdd(1, ordering: .relaxed)
            try dispatch(command, &reader, &context)
            return context.status
        } catch {
            context.reply.count = bodyStart
            if error.isDenial { context.server.denials.record(error, context) }
            return error
        }
    }

    /// Completes the response: error body, header, credits, hash, signature.
    private func complete(
        _ chain: inout ResponseChain, _ context: inout RequestContext, _ status: NTStatus, wasParked: Bool
    ) {
        let reply = chain.reply
        let at = context.headerStart
        if reply.count == at + SMB2Header.byteCount { context.errorResponse.encode(into: reply) }
        reply.patch(status.rawValue, at: at + 8)
        if let parked = context.parkedRequest {
            parked.finish()
            remove(parked)
        }
        if wasParked, let parked = context.parkedRequest, parked.sendsInterim {
            let flags = SMB2Header.Flags.serverToRedirector.union(
                context.header.flags.intersection([.relatedOperations, .priorityMask]))
            reply.patch(flags.rawValue | SMB2Header.Flags.asyncCommand.rawValue, at: at + 16)
            reply.patch(parked.asyncID, at: at + 32)
            reply.patch(0 as UInt16, at: at + 14)
        } else {
            let granted = grantCredits(requested: context.header.credits, charge: context.header.creditCharge)
            reply.patch(granted, at: at + 14)
            reply.patch(context.responseTreeID ?? context.header.treeID, at: at + 36)
        }
        reply.patch(context.responseSessionID ?? context.header.sessionID, at: at + 40)
        let key = context.responseSigningKey ?? context.admission.signingKey
        if key == nil, status == .userSessionDeleted { echoSignedFlag(of: context.header, in: reply, at: at) }
        // Sealed is enough, but for the last response of a login: [MS-SMB2] 3.3.5.5.3 has it signed in any case.
        chain.end(signingKey: context.isSealed ? context.responseSigningKey : key)
        if case .none = context.preauthTarget { return }
        // The hash is over the message as the client sees it: of a channel's login even the interim steps are signed.
        chain.signLast()
        hash(reply, from: at, context.preauthTarget)
    }

    /// A session that this connection does not know has no key here, and its channels' must not be used elsewhere: the
    /// nonces of AES-GMAC are message IDs. The answer to a signed request then says that it is signed, and has no
    /// signature: clients that demand signatures believe this one status without.
    private func echoSignedFlag(of request: SMB2Header, in reply: PDUBuffer, at start: Int) {
        let flags = request.makeResponse(status: .success).flags.union(request.flags.intersection(.signed))
        reply.patch(flags.rawValue, at: start + 16)
    }

    /// [MS-SMB2] 3.3.5.4 and 3.3.5.5: the responses of NEGOTIATE and of each SESSION_SETUP but the last count too.
    private func hash(_ reply: PDUBuffer, from start: Int, _ target: RequestContext.PreauthTarget) {
        // SAFETY: `region` checks the range; nothing is appended to the reply while it is read.
        let response = unsafe UnsafeRawBufferPointer(reply.region(start..<reply.count))
        switch target {
        case .none: break
        // SAFETY: `response` lives through both calls.
        case .connection: state.withLock { unsafe $0.negotiated?.preauthHash?.update(response) }
        case .login(let session): state.withLock { unsafe $0.logins[session]?.preauthHash?.update(response) }
        }
    }

    /// CANCEL, [MS-SMB2] 3.3.5.16: no credits, no response; a wrong signature makes it nothing at all.
    private func cancel(
        _ header: SMB2Header, _ request: UnsafeMutableRawBufferPointer, _ position: SuspendedCompound.Position
    ) {
        if let session = session(header.sessionID), position.sealedBy == nil {
            let isSigned = header.flags.contains(.signed)
            let found = session.admission(treeID: 0, isSigned: isSigned, on: self)
            // SAFETY: the request's bytes outlive the call.
            if let key = found.signingKey, unsafe !key.verify(request) { return }
            if !isSigned, found.requiresSigning { return }
        }
        let target =
            header.flags.contains(.asyncCommand)
            ? parkedRequest(asyncID: header.asyncIDOrTree) : parkedRequest(messageID: header.messageID)
        guard let target, target.sessionID == header.sessionID else { return }
        target.wake(.cancelled)
    }
}

extension SuspendedCompound.Position {
    /// What a related request behind this one takes over.
    mutating func inherit(from context: borrowing RequestContext, status: NTStatus) {
        if let id = context.responseSessionID { sessionID = id }
        if let id = context.responseTreeID { treeID = id }
        if status.isError, context.header.command == SMB2Command.create.rawValue {
            fileID = nil
        } else if let used = context.relatedFileID {
            fileID = used
        }
        self.status = status
        if let opened = context.opened { self.opened = opened }
    }

    /// What the message has opened and not closed stays open.
    mutating func endMoment() {
        guard let opened else { return }
        opened.node.endMoment(of: opened)
        self.opened = nil
    }
}
