import FileStore
import NTTypes
import Platform
import SMBWire

/// What FileRenameInformation, FileRenameInformationEx, FileLinkInformation and FileLinkInformationEx say: [MS-FSCC]
/// 2.4.42, 2.4.43, 2.4.27, and FILE_LINK_INFORMATION, which has the same flags as FILE_RENAME_INFORMATION.
private struct NewName {
    /// FILE_RENAME_REPLACE_IF_EXISTS.
    var replacesExisting: Bool
    /// FILE_RENAME_POSIX_SEMANTICS: a file that is replaced lives on for those who have it open.
    var hasPOSIXSemantics = false
    /// FILE_RENAME_IGNORE_READONLY_ATTRIBUTE.
    var ignoresReadOnly = false
    var name: NTName

    /// The flags of the table that ask for more are about reserved areas of a volume and about files that are kept
    /// elsewhere; there are none.
    private static var knownFlags: UInt32 { 0x1FF }

    var replacing: Replacing {
        guard replacesExisting else { return [] }
        var replacing: Replacing = .files
        if ignoresReadOnly { replacing.insert(.readOnly) }
        if hasPOSIXSemantics { replacing.insert(.emptyFolders) }
        return replacing
    }

    init(_ input: [UInt8], isExtended: Bool, byteCountMax: Int) throws(NTStatus) {
        // [MS-SMB2] 3.3.5.21.1: the structure with its padding is 24 bytes.
        guard input.count >= 24 else { throw .infoLengthMismatch }
        let byteCount = Int(input.littleEndian32(at: 16))
        guard byteCount > 0, byteCount % 2 == 0, byteCount <= input.count - 20,
            input.littleEndian64(at: 8) == 0
        else { throw .invalidParameter }
        guard byteCount <= byteCountMax else { throw .objectNameInvalid }
        if isExtended {
            let flags = input.littleEndian32(at: 0)
            // Windows says so of flags that are newer than it, and clients then do without.
            guard flags & ~Self.knownFlags == 0 else { throw .notSupported }
            replacesExisting = flags & 1 != 0
            hasPOSIXSemantics = flags & 2 != 0
            ignoresReadOnly = flags & 0x40 != 0
        } else {
            replacesExisting = input[0] != 0
        }
        do {
            // SAFETY: a view of initialised bytes; the array lives through the call.
            name = try NTName(utf16LittleEndian: unsafe input.span.bytes.extracting(20..<20 + byteCount))
        } catch { throw .invalidParameter }
    }
}

/// What had the new name.
private struct Replaced {
    var nodes: [FileNode] = []
    /// As it is spelled on the disk.
    var name: NTPath
    /// Something has it, and may be replaced: the file itself by another of its names, or `departing`.
    var isThere = false
    /// Whose name is being taken away: nobody can open it by that until it is known what became of it.
    var departing: FileNode?
    func nameIsGone() { for node in nodes { node.nameIsGone(name) } }
}

extension SetInfoHandler {
    /// FileRenameInformation, [MS-FSA] 2.1.5.15.11.
    static func rename(
        _ input: [UInt8], isExtended: Bool, _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let new = try NewName(
            input, isExtended: isExtended, byteCountMax: context.limits.pathByteCountMax)
        try open.require(.delete)
        if open.file.isPOSIX { return try renamePOSIX(new, open, in: &context) }
        let source = open.file.path
        if new.name.utf8.first == UInt8(ascii: ":") {
            return try renameStream(new, open, in: &context)
        }
        // The root has no name to change.
        guard !source.isRoot || source.stream != nil else { throw .invalidParameter }
        try requireName(open)
        if source.stream != nil {
            // A stream stays with its file. Windows finds that out once it has opened the folder.
            try requireParent(of: try NTPath(clientName: new.name), allowsEntries: open, in: &context)
            throw .invalidParameter
        }
        let target = try path(new.name, for: open)
        if open.isDirectory {
            // A folder cannot move while something in it is open.
            try context.awaitClose(
                of: context.server.files.nodes(beneath: source, in: open.treeConnect.share), besides: open)
        }
        try requireParent(of: target, allowsEntries: open, in: &context)
        try context.awaitHandles(of: open)
        let replaced = try replace(target, new, for: open, in: &context) { replacing throws(NTStatus) in
            try open.keepingFrozenTimes { () throws(NTStatus) in
                try open.file.rename(to: target, replacing: replacing, as: open.credentials)
            }
        }
        context.server.isRenamed(open, from: source, replaced)
        context.server.end(replaced)
    }

