import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// From requests to bytes and from bytes to responses.
extension TestClient {
    /// One compound as bytes: IDs filled in, aligned, chained, signed or sealed as the client is set to.
    public func encode(_ requests: [TestRequest]) -> [UInt8] {
        let buffer = PDUBuffer()
        let isSealed = seals && session?.sealingKey != nil
        if isSealed { buffer.appendZeros(TransformHeader.byteCount) }
        let start = buffer.count
        for (index, request) in requests.enumerated() {
            let headerStart = buffer.count
            append(request, to: buffer, isSigned: !isSealed)
            if index < requests.count - 1 {
                buffer.align(to: 8, from: start)
                buffer.patch(request.nextCommand ?? UInt32(buffer.count - headerStart), at: headerStart + 20)
            } else if let next = request.nextCommand {
                buffer.patch(next, at: headerStart + 20)
            }
            if !isSealed { sign(buffer, headerStart..<buffer.count) }
        }
        if isSealed { seal(buffer) }
        return buffer.array(0..<buffer.count)
    }

    private func append(_ request: TestRequest, to buffer: PDUBuffer, isSigned: Bool) {
        var header = SMB2Header()
        header.command = request.command
        header.creditCharge = request.creditCharge
        header.credits = request.credits
        header.flags = request.flags
        header.messageID = request.messageID ?? messageID
        if request.messageID == nil, request.command != SMB2Command.cancel.rawValue {
            messageID += UInt64(max(1, request.creditCharge))
        }
        let isRelated = request.flags.contains(.relatedOperations)
        header.sessionID = request.sessionID ?? (isRelated ? .max : session?.id ?? 0)
        header.treeID = request.treeID ?? (isRelated ? .max : treeID)
        if let asyncID = request.asyncID {
            header.flags.insert(.asyncCommand)
            header.asyncIDOrTree = asyncID
        }
        if isSigned, signs, session != nil { header.flags.insert(.signed) }
        header.encode(into: buffer)
        buffer.append(request.body)
    }

    /// Signs what says it is signed, with whatever key there is.
    private func sign(_ buffer: PDUBuffer, _ range: Range<Int>) {
        guard signs, let session else { return }
        // SAFETY: the range is what was just appended; the buffer does not grow meanwhile.
        unsafe session.signingKey.sign(buffer.region(range))
    }

    private func seal(_ buffer: PDUBuffer) {
        guard let session, let key = session.sealingKey else { return }
        let start = TransformHeader.byteCount
        TransformHeader(originalMessageSize: UInt32(buffer.count - start), flags: 1, sessionID: session.id)
            .write(into: buffer, at: 0)
        // SAFETY: both regions lie in the written bytes and do not overlap.
        unsafe key.seal(header: buffer.region(0..<start), message: buffer.region(start..<buffer.count))
    }

    // MARK: responses

    /// Opens a message and takes its responses apart.
    public func decode(_ message: [UInt8]) throws(TestClientError) -> [TestReply] {
        let buffer = PDUBuffer(capacity: message.count)
        buffer.append(message)
        guard message.count >= 4 else { throw .malformedReply("a message of \(message.count) bytes") }
        guard message[0] == 0xFD else { return try split(buffer, from: 0, isSealed: false) }
        let start = TransformHeader.byteCount
        guard message.count > start, let key = session?.unsealingKey else {
            throw .malformedReply("sealed for nobody")
        }
        // SAFETY: both regions lie in the written bytes and do not overlap.
        guard unsafe key.unseal(header: buffer.region(0..<start), message: buffer.region(start..<buffer.count)) else {
            throw .malformedReply("a wrong seal")
        }
        return try split(buffer, from: start, isSealed: true)
    }

    private func split(_ buffer: PDUBuffer, from start: Int, isSealed: Bool) throws(TestClientError) -> [TestReply] {
        var replies: [TestReply] = []
        var at = start
        while at < buffer.count {
            let header: SMB2Header
            do {
                var reader = WireReader(buffer.span(at..<buffer.count))
                header = try SMB2Header(from: &reader)
            } catch { throw .malformedReply("a header: \(error)") }
            let end = header.nextCommand == 0 ? buffer.count : at + Int(header.nextCommand)
            guard end <= buffer.count, end - at >= SMB2Header.byteCount else { throw .malformedReply("NextCommand") }
            var isGood: Bool?
            if header.flags.contains(.signed), let session {
                // SAFETY: the range was just checked; the buffer does not grow meanwhile.
                isGood = unsafe session.signingKey.verify(buffer.region(at..<end))
            }
            replies.append(
                TestReply(header: header, bytes: buffer.array(at..<end), isSealed: isSealed, hasGoodSignature: isGood))
            at = end
        }
        return replies
    }
}
