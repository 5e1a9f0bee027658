import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 CREATE Request, [MS-SMB2] 3.3.5.9.
enum CreateHandler {
    /// The request without the view of its message.
    struct Input {
        var name: NTName
        var desiredAccess: AccessMask
        var fileAttributes: FileAttributes
        var shareAccess: ShareAccess
        var disposition: CreateDisposition
        var options: CreateOptions
        var oplockLevel: UInt8
        var contexts: CreateContexts

        /// The disposition replaces what is there.
        var overwrites: Bool { [.supersede, .overwrite, .overwriteIf].contains(disposition) }
    }

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let input: Input
        let level: UInt32
        do {
            let request = try CreateRequest(from: &reader)
            let contexts = try CreateContexts(request.contexts, context.connection.negotiated, limits: context.limits)
            // 3.3.5.9.7: of a reconnect's other fields only the name counts.
            let isReconnect = contexts.reconnect != nil
            level = isReconnect ? 0 : request.impersonationLevel
            guard let disposition = isReconnect ? .open : CreateDisposition(rawValue: request.createDisposition) else {
                throw WireError.invalid("CreateDisposition")
            }
            input = Input(
                name: try NTName(utf16LittleEndian: request.name), desiredAccess: request.desiredAccess,
                fileAttributes: request.fileAttributes, shareAccess: request.shareAccess, disposition: disposition,
                options: request.createOptions, oplockLevel: request.requestedOplockLevel,
                contexts: contexts)
        } catch { throw .invalidParameter }
        // [MS-SMB2] 3.3.5.9: levels beyond Delegate do not exist.
        guard level <= 3 else { throw .badImpersonationLevel }
        do throws(NTStatus) {
            try handle(input, in: &context).encode(into: context.reply, headerStart: context.headerStart)
        } catch {
            if error.isDenial { context.refusal.note(input.name, input.desiredAccess) }
            throw error
        }
    }

    static func handle(_ input: Input, in context: inout RequestContext) throws(NTStatus) -> CreateResponse {
        guard let store = context.treeConnect.store else { return try openPipe(input, in: &context) }
        if let request = input.contexts.reconnect { return try reconnect(request, input, in: &context) }
        guard let key = replayKey(input, context) else { return try create(input, in: store, &context).response }
        return try createOnce(key, input, in: store, &context)
    }

    /// Opens the file, whatever may have been opened for the same request before.
    static func create(
        _ request: Input, in store: any FileStore, _ context: inout RequestContext
    ) throws(NTStatus) -> (open: Open, response: CreateResponse) {
        guard !context.treeConnect.isRevoked else { throw .accessDenied.because(.request) }
        let isPOSIX = isPOSIX(request, context.treeConnect)
        let (path, input, parameters) = try prepare(request, in: store, context.treeConnect)
        // [MS-FSA] 2.1.5.1.1: nothing is made in a folder that is to go; it would have to stay then.
        if [.create, .openIf, .overwriteIf, .supersede].contains(parameters.disposition), let parent = path.parent,
            isToGo(parent, parameters, in: store, context)
        {
            throw .deletePending.because(.deletePending)
        }
        let files = context.server.files
        for tryCount in 1...32 {
            let before = Before(files)
            var opened: OpenedFile
            do throws(NTStatus) {
                opened = try store.open(path, parameters, as: context.treeConnect.credentials)
            } catch {
                if error == .stoppedOnSymlink {
                    try tellLink(on: path, named: input.name, store, isPOSIX: isPOSIX, in: &context)
                }
                // A name that is to go is taken, and nobody who waits will get it before it has gone.
                guard error == .objectNameCollision else { throw error }
                let isGoing = try awaitRemoval(of: path, parameters, in: store, &context)
                // Once more if what is in the way may have been about to go before this request came.
                guard isGoing || tryCount == 1 && before.namesHaveChanged(files) else { throw error }
                continue
            }
            do throws(NTStatus) {
                if let failure = opened.failure { throw failure }
                if let (open, caching) = try admit(opened, path, input, in: &context) {
                    guard
                        !before.namesHaveChanged(files)
                            || isName(
                                open.file.path, of: open.node, parameters, in: store, as: open.credentials, files)
                    else {
                        context.forget(open)
                        continue
                    }
                    if before.mayHaveBeenWritten(open, files) {
                        opened.information = (try? open.file.information()) ?? opened.information
                    }
                    return (open, try finish(open, opened, input, caching, in: &context))
                }
            } catch {
                if opened.action == .created { takeBack(opened, parameters, in: store, context) }
                opened.file.close()
                throw error
            }
            // Handles of clients that are away were closed to make room. Files may have gone with them, so: once more.
            opened.file.close()
        }
        // Others take the name away and make it anew all the time.
        throw .deletePending.because(.deletePending)
    }

    /// What others had done when a file was looked for. Between that and the open's being listed they can take its name
    /// away, and what the client writes would go with it; or write, and the client would be told of a size that is not
    /// so any more, and append in the wrong place.
    private struct Before {
        private let nameChangeCount: Int
        private let writerEndCount: Int

        init(_ files: FileTable) {
            nameChangeCount = files.nameChangeCount.load(ordering: .acquiring)
            writerEndCount = files.writerEndCount.load(ordering: .acquiring)
        }
        func namesHaveChanged(_ files: FileTable) -> Bool {
            files.nameChangeCount.load(ordering: .acquiring) != nameChangeCount
        }
        func mayHaveBeenWritten(_ open: Open, _ files: FileTable) -> Bool {
            files.writerEndCount.load(ordering: .acquiring) != writerEndCount || open.node.isWritten(besides: open)
        }
    }

    /// What was made for an open that was not admitted, or could not be given all that it was to have, goes again,
    /// unless somebody else has it open, or has had it since and has left something there, or given it another name.
    private static func takeBack(
        _ opened: OpenedFile, _ parameters: OpenParameters, in store: any FileStore, _ context: borrowing RequestContext
    ) {
        let (files, file, user) = (context.server.files, opened.file, context.treeConnect.credentials)
        let name = file.path
        guard let node = files.depart(name, of: file.identity, unless: { _ in true }) else { return }
        if isAsMade(opened), isName(name, of: node, parameters, in: store, as: user, files) {
            try? file.remove(as: user)
        }
        context.server.hasDeparted(name, from: node)
    }

    /// Nothing was written to what was made, nor changed about it. (Within one tick of the file system's clock a change
    /// may not show in the time, but what was written does.)
    private static func isAsMade(_ opened: OpenedFile) -> Bool {
        guard let now = try? opened.file.information() else { return false }
        return now.endOfFile == 0 && now.changeTime == opened.information.changeTime
    }

    // MARK: checks

    /// Whether what has this name goes with its last handle.
    private static func isToGo(
        _ path: NTPath, _ parameters: OpenParameters, in store: any FileStore, _ context: borrowing RequestContext
    ) -> Bool {
        guard let (node, name) = found(path, parameters, in: store, context) else { return false }
        return node.isDeletePending(of: name)
    }

    /// Waits for a name that is being taken away.
    /// - Returns: whether it was.
    /// - Throws: `.deletePending` if it goes only once somebody has closed it.
    private static func awaitRemoval(
        of path: NTPath, _ parameters: OpenParameters, in store: any FileStore, _ context: inout RequestContext
    ) throws(NTStatus) -> Bool {
        guard let (node, name) = found(path, parameters, in: store, context), node.obstacle(to: name, nil) != .none
        else { return false }
        if try context.awaitMoments({ node.obstacle(to: name, $0) }) { throw .deletePending.because(.deletePending) }
        return true
    }

    /// What is open of the file that has this name now, and its name there; nil where nothing is to go.
    private static func found(
        _ path: NTPath, _ parameters: OpenParameters, in store: any FileStore, _ context: borrowing RequestContext
    ) -> (FileNode, NTPath)? {
        guard FileNode.pendingRemovalCount.load(ordering: .acquiring) > 0, !path.isRoot else { return nil }
        let look = look(parameters, options: .openReparsePoint)
        guard let found = try? store.open(path, look, as: context.treeConnect.credentials) else { return nil }
        defer { found.file.close() }
        let node = context.server.files.node(found.file.identity, stream: path.stream)
        return node.map { ($0, found.file.path) }
    }

    /// Whether the name that a file was just opened by still leads to it.
    private static func isName(
        _ name: NTPath, of node: FileNode, _ parameters: OpenParameters, in store: any FileStore, as user: Credentials,
        _ files: FileTable
    ) -> Bool {
        let look = look(parameters, options: parameters.options.intersection(.openReparsePoint))
        do throws(NTStatus) {
            let found = try store.open(name, look, as: user)
            defer { found.file.close() }
            // (A stream may be another one with the same name in the same file.)
            return files.node(found.file.identity, stream: found.file.path.stream) === node
        } catch {
            return error != .objectNameNotFound && error != .objectPathNotFound
        }
    }

    private static func look(_ parameters: OpenParameters, options: CreateOptions) -> OpenParameters {
        var look = OpenParameters(desiredAccess: [], disposition: .open, options: options, attributes: [])
        look.isCaseSensitive = parameters.isCaseSensitive
        look.isPOSIX = parameters.isPOSIX
        return look
    }

    /// What the store is asked for, once all that can be said without it has been.
    static func prepare(
        _ input: Input, in store: any FileStore, _ tree: TreeConnect
    ) throws(NTStatus) -> (NTPath, Input, OpenParameters) {
        try checkParameters(input)
        let isPOSIX = isPOSIX(input, tree)
        let path = try path(of: input, isPOSIX: isPOSIX)
        if let index = path.components.firstIndex(where: tree.share.hides) {
            throw .objectNameNotFound.because(.vetoed(component: index))
        }
        // Previous versions are kept by nobody yet, so there is none of that time.
        if input.contexts.timewarp != nil { throw .objectNameNotFound }
        var input = input
        input.options.subtract(ignoredOptions)
        if !isPOSIX, NTPath.namesUnnamedStream(input.name) {
            // Where there are no streams, the name is none.
            guard store.capabilities.contains(.namedStreams) else { throw .objectNameInvalid }
            // [MS-FSA] 2.1.5.1: a data stream is not a folder.
            if input.options.contains(.directoryFile) { throw .notADirectory }
            input.options.insert(.nonDirectoryFile)
        }
        return (path, input, try openParameters(input, tree))
    }

    /// Hints that change nothing here. FILE_OPEN_REMOTE_INSTANCE and the two oplock options are ignored as
    /// [MS-SMB2] 2.2.13 asks of the server.
    private static let ignoredOptions: CreateOptions = [
        .synchronousIOAlert, .synchronousIONonalert, .openRemoteInstance, .completeIfOplocked, .openRequiringOplock,
        .disallowExclusive, .reserveOpfilter, .openNoRecall, .openForFreeSpaceQuery, .openForBackupIntent,
    ]

    /// [MS-SMB2] 3.3.5.9 and [MS-FSA] 2.1.5.1: what is wrong with a request whatever it names.
    private static func checkParameters(_ input: Input) throws(NTStatus) {
        let options = input.options
        guard options.rawValue & 0xFF00_0000 == 0 else { throw .invalidParameter }
        // FILE_CREATE_TREE_CONNECTION, FILE_RESERVE_OPFILTER, FILE_OPEN_BY_FILE_ID: Windows does not offer them over
        // SMB2.
        guard options.rawValue & 0x0010_2080 == 0 else { throw .notSupported }
        guard input.shareAccess.rawValue <= 7 else { throw .invalidParameter }
        // Bits of the access mask that stand for nothing, and no bit at all.
        guard input.desiredAccess.rawValue & 0x0CE0_FE00 == 0, !input.desiredAccess.isEmpty else {
            throw .accessDenied.because(.request)
        }
        // [MS-FSCC] 2.6: the attributes that a client may ask for; FILE_ATTRIBUTE_DEVICE and the rest are refused.
        guard input.fileAttributes.rawValue & 0xFFFF_8048 == 0 else { throw .invalidParameter }
        // Nothing is encrypted on the disk for one user, as NTFS would.
        guard !input.fileAttributes.contains(.encrypted) else { throw .accessDenied.because(.request) }
        if options.contains([.directoryFile, .nonDirectoryFile]) { throw .invalidParameter }
        if options.contains(.directoryFile), [.supersede, .overwrite, .overwriteIf].contains(input.disposition) {
            throw .invalidParameter
        }
        if options.contains(.deleteOnClose),
            input.desiredAccess.expandingGenericRights.isDisjoint(with: [.delete, .maximumAllowed])
        {
            throw .accessDenied.because(.request)
        }
    }

    private static func openParameters(_ input: Input, _ tree: TreeConnect) throws(NTStatus) -> OpenParameters {
        var access = input.desiredAccess
        // Beside "all that I may", to run is asked for as far as it is given: smbtorture's maximum_allowed, and ksmbd.
        if access.contains(.maximumAllowed) { access.remove(.genericExecute) }
        access = access.expandingGenericRights
        // [MS-SMB2] 3.3.5.9: nothing beyond the tree connect's maximal access.
        if !tree.isWritable {
            guard access.subtracting([.maximumAllowed, .synchronize]).isSubset(of: tree.maximalAccess),
                [.open, .openIf].contains(input.disposition), !input.options.contains(.deleteOnClose)
            else { throw .accessDenied.because(.readOnlyShare(missing: access.subtracting(tree.maximalAccess))) }
        }
        // Overwriting replaces data, so it takes the right to write it: [MS-FSA] 2.1.5.1.2.
        if input.overwrites {
            access.formUnion(input.disposition == .supersede ? [.delete, .writeData] : .writeData)
        }
        // On a share that is read-only, a missing file cannot be made, so FILE_OPEN_IF is FILE_OPEN.
        let disposition: CreateDisposition = tree.isWritable ? input.disposition : .open
        var parameters = OpenParameters(
            desiredAccess: access, disposition: disposition, options: input.options,
            attributes: input.fileAttributes)
        parameters.allocationSize = input.contexts.allocationSize ?? 0
        parameters.securityDescriptor = input.contexts.securityDescriptor
        parameters.extendedAttributes = input.contexts.extendedAttributes
        parameters.isCaseSensitive = tree.share.isCaseSensitive
        parameters.isPOSIX = isPOSIX(input, tree)
        if parameters.isPOSIX { describe(&parameters, by: input.contexts) }
        parameters.wantsMaximalAccess = input.contexts.wantsMaximalAccess
        return parameters
    }

    /// Overwrites where asked, and puts the response together.
    private static func finish(
        _ open: Open, _ opened: OpenedFile, _ input: Input, _ caching: GrantedCaching,
        in context: inout RequestContext
    ) throws(NTStatus) -> CreateResponse {
        var information = opened.information
        var action = opened.action
        if opened.action == .opened, input.overwrites {
            defer { context.server.send(open.node.breakReaders(by: open, isNew: true)) }
            do throws(NTStatus) {
                information = try open.file.overwrite(
                    supersede: input.disposition == .supersede, attributes: input.fileAttributes,
                    extendedAttributes: input.contexts.extendedAttributes,
                    allocationSize: input.contexts.allocationSize ?? 0, as: open.credentials)
            } catch {
                if let own = context.session.removeOpen(open.fileID.volatile) { context.server.close(own) }
                throw error
            }
            action = input.disposition == .supersede ? .superseded : .overwritten
        }
        if action == .created {
            context.server.reportName(.added, open.file.path, of: open)
        } else if action != .opened {
            context.server.reportChange(open, [.size, .lastWrite, .attributes])
        }
        var response = response(
            for: open, information, input, in: &context,
            maximalAccess: opened.maximalAccess.intersection(open.treeConnect.maximalAccess))
        response.createAction = action
        response.answer(cachingRequest(input, open, in: context), caching)
        if let answer = grantDurability(input, open, caching, in: context) { response.contexts.append(answer) }
        return response
    }

    /// What a response says about the file.
    static func response(
        for open: Open, _ information: FileInformation, _ input: Input, in context: inout RequestContext,
        maximalAccess: AccessMask
    ) -> CreateResponse {
        context.relatedFileID = open.fileID
        var response = CreateResponse()
        response.information = information.networkOpen
        if open.treeConnect.share.marksHidden(open.file.path.components.last ?? NTName("")) {
            response.information.fileAttributes.insert(.hidden)
        }
        // 2.2.14: SMB2_CREATE_FLAG_REPARSEPOINT, in 3.x only.
        if context.dialect.isSMB3, information.attributes.contains(.reparsePoint) { response.flags = 1 }
        response.fileID = open.fileID
        response.contexts = input.contexts.answers(information, maximalAccess: maximalAccess)
        if let answer = input.contexts.appleQuery?.answer(on: open.treeConnect.share) {
            response.contexts.append(answer)
        }
        if open.file.isPOSIX { response.contexts.append(POSIXWire.answer(information)) }
        return response
    }
}

extension RequestContext {
    /// Ends an open that the client has not heard of, and that has no name any more.
    fileprivate mutating func forget(_ open: Open) {
        open.hasLostName.store(true, ordering: .relaxed)
        opened = nil
        if let own = session.removeOpen(open.fileID.volatile) { server.close(own) }
    }
}
