import FileStore
import NTTypes
import Platform
import SMBWire

/// Copying within the server: the data does not travel to the client and back.
extension IoctlHandler {
    // MARK: resume keys and chunks

    /// FSCTL_SRV_REQUEST_RESUME_KEY, [MS-SMB2] 3.3.5.15.5: names an open for a copy. Of no use to any other session,
    /// and made of what the open has already, so that nothing must be kept.
    static func resumeKey(_ control: Control, of open: Open) throws(NTStatus) -> [UInt8] {
        // 2.2.32.3: the key, ContextLength 0, and four bytes of context that are not used.
        guard control.outputByteCountMax >= 32 else { throw .invalidParameter }
        return resumeKey(of: open) + [UInt8](repeating: 0, count: 8)
    }

    private static func resumeKey(of open: Open) -> [UInt8] {
        var key: [UInt8] = []
        key.appendLittleEndian(open.fileID.volatile)
        key.appendLittleEndian(open.fileID.persistent)
        key.appendLittleEndian(open.file.identity.index)
        return key
    }

    /// SRV_COPYCHUNK_RESPONSE, [MS-SMB2] 2.2.32.1.
    private struct CopyResponse {
        var chunkCount: UInt32 = 0
        var chunkByteCount: UInt32 = 0
        var totalByteCount: UInt32 = 0
        var encoded: [UInt8] {
            var bytes: [UInt8] = []
            for value in [chunkCount, chunkByteCount, totalByteCount] { bytes.appendLittleEndian(value) }
            return bytes
        }
    }

    /// SRV_COPYCHUNK, [MS-SMB2] 2.2.31.1.1.
    private struct Chunk {
        var source: UInt64
        var target: UInt64
        var byteCount: UInt32
        init(_ input: [UInt8], at offset: Int) {
            source = input.littleEndian64(at: offset)
            target = input.littleEndian64(at: offset + 8)
            byteCount = input.littleEndian32(at: offset + 16)
        }
        /// Both ranges end at 2^63 - 1 at most.
        var isInReach: Bool {
            let last = UInt64(Int64.max) - UInt64(byteCount)
            return source <= last && target <= last
        }
        var sourceRange: Range<UInt64> { source..<source + UInt64(byteCount) }
        var targetRange: Range<UInt64> { target..<target + UInt64(byteCount) }
    }

    /// FSCTL_SRV_COPYCHUNK and FSCTL_SRV_COPYCHUNK_WRITE, [MS-SMB2] 3.3.5.15.6.
    static func copyChunks(
        _ control: Control, to open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        let input = control.input
        guard control.outputByteCountMax >= 12, input.count >= 32 else { throw .invalidParameter }
        guard let source = context.session.open(input.littleEndian64(at: 0)),
            resumeKey(of: source) == Array(input[..<24])
        else { throw .objectNameNotFound }
        let limits = context.limits
        let count = Int(input.littleEndian32(at: 24))
        guard count <= limits.copyChunkCountMax, count <= (input.count - 32) / 24 else {
            return tell(limits, in: &context)
        }
        let chunks = (0..<count).map { Chunk(input, at: 32 + 24 * $0) }
        let total = chunks.reduce(0) { $0 + Int($1.byteCount) }
        guard total <= limits.copyByteCountMax,
            chunks.allSatisfy({ $0.byteCount > 0 && Int($0.byteCount) <= limits.copyChunkByteCountMax && $0.isInReach })
        else { return tell(limits, in: &context) }
        try context.requireWritable()
        // Reading a program in order to run it is reading.
        try source.requireAny(of: [.readData, .execute])
        try open.requireAny(of: [.writeData, .appendData])
        if control.code == .copyChunk { try open.require(.readData) }
        guard !source.isDirectory, !open.isDirectory else { throw .invalidDeviceRequest }
        defer { context.breakReaders(by: open) }
        context.connection.transport.willBlock()
        var response = CopyResponse()
        do throws(NTStatus) {
            try open.keepingFrozenTimes { () throws(NTStatus) in
                for chunk in chunks {
                    try copy(chunk, from: source, to: open)
                    response.chunkCount += 1
                    response.totalByteCount += chunk.byteCount
                }
            }
        } catch {
            // What was copied before stays, and is told together with the error.
            context.status = error
        }
        context.server.reportWrite(open)
        return response.encoded
    }

