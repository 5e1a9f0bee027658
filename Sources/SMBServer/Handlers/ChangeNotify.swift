import NTTypes
import SMBWire

/// Receiving an SMB2 CHANGE_NOTIFY Request, [MS-SMB2] 3.3.5.19. Nothing is reported yet, and the client is told so.
enum ChangeNotifyHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: ChangeNotifyRequest
        do { request = try ChangeNotifyRequest(from: &reader) } catch { throw .invalidParameter }
        guard request.outputBufferLength <= context.limits.transactByteCountMax else { throw .invalidParameter }
        let open = try context.open(request.fileID)
        guard open.isDirectory else { throw .invalidParameter }
        // FILE_LIST_DIRECTORY has FILE_READ_DATA's bit.
        try open.require(.readData)
        throw .notSupported
    }
}
