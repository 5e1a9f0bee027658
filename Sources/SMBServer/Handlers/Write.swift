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
        let offset = try offset(of: request, to: open)
        // [MS-FSA] 2.1.5.4: no file reaches beyond 2^63 - 1.
        guard offset <= UInt64(Int64.max) - UInt64(count) else { throw .invalidParameter }
        if open.node.isLocked(offset..<offset + UInt64(count), against: open, writing: true) {
            throw .fileLockConflict.because(.lockedRange)
        }
        if count > 0 {
            defer { context.breakReaders(by: open) }
            // SAFETY: the message outlives the request; the region is the span's own.
            try unsafe withBytes(request.data) { bytes throws(NTStatus) in
                try open.keepingFrozenTimes { () throws(NTStatus) in
                    // SAFETY: passed on.
                    try unsafe open.onlyAppends ? open.file.append(bytes) : open.file.write(bytes, at: offset)
                }
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

    /// Over SMB2, FILE_APPEND_DATA alone writes anywhere, as Windows has it, and an offset of all ones, by which
    /// [MS-FSA] 2.1.5.4 means the end of the file, is none. With the POSIX extensions such a handle is one of
    /// O_APPEND, as Samba has it: it writes at the end, and its client says so with that offset and no other.
    private static func offset(of request: WriteRequest, to open: Open) throws(NTStatus) -> UInt64 {
        guard open.onlyAppends else { return request.offset }
        guard request.offset == .max else { throw .invalidParameter }
        // Where the end is matters to those only who have locked what lies there.
        return open.node.withLocks { $0.isEmpty } ? 0 : try open.file.information().endOfFile
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
