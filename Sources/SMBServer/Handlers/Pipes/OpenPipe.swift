import FileStore
import NTTypes
import Platform
import SMBWire

/// CREATE on IPC$, [MS-SMB2] 3.3.5.9: opens an instance of a named pipe.
extension CreateHandler {
    static func openPipe(_ input: Input, in context: inout RequestContext) throws(NTStatus) -> CreateResponse {
        let server = context.server
        guard let service = server.pipeService else { throw .objectNameNotFound }
        // Pipes have short names; what is longer, or no text, is none.
        guard input.name.utf8.count <= context.limits.pipeNameByteCountMax,
            let name = String(validating: input.name.utf8, as: UTF8.self)
        else { throw .objectNameNotFound }
        guard !input.options.contains(.directoryFile) else { throw .notADirectory }
        guard let login = context.session.state.withLock({ $0.login }) else { throw .userSessionDeleted }
        guard server.openCount.load(ordering: .relaxed) < server.adjustableLimits.openCountMax else {
            throw .insufficientResources
        }
        let identifier = server.makeIdentifier()
        let owner = PipeTally.owner(login.user)
        try server.pipeTally.add(owner, context.limits)
        context.connection.transport.willBlock()
        do throws(NTStatus) {
            try service.open(
                identifier, name: name, user: login.user, remoteAddress: context.connection.transport.remoteAddress)
        } catch {
            server.pipeTally.remove(owner)
            throw error
        }
        let pipe = NamedPipe(
            identifier: identifier, name: input.name, service: service, limits: context.limits,
            ended: { server.pipeTally.remove(owner) })
        let open = makeOpen(of: pipe, input, context)
        server.openCount.wrappingAdd(1, ordering: .relaxed)
        do throws(NTStatus) {
            try context.session.insert(open, limit: context.limits.openCountPerSessionMax)
        } catch {
            server.close(open)
            throw error
        }
        context.relatedFileID = open.fileID
        var response = CreateResponse()
        response.createAction = .opened
        response.information.allocationSize = 4096
        response.information.fileAttributes = .normal
        response.fileID = open.fileID
        return response
    }

    private static func makeOpen(
        of pipe: NamedPipe, _ input: Input, _ context: borrowing RequestContext
    ) -> Open {
        let file = PipeFile(pipe)
        let asked = input.desiredAccess.expandingGenericRights
        return Open(
            fileID: FileID(persistent: pipe.identifier, volatile: pipe.identifier), file: file,
            node: context.server.files.retain(file.identity, stream: nil), session: context.session,
            connectionID: context.connection.id, treeConnect: context.treeConnect,
            grantedAccess: asked.contains(.maximumAllowed) ? .fileAllAccess : asked.intersection(.fileAllAccess),
            shareAccess: input.shareAccess, options: input.options, identity: identity(input, context),
            creationTime: context.now, channelSequence: context.channelSequence, pipe: pipe)
    }
}
