import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Receiving any message, [MS-SMB2] 3.3.5.2: unseal, take the compound apart, and put the reply together.
extension Connection {
    /// One whole message from the client, without the transport's prefix.
    /// - Parameters:
    ///   - message: changed in place when it is sealed; used during the call only.
    ///   - reply: the answer, if there is one to send now, is appended to it.
    /// - Returns: false to end the connection; what was appended before is still worth sending.
    public func receive(_ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer) -> Bool {
        let start = reply.count
        do throws(DisconnectReason) {
            // SAFETY: the transport guarantees the memory for the length of this call.
            try unsafe receiveMessage(message, reply: reply)
        } catch {
            server.environment.log("\(transport.remoteAddress): disconnected: \(error)")
            reply.count = start
            return false
        }
        if server.parkedRequests.hasAnyReady {
            // Whoever let others go on, or has changed what they cache, is answered first.
            sendNow(reply, from: start)
            server.runReady()
        }
        return true
    }

    /// Sends what was appended to the reply since `start`, and takes it out.
    private func sendNow(_ reply: PDUBuffer, from start: Int) {
        guard reply.count > start else { return }
        let buffer = server.buffers.take(capacity: transportPrefixByteCount + reply.count - start)
        buffer.appendZeros(transportPrefixByteCount)
        buffer.append(reply.span(start..<reply.count))
        reply.count = start
        transport.send(buffer)
    }

    private func receiveMessage(
        _ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer
    ) throws(DisconnectReason) {
        guard message.count >= 4 else { throw .protocolViolation("message shorter than a protocol ID") }
        var compound = SuspendedCompound.Position()
        compound.begin = server.observedUptime
        if compound.begin != 0 { compound.queue = queueTime(until: compound.begin) }
        // SAFETY: the guard proves four bytes.
        switch unsafe UInt32(littleEndian: message.loadUnaligned(as: UInt32.self)) {
        case SMB2Header.protocolID:
            try unsafe processCompound(message, from: compound, reply: reply, resuming: nil)
        case TransformHeader.protocolID:
            // SAFETY: the transport guarantees the memory for the length of `receive`, which this does not outlive.
            let (session, inner) = try unsafe unseal(message)
            compound.sealedBy = session
            try unsafe processCompound(inner, from: compound, reply: reply, resuming: nil)
        case SMB1Negotiate.protocolID:
            // SAFETY: as for the others.
            try unsafe receiveMultiProtocolNegotiate(message, reply: reply)
        default:
            // Compression (0xFC) is not negotiated, so it is as unexpected as anything else: [MS-SMB2] 3.3.5.2.13.
            throw .protocolViolation("unknown protocol ID")
        }
    }

