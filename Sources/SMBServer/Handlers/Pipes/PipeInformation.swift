import NTTypes
import Platform
import SMBWire

/// The information classes that only pipes have, [MS-FSCC] 2.4.37 and 2.4.38.
extension QueryInfoHandler {
    /// - Returns: false for a class that is answered as for a file.
    static func encodePipeInformation(
        _ query: InformationQuery, of pipe: NamedPipe, _ open: Open, into output: OutputBuffer,
        in context: inout RequestContext
    ) throws(NTStatus) -> Bool {
        guard query.type == 1 else { throw .invalidDeviceRequest }
        let reply = output.reply
        switch query.informationClass {
        // FilePipeInformation.
        case 23:
            try open.require(.readAttributes)
            try output.requireRoom(for: 8)
            reply.append(pipe.readsMessages ? 1 : 0 as UInt32)
            // FILE_PIPE_QUEUE_OPERATION: reads wait.
            reply.append(0 as UInt32)
            return true
        // FilePipeLocalInformation.
        case 24:
            try open.require(.readAttributes)
            try output.requireRoom(for: 40)
            let seen = pipe.peek(0)
            let quota = UInt32(clamping: context.limits.pipeQuotaByteCount)
            // Messages; both directions; instances without limit, of which this is one.
            let shape: [UInt32] = [1, 2, .max, 1]
            let room: [UInt32] = [quota, UInt32(clamping: seen.readable), quota, quota]
            // Connected or closing; seen from the client's end.
            let place: [UInt32] = [seen.isBroken ? 4 : 3, 0]
            for value in shape + room + place { reply.append(value) }
            return true
        default: return false
        }
    }
}

extension SetInfoHandler {
    /// FilePipeInformation: whether a READ ends with the message. Nothing else of a pipe can be set.
    static func set(_ change: Change, of pipe: NamedPipe, _ open: Open) throws(NTStatus) {
        guard change.type == 1, change.informationClass == 23 else { throw .invalidDeviceRequest }
        guard change.input.count >= 8 else { throw .infoLengthMismatch }
        try open.require(.writeAttributes)
        let mode = change.input.littleEndian32(at: 0)
        // Reads that do not wait (FILE_PIPE_COMPLETE_OPERATION) are not offered.
        guard mode <= 1, change.input.littleEndian32(at: 4) == 0 else { throw .invalidParameter }
        pipe.readsMessages = mode == 1
    }
}
