import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 QUERY_DIRECTORY Request, [MS-SMB2] 3.3.5.18.
enum QueryDirectoryHandler {
    struct Query {
        var entryClass: DirectoryEntryClass
        var restarts = false
        var reopens = false
        var isSingleEntry = false
        /// SMB2_INDEX_SPECIFIED. Entries have no numbers here (FileIndex is 0), as on NTFS: only the pattern counts
        /// then.
        var isIndexed = false
        var pattern: NTName
        /// Bytes.
        var limit: Int
    }

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let open: Open
        let query: Query
        do {
            let request = try QueryDirectoryRequest(from: &reader)
            open = try context.open(request.fileID)
            // 3.3.5.18: a search needs a folder.
            guard open.isDirectory else { throw NTStatus.invalidParameter }
            let limit = Int(request.outputBufferLength)
            try context.requireTransactSize(max(limit, request.fileName.byteCount))
            guard let entryClass = DirectoryEntryClass(rawValue: request.informationClass),
                entryClass != .posix || open.file.isPOSIX
            else {
                throw NTStatus.invalidInfoClass
            }
            query = Query(
                entryClass: entryClass, restarts: request.flags.contains(.restartScans),
                reopens: request.flags.contains(.reopen), isSingleEntry: request.flags.contains(.returnSingleEntry),
                isIndexed: request.flags.contains(.indexSpecified),
                pattern: try NTName(utf16LittleEndian: request.fileName), limit: limit)
        } catch let status as NTStatus { throw status } catch { throw .invalidParameter }
        try handle(query, on: open, in: &context)
    }

    static func handle(_ query: Query, on open: Open, in context: inout RequestContext) throws(NTStatus) {
        // 3.3.5.18: FILE_LIST_DIRECTORY.
        try open.require(.readData)
        let output = OutputBuffer(in: context.reply, limit: query.limit)
        try output.requireRoom(for: query.entryClass.fixedByteCount)
        let search = try search(for: query, of: open)
        let share = open.treeConnect.share
        try search.reader.withLock { (reader: inout sending DirectorySearch.Reader) throws(NTStatus) in
            try position(&reader, for: query, isCaseSensitive: share.isCaseSensitive || open.file.isPOSIX)
            try fill(output, from: &reader, query, share)
        }
        context.status = output.end()
    }

    /// The open's search, begun if there is none. Reopening forgets the one before and its pattern.
    private static func search(for query: Query, of open: Open) throws(NTStatus) -> DirectorySearch {
        if !query.reopens, let search = open.state.withLock({ $0.directoryCursor }) { return search }
        let cursor = try open.file.makeDirectoryCursor(as: open.credentials)
        let made = DirectorySearch(
            cursor,
            expression(query.pattern, isCaseSensitive: open.treeConnect.share.isCaseSensitive || open.file.isPOSIX))
        return open.state.withLock { state in
            if !query.reopens, let search = state.directoryCursor { return search }
            state.directoryCursor = made
            return made
        }
    }

    /// An empty pattern stands for all entries.
    private static func expression(_ pattern: NTName, isCaseSensitive: Bool) -> NameExpression {
        NameExpression(pattern.isEmpty ? NTName("*") : pattern, isCaseSensitive: isCaseSensitive)
    }

    private static func position(
        _ reader: inout DirectorySearch.Reader, for query: Query, isCaseSensitive: Bool
    ) throws(NTStatus) {
        let given = query.pattern.isEmpty ? nil : expression(query.pattern, isCaseSensitive: isCaseSensitive)
        if query.restarts { try reader.restart(with: given) }
        // 3.3.5.18: with an index the pattern changes, if there is one.
        if query.isIndexed, let given { reader.expression = given }
    }

    /// Encodes entries until the folder or the room ends.
    private static func fill(
        _ output: OutputBuffer, from reader: inout DirectorySearch.Reader, _ query: Query, _ share: Share
    ) throws(NTStatus) {
        let reply = output.reply
        var last: Int?
        while let entry = try reader.next(in: share, wantsInformation: query.entryClass != .names) {
            let end = reply.count
            reply.align(to: 8, from: output.start)
            let at = reply.count
            entry.encode(as: query.entryClass, share, into: reply)
            guard output.count <= output.limit else {
                reply.count = end
                reader.pushBack(entry)
                // [MS-FSA] 2.1.5.6.3: when not even the first one fits there is nothing to return.
                if last == nil { throw .bufferOverflow }
                break
            }
            if let last { reply.patch(UInt32(at - last), at: last) }
            last = at
            if query.isSingleEntry { break }
        }
        guard last != nil else { throw reader.hasReturned ? .noMoreFiles : .noSuchFile }
        reader.hasReturned = true
    }
}
