import FileStore
import NTTypes
import Platform
import SMBWire

/// What makes a file stand for something else, [MS-FSCC] 2.1.2.
extension IoctlHandler {
    /// FSCTL_GET_REPARSE_POINT, [MS-FSA] 2.1.5.10.16.
    static func reparsePoint(_ control: Control, of open: Open) throws(NTStatus) -> [UInt8] {
        let buffer = try open.file.reparsePoint()
        // [MS-FSA] 2.1.5.10.16: half a buffer is of no use.
        guard buffer.count <= control.outputByteCountMax else { throw .bufferTooSmall }
        return buffer
    }

    /// FSCTL_SET_REPARSE_POINT, [MS-FSA] 2.1.5.10.38.
    static func setReparsePoint(_ control: Control, on open: Open, in context: inout RequestContext) throws(NTStatus) {
        let input = control.input
        try context.requireWritable()
        try open.requireAny(of: [.writeData, .writeAttributes])
        guard !input.isEmpty else { throw .invalidBufferSize }
        guard input.count >= 8, input.count <= context.limits.reparseByteCountMax else { throw .reparseDataInvalid }
        let tag = input.littleEndian32(at: 0)
        let header = ReparseBuffer.headerByteCount(tag)
        guard input.count == header + Int(input.littleEndian16(at: 4)) else { throw .reparseDataInvalid }
        // 0 and 1 are reserved.
        guard tag > 1 else { throw .reparseTagInvalid }
        if tag == ReparseBuffer.mountPointTag, !open.isDirectory { throw .notADirectory }
        try open.file.setReparsePoint(input, as: open.credentials)
        context.server.reportChange(open, .attributes)
    }

    /// FSCTL_DELETE_REPARSE_POINT, [MS-FSA] 2.1.5.10.3.
    static func deleteReparsePoint(
        _ control: Control, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let input = control.input
        try context.requireWritable()
        try open.requireAny(of: [.writeData, .writeAttributes])
        // The buffer is a header without data.
        guard input.count >= 8, input.littleEndian16(at: 4) == 0,
            input.count == ReparseBuffer.headerByteCount(input.littleEndian32(at: 0))
        else { throw .reparseDataInvalid }
        try open.file.deleteReparsePoint(input, as: open.credentials)
        context.server.reportChange(open, .attributes)
    }
}

extension NTStatus {
    // [MS-ERREF] 2.3.1.
    static var reparseTagInvalid: NTStatus { NTStatus(rawValue: 0xC000_0276) }
    static var invalidBufferSize: NTStatus { NTStatus(rawValue: 0xC000_0206) }
}
