import FileStore
import NTTypes
import SMBWire

/// Receiving an SMB2 FLUSH Request, [MS-SMB2] 3.3.5.11. A Mac marks those that are to wait for the disk itself (0xFFFF
/// in Reserved1, for F_FULLFSYNC): every one does.
enum FlushHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: FlushRequest
        do { request = try FlushRequest(from: &reader) } catch { throw .invalidParameter }
        let open = try context.open(request.fileID)
        // Of a folder, FILE_ADD_FILE and FILE_ADD_SUBDIRECTORY have the same bits.
        try open.requireAny(of: [.writeData, .appendData])
        context.connection.transport.willBlock()
        try open.file.flush()
        FlushResponse().encode(into: context.reply)
    }
}
