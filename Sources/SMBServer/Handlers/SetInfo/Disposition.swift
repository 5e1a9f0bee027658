import FileStore
import NTTypes
import Platform
import SMBWire

/// FILE_DISPOSITION_*, [MS-FSCC] 2.4.12.
private struct DispositionFlags: OptionSet {
    let rawValue: UInt32
    static var delete: Self { .init(rawValue: 0x1) }
    static var posixSemantics: Self { .init(rawValue: 0x2) }
    /// Clients may map a file as a program; what they have mapped nobody here can know.
    static var forceImageSectionCheck: Self { .init(rawValue: 0x4) }
    static var onClose: Self { .init(rawValue: 0x8) }
    static var ignoreReadOnly: Self { .init(rawValue: 0x10) }
    static var known: Self { [.delete, .posixSemantics, .forceImageSectionCheck, .onClose, .ignoreReadOnly] }
}

extension SetInfoHandler {
    /// FileDispositionInformation and FileDispositionInformationEx, [MS-FSA] 2.1.5.15.3: the file, folder or stream
    /// goes when its last handle does, or stays after all.
    static func setDisposition(
        _ input: [UInt8], isExtended: Bool, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        guard input.count >= (isExtended ? 4 : 1) else { throw .infoLengthMismatch }
        try open.require(.delete)
        let flags = DispositionFlags(
            rawValue: isExtended ? input.littleEndian32(at: 0) : UInt32(input[0] == 0 ? 0 : 1))
        // Windows says so of flags that are newer than it, and clients then do without.
        guard flags.isSubset(of: .known) else { throw .notSupported }
        // A name that is gone is neither there to be deleted nor to stay. To Linux one name less is what it wants.
        if open.hasLostName.load(ordering: .relaxed) {
            guard open.file.isPOSIX else { throw .fileDeleted }
            return
        }
        if flags.contains(.onClose) { return try setDeleteOnClose(flags.contains(.delete), on: open) }
        guard flags.contains(.delete) else { return open.node.setDeletePending(false, by: open) }
        guard !open.file.path.isRoot || open.file.path.stream != nil else { throw .cannotDelete }
        // To Linux a file is no harder to delete for being read-only.
        try checkRemovable(open, ignoresReadOnly: open.file.isPOSIX || flags.contains(.ignoreReadOnly), in: &context)
        try context.awaitHandles(of: open)
        // A stream is nothing without its name: it waits for the last of those who have it open.
        let atOnce = open.file.path.stream == nil && (open.file.isPOSIX || flags.contains(.posixSemantics))
        open.node.setDeletePending(true, by: open, atOnce: atOnce)
        context.server.notifier.wakeWatchers(of: open)
    }

    /// Waits for entries of a folder that are about to leave it.
    private static func checkRemovable(
        _ open: Open, ignoresReadOnly: Bool, in context: inout RequestContext
    ) throws(NTStatus) {
        while true {
            do throws(NTStatus) {
                return try open.file.checkRemovable(as: open.credentials, ignoresReadOnly: ignoresReadOnly)
            } catch {
                let folder = open.file.path
                guard error == .directoryNotEmpty,
                    let leaving = context.server.files.nodes(leaving: folder).first,
                    try !context.awaitMoments({ leaving.obstacle(beneath: folder, $0) })
                else { throw error }
            }
        }
    }

    /// FILE_DISPOSITION_ON_CLOSE is about what FILE_DELETE_ON_CLOSE asked for, and means nothing to a handle that was
    /// opened without.
    private static func setDeleteOnClose(_ deletes: Bool, on open: Open) throws(NTStatus) {
        guard open.options.contains(.deleteOnClose) else { throw .notSupported }
        open.deletesOnClose.store(deletes, ordering: .relaxed)
        open.state.withLock { state in
            var mode = CreateOptions(rawValue: state.mode)
            if deletes { mode.insert(.deleteOnClose) } else { mode.remove(.deleteOnClose) }
            state.mode = mode.rawValue
        }
    }
}
