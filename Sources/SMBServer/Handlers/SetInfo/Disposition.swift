import FileStore
import NTTypes
import Platform
import SMBWire

extension SetInfoHandler {
    /// FileDispositionInformation and FileDispositionInformationEx, [MS-FSA] 2.1.5.15.3: the file, folder or stream
    /// goes when its last handle does, or stays after all.
    static func setDisposition(
        _ input: [UInt8], isExtended: Bool, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        guard input.count >= (isExtended ? 4 : 1) else { throw .infoLengthMismatch }
        try open.require(.delete)
        // FILE_DISPOSITION_DELETE, FILE_DISPOSITION_POSIX_SEMANTICS; what the others ask for is so already or not
        // offered.
        let flags = isExtended ? input.littleEndian32(at: 0) : UInt32(input[0] == 0 ? 0 : 1)
        guard flags & 1 != 0 else {
            open.deletesAtOnce.store(false, ordering: .relaxed)
            open.node.setDeletePending(false, by: open)
            return
        }
        guard !open.file.path.isRoot || open.file.path.stream != nil else { throw .cannotDelete }
        try open.file.checkRemovable(as: open.credentials)
        try context.awaitHandles(of: open)
        if open.file.isPOSIX || flags & 2 != 0 { open.deletesAtOnce.store(true, ordering: .relaxed) }
        open.node.setDeletePending(true, by: open)
        context.server.notifier.wakeWatchers(of: open)
    }
}
