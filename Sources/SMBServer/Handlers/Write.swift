import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 WRITE Request, [MS-SMB2] 3.3.5.13. The data goes from the message straight to the file.
enum WriteHandler {
    /// An offset of all ones: at the end of the file, [MS-FSA] 2.1.5.4.
    private static let endOfFileOffset = UInt64.max

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: WriteRequest
        do { request = try WriteRequest(from: &reader) } catch { throw .invalidParameter }
        let open = try context.open(request.fileID)
        let count = request.data.byteCount
        guard count <= Int(context.limits.writeByteCountMax) else { throw .invalidParameter }
        try context.requireCredits(payload: count)
        guard request.channel == 0 else { throw .invalidParameter }
        guard !open.isDirectory else { throw .invalidDeviceRequest }
        try context.requireWritable()
        try open.requireAny(of: [.writeData, .appendData])
        let offset = try offset(of: request, open)
        if open.node.isLocked(offset..<offset + UInt64(count), against: open, writing: true) {
            throw .fileLockConflict
        }
        if count > 0 {
            // SAFETY: the message outlives the request; the region is the span's own.
            try unsafe withBytes(request.data) { bytes throws(NTStatus) in
                try unsafe open.file.write(bytes, at: offset)
            }
        }
        if request.flags.contains(.writeThrough) || open.options.contains(.writeThrough) {
            context.connection.transport.willBlock()
            try open.file.flush()
        }
        WriteResponse(count: UInt32(count)).encode(into: context.reply)
    }

    private static func offset(of request: borrowing WriteRequest, _ open: Open) throws(NTStatus) -> UInt64 {
        if request.offset == endOfFileOffset { return try open.file.information().endOfFile }
        guard request.offset <= UInt64(Int64.max) - UInt64(request.data.byteCount) else { throw .invalidParameter }
        // Who may only append may write nowhere but at the end, [MS-FSA] 2.1.5.4.
        if !open.grantedAccess.contains(.writeData), request.offset < (try open.file.information().endOfFile) {
            throw .accessDenied
        }
        return request.offset
    }

    /// `RawSpan.withUnsafeBytes` rethrows untyped; this keeps the type.
    private static func withBytes(
        _ span: RawSpan, _ body: (UnsafeRawBufferPointer) throws(NTStatus) -> Void
    ) throws(NTStatus) {
        let result: Result<Void, NTStatus> = unsafe span.withUnsafeBytes { bytes in
            do throws(NTStatus) {
                try unsafe body(bytes)
                return .success(())
            } catch { return .failure(error) }
        }
        try result.get()
    }
}
