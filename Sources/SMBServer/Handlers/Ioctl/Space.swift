import FileStore
import NTTypes
import Platform
import SMBWire

/// Controls of a file's space: holes, zeros, what is allocated, trim, compression.
extension IoctlHandler {
    /// FSCTL_SET_SPARSE, [MS-FSCC] 2.3.71: without input it means yes.
    static func setSparse(_ control: Control, on open: Open, in context: inout RequestContext) throws(NTStatus) {
        try context.requireWritable()
        // [MS-FSA] 2.1.5.10.39: whoever may change data or attributes.
        try open.requireAny(of: [.writeData, .writeAttributes, .appendData])
        try open.file.setSparse(control.input.first != 0, as: open.credentials)
        context.server.reportChange(open, .attributes)
    }

    /// FSCTL_SET_ZERO_DATA, [MS-FSCC] 2.3.73: FileOffset, BeyondFinalZero.
    static func setZeroData(_ control: Control, on open: Open, in context: inout RequestContext) throws(NTStatus) {
        guard control.input.count >= 16 else { throw .invalidParameter }
        try context.requireWritable()
        try open.require(.writeData)
        guard !open.isDirectory else { throw .invalidParameter }
        let start = control.input.littleEndian64(at: 0)
        let end = control.input.littleEndian64(at: 8)
        guard start <= end, end <= UInt64(Int64.max) else { throw .invalidParameter }
        guard start < end else { return }
        if open.node.isLocked(start..<end, against: open, writing: true) {
            throw .fileLockConflict.because(.lockedRange)
        }
        defer { context.breakReaders(by: open) }
        context.connection.transport.willBlock()
        try open.keepingFrozenTimes { () throws(NTStatus) in try open.file.zero(start..<end) }
        context.server.reportWrite(open)
    }

    /// FSCTL_QUERY_ALLOCATED_RANGES, [MS-FSCC] 2.3.52: FileOffset, Length.
    static func queryAllocatedRanges(
        _ control: Control, of open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        guard control.input.count >= 16 else { throw .invalidParameter }
        try open.require(.readData)
        let start = control.input.littleEndian64(at: 0)
        let length = control.input.littleEndian64(at: 8)
        guard start <= UInt64(Int64.max), length <= UInt64(Int64.max) - start else { throw .invalidParameter }
        guard !open.isDirectory else { throw .invalidParameter }
        guard length > 0 else { return [] }
        let room = control.outputByteCountMax / 16
        context.connection.transport.willBlock()
        // One more than there is room for shows that there are more.
        let ranges = try open.file.allocatedRanges(in: start..<start + length, countMax: room + 1)
        if ranges.count > room {
            guard room > 0 else { throw .bufferTooSmall }
            context.status = .bufferOverflow
        }
        var output: [UInt8] = []
        for range in ranges.prefix(room) {
            output.appendLittleEndian(range.lowerBound)
            output.appendLittleEndian(range.upperBound - range.lowerBound)
        }
        return output
    }

    /// FSCTL_FILE_LEVEL_TRIM, [MS-FSCC] 2.3.15: Key, NumRanges, and ranges of Offset and Length. Answered with how many
    /// were dealt with.
    static func trim(_ control: Control, on open: Open, in context: inout RequestContext) throws(NTStatus) -> [UInt8] {
        let input = control.input
        guard input.count >= 8 else { throw .invalidParameter }
        let count = Int(input.littleEndian32(at: 4))
        // [MS-FSA] 2.1.5.10.13: the key must be 0, and the ranges all there.
        guard input.littleEndian32(at: 0) == 0, count > 0, count <= (input.count - 8) / 16 else {
            throw .invalidParameter
        }
        try context.requireWritable()
        try open.require(.writeData)
        guard !open.isDirectory else { throw .invalidParameter }
        defer { context.breakReaders(by: open) }
        context.connection.transport.willBlock()
        for index in 0..<count {
            let start = input.littleEndian64(at: 8 + 16 * index)
            let length = input.littleEndian64(at: 16 + 16 * index)
            guard start <= UInt64(Int64.max), length <= UInt64(Int64.max) - start else { throw .invalidParameter }
            guard length > 0 else { continue }
            if open.node.isLocked(start..<start + length, against: open, writing: true) {
                throw .fileLockConflict.because(.lockedRange)
            }
            try open.keepingFrozenTimes { () throws(NTStatus) in try open.file.trim(start..<start + length) }
        }
        var output: [UInt8] = []
        if control.outputByteCountMax >= 4 { output.appendLittleEndian(UInt32(count)) }
        return output
    }

    // MARK: compression

    /// FSCTL_GET_COMPRESSION, [MS-FSA] 2.1.5.10.8. Whatever a file system does, clients know it as LZNT1.
    static func compression(_ control: Control, of open: Open) throws(NTStatus) -> [UInt8] {
        guard control.outputByteCountMax >= 2 else { throw .invalidParameter }
        return [try open.file.information().attributes.contains(.compressed) ? 2 : 0, 0]
    }

    /// FSCTL_SET_COMPRESSION, [MS-FSA] 2.1.5.10.34: COMPRESSION_FORMAT_NONE, _DEFAULT or _LZNT1.
    static func setCompression(
        _ control: Control, of open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        guard control.input.count >= 2 else { throw .invalidParameter }
        try context.requireWritable()
        // 2.3.67: FILE_WRITE_DATA; of a folder it is FILE_ADD_FILE, the same bit.
        try open.require(.writeData)
        let format = control.input.littleEndian16(at: 0)
        let canCompress = open.treeConnect.store?.capabilities.contains(.compression) == true
        guard format <= 2 else { throw canCompress ? .invalidParameter : .notSupported }
        try open.file.setCompressed(format != 0)
        context.server.reportChange(open, .attributes)
    }
}