    /// Gives a file a name, once what stands there allows to be replaced.
    /// - Parameter change: what does it; of files it may replace those that it is told.
    private static func replace(
        _ target: NTPath, _ new: NewName, for open: Open, in context: inout RequestContext,
        _ change: (Replacing) throws(NTStatus) -> Void
    ) throws(NTStatus) -> Replaced {
        var tryCount = 0
        while true {
            let replaced = try clear(target, new, for: open, in: &context)
            tryCount += 1
            do throws(NTStatus) {
                // A link that clients do not see is no file that could be asked about: it goes in the end.
                try change(replaced.isThere || tryCount == 16 ? new.replacing : [])
                return replaced
            } catch {
                context.server.end(replaced)
                // Somebody has made a file of that name meanwhile, and is to be asked as well.
                guard error == .objectNameCollision, new.replacesExisting, tryCount < 16 else { throw error }
            }
        }
    }

    /// A name that is to go, or gone, is not changed.
    private static func requireName(_ open: Open) throws(NTStatus) {
        guard !open.node.isDeletePending(for: open) else { throw .accessDenied.because(.deletePending) }
        guard !open.hasLostName.load(ordering: .relaxed) else { throw .fileDeleted }
    }

    /// As rename(2) does it: what has the new name gives way, and whoever has it open keeps it. Handles that clients
    /// only keep in their caches are let go of, here as there: they stand for names that lead elsewhere now.
    private static func renamePOSIX(_ new: NewName, _ open: Open, in context: inout RequestContext) throws(NTStatus) {
        let source = open.file.path
        let target = try path(new.name, for: open)
        try context.awaitHandles(of: open)
        var replaced = Replaced(name: target)
        if let found = try probe(target, open), found.information.identity != open.file.identity {
            replaced = Replaced(nodes: context.server.files.nodes(of: found.information.identity), name: found.path)
            try context.awaitHandles(of: replaced.nodes, by: open)
        }
        if new.replacesExisting {
            try open.file.renameReplacing(to: target, as: open.credentials)
        } else {
            try open.file.rename(to: target, replaceIfExists: false, as: open.credentials)
        }
        context.server.isRenamed(open, from: source, replaced)
    }

    /// FileLinkInformation, [MS-FSA] 2.1.5.15.6.
    static func link(
        _ input: [UInt8], isExtended: Bool, _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let new = try NewName(input, isExtended: isExtended, byteCountMax: context.limits.pathByteCountMax)
        guard !open.isDirectory else { throw .fileIsADirectory }
        guard open.file.path.stream == nil else { throw .invalidParameter }
        try requireName(open)
        let target = try path(new.name, for: open)
        try requireParent(of: target, allowsEntries: open, in: &context)
        var made = target
        let replaced = try replace(target, new, for: open, in: &context) { replacing throws(NTStatus) in
            made = try open.file.link(at: target, replacing: replacing, as: open.credentials)
        }
        replaced.nameIsGone()
        context.server.end(replaced)
        context.server.reportName(.added, made, of: open)
    }

    /// FileStreamRename, [MS-FSA] 2.1.5.15.12: ":name" or ":name:$DATA", in the same file.
    private static func renameStream(_ new: NewName, _ open: Open, in context: inout RequestContext) throws(NTStatus) {
        let source = open.file.path
        guard source.stream != nil else { throw .invalidParameter }
        try requireName(open)
        var target = source
        do throws(NTStatus) {
            target.stream = try NTPath(clientName: NTName(utf8: Array("x".utf8) + new.name.utf8)).stream
        } catch {
            // What no stream can be called is a wrong parameter here, as NTFS has it.
            throw error == .objectNameInvalid ? .invalidParameter : error
        }
        let replaced = try clearStream(target, new, for: open, in: &context)
        defer { context.server.end(replaced) }
        try open.file.rename(to: target, replaceIfExists: new.replacesExisting, as: open.credentials)
        context.server.files.noteNameChange()
        open.node.renamed(from: source, to: target)
        if let name = target.stream { context.server.files.rename(open.node, toStream: name) }
    }