    /// A request beyond the limits is told what they are.
    private static func tell(_ limits: Limits, in context: inout RequestContext) -> [UInt8] {
        context.status = .invalidParameter
        return CopyResponse(
            chunkCount: UInt32(limits.copyChunkCountMax), chunkByteCount: UInt32(limits.copyChunkByteCountMax),
            totalByteCount: UInt32(limits.copyByteCountMax)
        ).encoded
    }

    private static func copy(_ chunk: Chunk, from source: Open, to open: Open) throws(NTStatus) {
        if source.node.isLocked(chunk.sourceRange, against: source, writing: false)
            || open.node.isLocked(chunk.targetRange, against: open, writing: true)
        {
            throw .fileLockConflict.because(.lockedRange)
        }
        guard chunk.sourceRange.upperBound <= (try source.file.information().endOfFile) else {
            throw .invalidViewSize
        }
        try open.file.copy(chunk.sourceRange, of: source.file, to: chunk.target)
    }

    // MARK: shared blocks

    /// FSCTL_DUPLICATE_EXTENTS_TO_FILE and its _EX form, [MS-FSCC] 2.3.7 and 2.3.9. Byte-range locks do not matter
    /// here, unlike in a copy.
    static func duplicateExtents(
        _ control: Control, to open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let input = control.input
        let isExtended = control.code == .duplicateExtentsEx
        let start = isExtended ? 8 : 0
        guard input.count >= start + 40 + (isExtended ? 8 : 0) else { throw .invalidParameter }
        let chunk = (
            source: input.littleEndian64(at: start + 16), target: input.littleEndian64(at: start + 24),
            byteCount: input.littleEndian64(at: start + 32)
        )
        // The only flag is DUPLICATE_EXTENTS_DATA_EX_SOURCE_ATOMIC: all or nothing, as it is here in any case.
        if isExtended, input.littleEndian32(at: start + 40) & ~1 != 0 { throw .invalidParameter }
        let sourceID = FileID(
            persistent: input.littleEndian64(at: start), volatile: input.littleEndian64(at: start + 8))
        guard open.treeConnect.store?.capabilities.contains(.blockCloning) == true else { throw .notSupported }
        try context.requireWritable()
        guard let source = context.session.open(sourceID.volatile), source.fileID == sourceID else {
            throw .invalidHandle
        }
        try source.requireAny(of: [.readData, .execute])
        try open.require(.writeData)
        guard !open.isDirectory, !source.isDirectory else { throw .invalidParameter }
        let last = UInt64(Int64.max)
        guard chunk.source <= last, chunk.target <= last, chunk.byteCount <= last - max(chunk.source, chunk.target)
        else { throw .invalidParameter }
        guard chunk.byteCount > 0 else { return }
        let range = chunk.source..<chunk.source + chunk.byteCount
        let sourceInformation = try source.file.information()
        let information = try open.file.information()
        // [MS-FSA] 2.1.5.10.4: the ranges lie apart, the source's within its file, and a sparse file is cloned onto a
        // sparse one.
        guard range.upperBound <= sourceInformation.endOfFile,
            source.file.identity != open.file.identity
                || !range.overlaps(chunk.target..<chunk.target + chunk.byteCount),
            !sourceInformation.attributes.contains(.sparseFile) || information.attributes.contains(.sparseFile)
        else { throw .notSupported }
        // The target keeps its size: Windows says that all went well even if nothing of the range is in it.
        let byteCount = min(chunk.byteCount, information.endOfFile - min(information.endOfFile, chunk.target))
        guard byteCount > 0 else { return }
        defer { context.breakReaders(by: open) }
        context.connection.transport.willBlock()
        try open.keepingFrozenTimes { () throws(NTStatus) in
            try open.file.clone(range.lowerBound..<range.lowerBound + byteCount, of: source.file, to: chunk.target)
        }
        context.server.reportWrite(open)
    }
}
