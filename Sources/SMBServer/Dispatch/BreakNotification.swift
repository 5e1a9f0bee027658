import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Sending oplock and lease breaks, [MS-SMB2] 3.3.4.6 and 3.3.4.7.
extension Server {
    /// Sends breaks. A holder whose client is away is not waited for: its opens are closed, 3.3.4.6. Where that is not
    /// to be, nothing cached counts any more, and the break is as good as acknowledged.
    /// - Returns: whether opens were closed.
    @discardableResult
    func send(_ notices: [BreakNotice]) -> Bool {
        var hasPurged = false
        for notice in notices where !send(notice) {
            let node = notice.open.node
            if purge(node.disconnectedOpens(of: notice.holder)) { hasPurged = true }
            if notice.requiresAcknowledgment { node.completeBreaks(of: notice.holder) }
        }
        return hasPurged
    }

    private func send(_ notice: BreakNotice) -> Bool {
        guard let connection = carriers(of: notice).first else { return false }
        let buffer = buffers.take()
        buffer.appendZeros(transportPrefixByteCount)
        let sealingKey = notice.isSealed ? notice.open.session.state.withLock { $0.login?.sealingKey } : nil
        let sealStart = buffer.count
        if sealingKey != nil { buffer.appendZeros(TransformHeader.byteCount) }
        // 3.3.4.6: unasked for, so without message ID, session and tree; never signed.
        var header = SMB2Header()
        header.command = SMB2Command.oplockBreak.rawValue
        header.flags = .serverToRedirector
        header.messageID = .max
        header.encode(into: buffer)
        switch notice.holder {
        case .open: OplockBreak(level: notice.to.oplockLevel, fileID: notice.open.fileID).encode(into: buffer)
        case .lease(let identity):
            LeaseBreakNotification(
                newEpoch: notice.epoch, requiresAcknowledgment: notice.requiresAcknowledgment, leaseKey: identity.key,
                currentLeaseState: notice.from.rawValue, newLeaseState: notice.to.rawValue
            ).encode(into: buffer)
        }
        if let sealingKey { seal(buffer, from: sealStart, sealingKey, sessionID: notice.open.session.id) }
        connection.transport.send(buffer)
        breakDelivery.add(notice, through: connection, now: environment.uptime())
        countBreak()
        return true
    }

    /// Fills the transform header at `start` and encrypts what follows it, [MS-SMB2] 3.3.4.1.4.
    func seal(_ buffer: PDUBuffer, from start: Int, _ key: SealingKey, sessionID: UInt64) {
        let messageStart = start + TransformHeader.byteCount
        let header = TransformHeader(
            originalMessageSize: UInt32(buffer.count - messageStart), flags: 1, sessionID: sessionID)
        header.write(into: buffer, at: start)
        // SAFETY: both regions lie inside the written bytes and do not overlap.
        unsafe key.seal(
            header: buffer.region(start..<messageStart), message: buffer.region(messageStart..<buffer.count))
    }
}
