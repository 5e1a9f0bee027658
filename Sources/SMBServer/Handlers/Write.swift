import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 WRITE Request, [MS-SMB2] 3.3.5.13. The data goes from the message straight to the file.
enum WriteHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: WriteRequest
        do { request = try WriteRequest(from: &reader) } catch { throw .invalidParameter }
        let open = try context.openToChange(request.fileID)
        let count = request.data.byteCount
        guard count <= Int(context.limits.writeByteCountMax) else { throw .invalidParameter }
        try context.requireCredits(payload: count)
        guard request.channel == 0 else { throw .invalidParameter }
        guard !open.isDirectory else { throw .invalidDeviceRequest }
        try context.requireWritable()
        try open.requireAny(of: [.writeData, .appendData])
        if let pipe = open.pipe { return try write(request, to: pipe, in: &context) }
        // [MS-FSA] 2.1.5.4: no file reaches beyond 2^63 - 1. Over SMB2, FILE_APPEND_DATA alone writes anywhere, as
        // Windows has it, and an offset of all ones is not the end of the file.
        let offset = request.offset
        guard offset <= UInt64(Int64.max) - UInt64(count) else { throw .invalidParameter }
        if open.node.isLocked(offset..<offset + UInt64(count), against: open, writing: true) {
            throw .fileLockConflict
        }
        if count > 0 {
            context.server.send(open.node.breakReaders(by: open))
            // SAFETY: the message outlives the request; the region is the span's own.
            try unsafe withBytes(request.data) { bytes throws(NTStatus) in
                try open.keepingFrozenTimes { () throws(NTStatus) in try unsafe open.file.write(bytes, at: offset) }
            }
        }
        if count > 0 { context.server.reportWrite(open) }
        if request.flags.contains(.writeThrough) || open.options.contains(.writeThrough) {
            context.connection.transport.willBlock()
            try open.file.flush()
        }
        open.treeConnect.writtenByteCount.wrappingAdd(UInt64(count), ordering: .relaxed)
        WriteResponse(count: UInt32(count)).encode(into: context.reply)
    }

    /// `RawSpan.withUnsafeBytes` rethrows untyped; this keeps the type.
    private static func withBytes(
        _ span: RawSpan, _ body: (UnsafeRawBufferPointer) throws(NTStatus) -> Void
    ) throws(NTStatus) {
        // SAFETY: the bytes are used inside the closure only.
        let result: Result<Void, NTStatus> = unsafe span.withUnsafeBytes { bytes in
            do throws(NTStatus) {
                try unsafe body(bytes)
                return .success(())
            } catch { return .failure(error) }
        }
        try result.get()
    }
}
