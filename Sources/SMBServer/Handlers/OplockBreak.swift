import NTTypes
import SMBWire

/// Receiving an SMB2 OPLOCK_BREAK Acknowledgment or a Lease Break Acknowledgment, [MS-SMB2] 3.3.5.22.
enum OplockBreakHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        var probe = reader
        let size: UInt16
        do { size = try probe.read() } catch { throw .invalidParameter }
        if size == LeaseBreakAcknowledgment.structureSize {
            let request: LeaseBreakAcknowledgment
            do { request = try LeaseBreakAcknowledgment(from: &reader) } catch { throw .invalidParameter }
            try acknowledgeLease(request, in: &context).encode(into: context.reply)
        } else {
            let request: OplockBreak
            do { request = try OplockBreak(from: &reader) } catch { throw .invalidParameter }
            try acknowledgeOplock(request, in: &context).encode(into: context.reply)
        }
    }

    /// 3.3.5.22.1.
    private static func acknowledgeOplock(
        _ request: OplockBreak, in context: inout RequestContext
    ) throws(NTStatus) -> OplockBreak {
        let open = try context.open(request.fileID)
        // Levels that an oplock can be broken to: none and II.
        guard request.level <= 1 else {
            throw request.level == 0x08 || request.level == 0x09 ? .invalidOplockProtocol : .invalidParameter
        }
        let notices = try open.node.acknowledge(
            .open(open.fileID.volatile), CacheState(oplockLevel: request.level), notBreaking: .invalidOplockProtocol)
        context.server.send(notices)
        context.server.localGuards.end(open.node)
        return OplockBreak(level: request.level, fileID: open.fileID)
    }

    /// 3.3.5.22.2.
    private static func acknowledgeLease(
        _ request: LeaseBreakAcknowledgment, in context: inout RequestContext
    ) throws(NTStatus) -> LeaseBreakAcknowledgment {
        guard let clientGUID = context.connection.negotiated?.clientGUID else { throw .objectNameNotFound }
        let lease = LeaseIdentity(clientGUID: clientGUID, key: request.leaseKey)
        guard let node = context.server.leases.node(of: lease) else { throw .objectNameNotFound }
        let notices = try node.acknowledge(
            .lease(lease), CacheState(rawValue: request.leaseState), notBreaking: .unsuccessful)
        context.server.send(notices)
        context.server.purge(node.strandedOpens())
        context.server.localGuards.end(node)
        return LeaseBreakAcknowledgment(leaseKey: request.leaseKey, leaseState: request.leaseState)
    }
}
