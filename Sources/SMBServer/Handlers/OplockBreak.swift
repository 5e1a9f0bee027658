import NTTypes
import SMBWire

/// Receiving an SMB2 OPLOCK_BREAK Acknowledgment, [MS-SMB2] 3.3.5.22. No oplock or lease is granted yet, so there is
/// none to acknowledge: 3.3.5.22.1 and 3.3.5.22.2 name the errors for that.
enum OplockBreakHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        var probe = reader
        let size: UInt16
        do { size = try probe.read() } catch { throw .invalidParameter }
        if size == LeaseBreakAcknowledgment.structureSize {
            do { _ = try LeaseBreakAcknowledgment(from: &reader) } catch { throw .invalidParameter }
            throw .objectNameNotFound
        }
        let request: OplockBreak
        do { request = try OplockBreak(from: &reader) } catch { throw .invalidParameter }
        _ = try context.open(request.fileID)
        throw .invalidOplockProtocol
    }
}