    /// What others have open does not give way, as with files.
    private static func clearStream(
        _ target: NTPath, _ new: NewName, for open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> Replaced {
        guard let name = target.stream, new.replacesExisting, name.folded != open.file.path.stream?.folded else {
            return Replaced(name: target)
        }
        let files = context.server.files
        if let node = files.node(open.node.identity, stream: name) {
            try context.awaitDeparture(of: target, from: [node])
        }
        let departing = files.depart(target, of: open.node.identity, unless: { _ in true })
        guard let departing else { throw .accessDenied.because(.openElsewhere) }
        return Replaced(name: target, departing: departing)
    }

    private static func path(_ name: NTName, for open: Open) throws(NTStatus) -> NTPath {
        let path = open.file.isPOSIX ? try NTPath(posixName: name) : try NTPath(clientName: name)
        guard !path.isRoot, path.stream == nil else { throw .objectNameInvalid }
        if path.components.contains(where: open.treeConnect.share.hides) { throw .accessDenied }
        return path
    }

    /// A new entry in a folder needs what an open for FILE_ADD_FILE with sharing for reading and writing would:
    /// whoever has the folder open for DELETE, or shares it for less, forbids it. Windows's I/O manager opens it just
    /// so.
    private static func requireParent(
        of target: NTPath, allowsEntries open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        guard let parent = target.parent, let found = try probe(parent, open)?.information else {
            throw .objectPathNotFound
        }
        // A file where the folder should be, as NTFS has it.
        guard found.isDirectory else { throw .invalidParameter }
        try context.awaitClose(
            of: context.server.files.nodes(of: found.identity), besides: open, orThrow: .sharingViolation
        ) { other in
            // Opens for attributes alone take no part in sharing, [MS-FSA] 2.1.5.1.2.2.
            let data: AccessMask = [.readData, .writeData, .appendData, .execute, .delete]
            guard other !== open, !other.grantedAccess.isDisjoint(with: data) else { return false }
            return other.grantedAccess.contains(.delete) || !other.shareAccess.contains(.write)
        }
    }

    /// What stands at the new name must allow to be replaced.
    /// - Returns: what will have lost that name.
    private static func clear(
        _ target: NTPath, _ new: NewName, for open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> Replaced {
        guard let (existing, name) = try probe(target, open) else { return Replaced(name: target) }
        guard existing.identity != open.file.identity else { return Replaced(name: target, isThere: true) }
        guard new.replacesExisting else { throw .objectNameCollision }
        // With POSIX semantics an empty folder gives way to a folder.
        guard !existing.isDirectory || open.isDirectory && new.hasPOSIXSemantics else {
            throw .accessDenied.because(.request)
        }
        if existing.attributes.contains(.readOnly), !new.ignoresReadOnly {
            throw .accessDenied.because(.readOnlyAttribute)
        }
        let files = context.server.files
        let nodes = files.nodes(of: existing.identity)
        // A name that is to go as soon as others close its file goes now. Windows refuses; Linux's client, once refused
        // a file that another has open, deletes that and tries again: it would end with neither.
        let isDoomed = nodes.contains { $0.isDeletePending(of: name) }
        let isInTheWay = { (other: Open) -> Bool in
            !new.hasPOSIXSemantics && (!isDoomed || other.session === open.session)
        }
        if new.hasPOSIXSemantics {
            // Who has it open keeps it, and must have allowed for that. A handle that is only kept in a cache stands
            // for a name that leads elsewhere now.
            try context.awaitHandles(of: nodes, by: open)
            for node in nodes where node.forbidsDeletion { throw .sharingViolation.because(.openElsewhere) }
        } else {
            try context.awaitClose(of: nodes, besides: open, where: isInTheWay)
        }
        try context.awaitDeparture(of: name, from: nodes)
        guard let departing = files.depart(name, of: existing.identity, unless: isInTheWay) else {
            // Opened since then, or going.
            return try clear(target, new, for: open, in: &context)
        }
        return Replaced(nodes: files.nodes(of: existing.identity), name: name, isThere: true, departing: departing)
    }

    /// A look at what is there; nil if nothing is.
    private static func probe(
        _ path: NTPath, _ open: Open
    ) throws(NTStatus) -> (information: FileInformation, path: NTPath)? {
        guard let store = open.treeConnect.store else { throw .invalidDeviceRequest }
        var parameters = OpenParameters(
            desiredAccess: [], disposition: .open, options: .openReparsePoint, attributes: [])
        parameters.isCaseSensitive = open.treeConnect.share.isCaseSensitive
        parameters.isPOSIX = open.file.isPOSIX
        do {
            let found = try store.open(path, parameters, as: open.credentials)
            defer { found.file.close() }
            return (found.information, found.file.path)
        } catch {
            guard error == .objectNameNotFound else { throw error }
            return nil
        }
    }
}

extension Server {
    /// What the file system has done is so for everybody who has either file open, or watches.
    fileprivate func isRenamed(_ open: Open, from source: NTPath, _ replaced: Replaced) {
        // As its folders are spelled on the disk, and not by the client: names of one file are compared as they are.
        let target = open.file.path
        files.noteNameChange()
        replaced.nameIsGone()
        open.node.renamed(from: source, to: target)
        if open.isDirectory { folderIsRenamed(open, from: source, to: target) }
        reportRename(from: source, to: target, of: open)
    }

    /// Who waits for a name that was being taken away looks at what is there now.
    fileprivate func end(_ replaced: Replaced) {
        if let node = replaced.departing { hasDeparted(replaced.name, from: node) }
    }

    /// Those who hear of what is in the folder go on doing so, by its new name.
    private func folderIsRenamed(_ open: Open, from source: NTPath, to target: NTPath) {
        let share = open.treeConnect.share
        directoryLeases.move(from: source, to: target, in: share)
        notifier.move(open.node.opens)
        localWatches.move(from: source, to: target, of: share)
    }
}