    /// Decrypting the message, [MS-SMB2] 3.3.5.2.1.1. Whatever is wrong with it ends the connection.
    private func unseal(
        _ message: UnsafeMutableRawBufferPointer
    ) throws(DisconnectReason) -> (Session, UnsafeMutableRawBufferPointer) {
        guard let negotiated, negotiated.dialect.isSMB3,
            message.count > TransformHeader.byteCount + SMB2Header.byteCount
        else { throw .badSeal }
        let header: TransformHeader
        do {
            // SAFETY: as above; the span ends with this scope.
            var reader = unsafe WireReader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(message)))
            header = try TransformHeader(from: &reader)
        } catch { throw .badSeal }
        // Flags (EncryptionAlgorithm in 3.0) must be 1.
        guard header.flags == 1, Int(header.originalMessageSize) == message.count - TransformHeader.byteCount,
            // Connection.ConstrainedConnection: as long as only strangers are logged in, their well-known key seals
            // nothing.
            state.withLock({ $0.hasLoggedIn }), let session = session(header.sessionID),
            let key = session.state.withLock({ $0.login?.unsealingKey })
        else { throw .badSeal }
        // SAFETY: the guard proves that the message is longer than both headers; the two parts do not overlap.
        let head = unsafe UnsafeMutableRawBufferPointer(rebasing: message[..<TransformHeader.byteCount])
        let inner = unsafe UnsafeMutableRawBufferPointer(rebasing: message[TransformHeader.byteCount...])
        guard unsafe key.unseal(header: head, message: inner) else { throw .badSeal }
        // What comes out must be plain SMB2: no second transform, [MS-SMB2] 3.3.5.2.1.1.
        guard unsafe UInt32(littleEndian: inner.loadUnaligned(as: UInt32.self)) == SMB2Header.protocolID else {
            throw .protocolViolation("a sealed message that holds no SMB2 header")
        }
        // SAFETY: `inner` holds more than a header of 64 bytes.
        return unsafe (session, inner)
    }

    /// Handles the requests of a message one after the other, from `position` on, and appends their responses, chained,
    /// signed and sealed, to `reply`.
    func processCompound(
        _ message: UnsafeMutableRawBufferPointer, from start: consuming SuspendedCompound.Position, reply: PDUBuffer,
        resuming parked: ParkedRequest?, held: ResponseChain.Suspended? = nil
    ) throws(DisconnectReason) {
        var position = start
        var parked = parked
        defer { position.endMoment() }
        let sealStart = reply.count
        if position.sealedBy != nil { reply.appendZeros(TransformHeader.byteCount) }
        var chain = ResponseChain(reply: reply, start: reply.count)
        if let held { chain.resume(held) }
        while position.offset < message.count {
            // SAFETY: the loop's condition keeps the offset inside the message, which outlives this call.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: message[position.offset...])
            let outcome = try unsafe processRequest(rest, &position, &chain, resuming: parked)
            parked = nil
            switch outcome {
            case .next: continue
            case .finished: position.offset = message.count
            case .parked(let request, let isFirstTime):
                // What is done so far goes out, then the interim response on its own; the rest waits with the request.
                // Where there is no interim response, everything is one answer, and all of it waits.
                // SAFETY: the message outlives this call; a header there is, since it was read.
                let kept = unsafe keep(rest, headerOnly: request.keepsHeaderOnly)
                let header = position.current
                // Two that waited for each other would wait for long.
                if request.awaitsMoment { position.endMoment() }
                var later = position
                later.offset = 0
                later.count -= 1
                position.opened = nil
                let held = request.sendsInterim ? nil : chain.suspend()
                request.work.withLock { $0 = SuspendedCompound(message: kept, position: later, held: held) }
                chain.finish()
                finishMessage(reply, sealStart: sealStart, chain: chain, sealedBy: position.sealedBy)
                if isFirstTime, request.sendsInterim { sendInterim(for: request, header: header, position: position) }
                request.arm()
                return
            }
        }
        chain.finish()
        finishMessage(reply, sealStart: sealStart, chain: chain, sealedBy: position.sealedBy)
        noteEnd(of: position)
    }

    /// A copy of what waits.
    private func keep(_ message: UnsafeMutableRawBufferPointer, headerOnly: Bool) -> PDUBuffer {
        let count = headerOnly ? SMB2Header.byteCount : message.count
        let kept = headerOnly ? PDUBuffer(capacity: count) : server.buffers.take(capacity: count)
        // SAFETY: the caller's memory lives through the call.
        kept.append(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: message[..<count])))
        return kept
    }

    /// Seals what was appended since `sealStart`, or takes everything back if there is nothing to send.
    private func finishMessage(_ reply: PDUBuffer, sealStart: Int, chain: ResponseChain, sealedBy session: Session?) {
        guard reply.count > chain.start else {
            reply.count = sealStart
            return
        }
        guard let session else { return }
        seal(reply, from: sealStart, by: session)
    }

    /// Fills the transform header at `start` and encrypts what follows it, [MS-SMB2] 3.3.4.1.4.
    private func seal(_ reply: PDUBuffer, from start: Int, by session: Session) {
        guard let key = session.state.withLock({ $0.login?.sealingKey }) else {
            // The session lost its key while the request ran (it cannot): nothing may leave in the clear.
            reply.count = start
            return
        }
        server.seal(reply, from: start, key, sessionID: session.id)
    }

    // MARK: parked requests

    /// The interim response, [MS-SMB2] 3.3.4.2: STATUS_PENDING with the AsyncId; it takes the credits that were asked
    /// for.
    private func sendInterim(for request: ParkedRequest, header: SMB2Header, position: SuspendedCompound.Position) {
        let buffer = server.buffers.take()
        buffer.appendZeros(transportPrefixByteCount)
        let sealStart = buffer.count
        if position.sealedBy != nil { buffer.appendZeros(TransformHeader.byteCount) }
        var chain = ResponseChain(reply: buffer, start: buffer.count)
        var response = header.makeResponse(status: .pending)
        response.flags.insert(.asyncCommand)
        response.asyncIDOrTree = request.asyncID
        response.credits = grantCredits(requested: header.credits, charge: header.creditCharge)
        _ = chain.begin(response)
        ErrorResponse().encode(into: buffer)
        // Never signed, [MS-SMB2] 3.3.4.1.1: with GMAC its nonce would be that of the response to come.
        chain.end(signingKey: nil)
        chain.finish()
        finishMessage(buffer, sealStart: sealStart, chain: chain, sealedBy: position.sealedBy)
        transport.send(buffer)
    }

    /// Runs a woken request again, and the rest of its compound after it; sends what comes of it.
    func resume(_ request: ParkedRequest) {
        guard
            let work = request.work.withLock({ work -> SuspendedCompound? in
                defer { work = nil }
                return work
            })
        else { return }
        var position = work.position
        position.begin = server.observedUptime
        position.queue = 0
        let reply = server.buffers.take()
        reply.appendZeros(transportPrefixByteCount)
        do throws(DisconnectReason) {
            // SAFETY: `work.message` is ours until given back below.
            try unsafe processCompound(
                work.message.region(0..<work.message.count), from: position, reply: reply, resuming: request,
                held: work.held)
        } catch {
            transport.disconnect(error)
            reply.count = transportPrefixByteCount
        }
        server.buffers.give(work.message)
        if reply.count > transportPrefixByteCount { transport.send(reply) } else { server.buffers.give(reply) }
    }
}

/// Where a compound stands while it is worked through, and all that is needed to go on later.
struct SuspendedCompound: Sendable {
    struct Position: Sendable {
        /// Of the next request in the message.
        var offset = 0
        /// Requests up to and with the one being handled.
        var count = 0
        /// The request before was admitted, so that a related one has something to relate to.
        var hasContext = false
        /// Set when the message came sealed: so do the responses.
        var sealedBy: Session?
        /// The request being handled.
        var current = SMB2Header()
        /// Of that request, for its interim response.
        var signingKey: SigningKey?
        // What a related request inherits, [MS-SMB2] 3.3.5.2.7.2.
        var sessionID: UInt64 = 0
        var treeID: UInt32 = 0
        var fileID: FileID?
        /// Of the request before.
        var status: NTStatus = .success
        /// What the message has opened last, and may still close.
        var opened: Open?
        // For those who look at requests, else 0: since when this thread works for the request, and for how long its
        // bytes had lain there by then, in nanoseconds.
        var begin: UInt64 = 0
        var queue: UInt64 = 0
    }
    let message: PDUBuffer
    let position: Position
    /// Responses that wait with it.
    let held: ResponseChain.Suspended?
}
