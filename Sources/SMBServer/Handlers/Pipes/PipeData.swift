import NTTypes
import Platform
import SMBWire

extension ReadHandler {
    /// READ on a pipe, [MS-SMB2] 3.3.5.12: one message, or what fits of it with STATUS_BUFFER_OVERFLOW.
    static func read(_ request: ReadRequest, from pipe: NamedPipe, in context: inout RequestContext) throws(NTStatus) {
        let message = try pipe.read(Int(request.length), in: &context)
        let marker = ReadResponse.begin(into: context.reply)
        context.reply.append(Array(message.bytes))
        ReadResponse.finish(marker, in: context.reply)
        // StructureSize counts one byte of data; it is there even in an empty answer.
        if message.bytes.isEmpty { context.reply.append(0 as UInt8) }
        if !message.isWhole { context.status = .bufferOverflow }
    }
}

extension WriteHandler {
    /// WRITE on a pipe, [MS-SMB2] 3.3.5.13: always taken whole.
    static func write(
        _ request: WriteRequest, to pipe: NamedPipe, in context: inout RequestContext
    ) throws(NTStatus) {
        let data = request.data.array
        if !data.isEmpty { try pipe.write(data, in: &context) }
        WriteResponse(count: UInt32(data.count)).encode(into: context.reply)
    }
}

extension IoctlHandler {
    /// Controls of an open pipe, [MS-SMB2] 3.3.5.15.10; no file's.
    static func handle(
        _ control: Control, on pipe: NamedPipe, of open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        switch control.code {
        case .pipeTransceive: return try transceive(control, pipe, open, in: &context)
        case .pipePeek: return try peek(control, pipe, open, in: &context)
        default: throw .invalidDeviceRequest
        }
    }

    /// FSCTL_PIPE_TRANSCEIVE, [MS-FSCC] 2.3.51: a write, then a read of the answer.
    private static func transceive(
        _ control: Control, _ pipe: NamedPipe, _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        try open.require([.readData, .writeData])
        // A request that waited has written already: it waits for the answer only.
        if context.parkedRequest == nil, !control.input.isEmpty {
            try pipe.writeAtOnce(control.input, in: context)
        }
        let message = try pipe.read(control.outputByteCountMax, in: &context)
        if !message.isWhole { context.status = .bufferOverflow }
        return Array(message.bytes)
    }

    /// FSCTL_PIPE_PEEK, [MS-FSCC] 2.3.49 and 2.3.50.
    private static func peek(
        _ control: Control, _ pipe: NamedPipe, _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        try open.require(.readData)
        let headerByteCount = 16
        guard control.outputByteCountMax >= headerByteCount else { throw .infoLengthMismatch }
        let seen = pipe.peek(control.outputByteCountMax - headerByteCount)
        // FILE_PIPE_CONNECTED_STATE, FILE_PIPE_CLOSING_STATE.
        var output: [UInt8] = []
        output.appendLittleEndian(seen.isBroken ? 4 : 3 as UInt32)
        output.appendLittleEndian(UInt32(clamping: seen.readable))
        output.appendLittleEndian(UInt32(clamping: seen.count))
        output.appendLittleEndian(UInt32(clamping: seen.first))
        if seen.bytes.count < seen.first { context.status = .bufferOverflow }
        return output + seen.bytes
    }

    /// FSCTL_PIPE_WAIT, [MS-FSCC] 2.3.53: an instance of every pipe there is can be had at once.
    static func awaitPipe(_ control: Control, in context: inout RequestContext) throws(NTStatus) -> [UInt8] {
        guard case .pipes = context.treeConnect.share.kind, let service = context.server.pipeService else {
            throw .invalidDeviceRequest
        }
        // Timeout, NameLength, TimeoutSpecified, padding; then the name.
        let input = control.input
        guard input.count >= 14 else { throw .invalidParameter }
        let length = Int(input.littleEndian32(at: 8))
        guard length % 2 == 0, length > 0, length <= input.count - 14,
            length <= 2 * context.limits.pipeNameByteCountMax
        else { throw .invalidParameter }
        let units = stride(from: 14, to: 14 + length, by: 2).map { input.littleEndian16(at: $0) }
        context.connection.transport.willBlock()
        try service.find(String(decoding: units, as: UTF16.self))
        return []
    }
}
