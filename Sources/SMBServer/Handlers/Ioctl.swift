import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 IOCTL Request, [MS-SMB2] 3.3.5.15.
enum IoctlHandler {
    /// A control code with what comes and goes with it.
    struct Control {
        var code: ControlCode
        var fileID: FileID
        var input: [UInt8]
        /// Bytes of output that the client takes.
        var outputByteCountMax: Int
    }

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let control: Control
        do {
            let request = try IoctlRequest(from: &reader)
            // 3.3.5.15: only file system controls exist.
            guard request.isFileSystemControl else { throw NTStatus.notSupported }
            let input = request.input
            let maximum = max(
                input.byteCount, Int(request.maxInputResponse), Int(request.maxOutputResponse))
            guard maximum <= Int(context.limits.transactByteCountMax) else { throw NTStatus.invalidParameter }
            try context.requireCredits(
                payload: max(input.byteCount, Int(request.maxInputResponse) + Int(request.maxOutputResponse)))
            control = Control(
                code: ControlCode(rawValue: request.controlCode), fileID: request.fileID, input: input.array,
                outputByteCountMax: Int(request.maxOutputResponse))
        } catch let status as NTStatus { throw status } catch { throw .invalidParameter }
        let output = try handle(control, in: &context)
        encode(output, for: control, in: &context)
    }

    /// - Returns: the output; no longer than `outputByteCountMax` unless `context.status` says so.
    static func handle(_ control: Control, in context: inout RequestContext) throws(NTStatus) -> [UInt8] {
        if let output = try torture(control, in: &context) { return output }
        // Only smbtorture's controls come without a session, see `Connection.check`.
        guard context.sessionOrNil != nil else { throw .userSessionDeleted }
        switch control.code {
        case .validateNegotiateInfo, .queryNetworkInterfaceInfo, .dfsGetReferrals, .dfsGetReferralsEx, .pipeWait:
            // 3.3.5.15: they are not about a file, and must say so.
            guard control.fileID == .compoundRelated else { throw .invalidParameter }
            return try handleWithoutFile(control, in: &context)
        default: break
        }
        let open = try context.openToChange(control.fileID)
        if let pipe = open.pipe { return try handle(control, on: pipe, of: open, in: &context) }
        switch control.code {
        case .createOrGetObjectID, .getObjectID: return try objectID(control, of: open, in: &context)
        case .requestResiliency:
            try requestResiliency(control, of: open, in: context)
            return []
        case .getCompression: return try compression(control, of: open)
        case .requestResumeKey: return try resumeKey(control, of: open)
        case .copyChunk, .copyChunkWrite: return try copyChunks(control, to: open, in: &context)
        case .queryAllocatedRanges: return try queryAllocatedRanges(control, of: open, in: &context)
        case .fileLevelTrim: return try trim(control, on: open, in: &context)
        case .getReparsePoint: return try reparsePoint(control, of: open)
        default: break
        }
        switch control.code {
        case .setCompression: try setCompression(control, of: open, in: &context)
        case .setSparse: try setSparse(control, on: open, in: &context)
        case .setZeroData: try setZeroData(control, on: open, in: &context)
        case .duplicateExtents, .duplicateExtentsEx: try duplicateExtents(control, to: open, in: &context)
        case .setReparsePoint: try setReparsePoint(control, on: open, in: &context)
        case .deleteReparsePoint: try deleteReparsePoint(control, on: open, in: &context)
        default: throw control.code.refusal
        }
        return []
    }

    private static func handleWithoutFile(
        _ control: Control, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        switch control.code {
        case .validateNegotiateInfo: return try validateNegotiation(control, in: &context)
        // 3.3.5.15.2: there is no DFS here. Clients know this status, and take the path as it is.
        case .dfsGetReferrals, .dfsGetReferralsEx: throw .fsDriverRequired
        case .queryNetworkInterfaceInfo: return try networkInterfaces(control, in: context)
        case .pipeWait: return try awaitPipe(control, in: &context)
        default: throw .notSupported
        }
    }

    /// The response, [MS-SMB2] 2.2.32.
    private static func encode(_ output: [UInt8], for control: Control, in context: inout RequestContext) {
        let reply = context.reply
        let padding = control.code == .tortureIoctlPadding ? 8 : 0
        let offset = UInt32(SMB2Header.byteCount + 48 + padding)
        reply.append(49 as UInt16)
        reply.append(0 as UInt16)
        reply.append(control.code.rawValue)
        reply.append(control.fileID)
        // Input is not sent back.
        reply.append(offset)
        reply.append(0 as UInt32)
        reply.append(offset)
        reply.append(UInt32(output.count))
        reply.append(0 as UInt64)
        reply.appendZeros(padding)
        if output.isEmpty { reply.append(0 as UInt8) } else { reply.append(output) }
    }
}
