import FileStore
import NTTypes
import SMBWire

/// An open as a client would make it, without a client: the same checks in the same order, for `apus why`. What only
/// other opens could forbid is not among them. Nothing is made or changed.
public struct OpenTrial {
    private let tree: TreeConnect

    /// - Parameter decision: of the tree connect.
    /// - Returns: nil if the tree connect was refused.
    public init?(_ decision: TreeDecision, now: FileTime) {
        guard case .granted(let share, let isWritable, let credentials, let readOnly) = decision else { return nil }
        let negotiated = Connection.Negotiated(
            dialect: .smb311, clientGUID: .zero, clientCapabilities: 0, clientSecurityMode: 0, serverCapabilities: 0,
            serverSecurityMode: 0, signingAlgorithm: 0, supportsMultiCredit: true)
        let session = Session(id: 1, creationTime: now, connection: nil, negotiated: negotiated)
        tree = TreeConnect(
            id: 1, share: share, session: session, isWritable: isWritable, credentials: credentials,
            readOnlyReason: readOnly)
    }

    /// - Parameters:
    ///   - name: within the share, as a client writes it.
    ///   - deletes: as by a client that deletes it, after the open.
    /// - Throws: what the client would get, with its cause.
    public func open(_ name: NTName, _ access: AccessMask, deletes: Bool = false) throws(NTStatus) {
        guard let store = tree.store else { throw .notSupported }
        let request = CreateHandler.Input(
            name: name, desiredAccess: access, fileAttributes: [], shareAccess: [.read, .write, .delete],
            disposition: .open, options: [], oplockLevel: 0, contexts: CreateContexts())
        let (path, _, parameters) = try CreateHandler.prepare(request, in: store, tree)
        let opened = try store.open(path, parameters, as: tree.credentials)
        defer { opened.file.close() }
        if deletes { try opened.file.checkRemovable(as: tree.credentials) }
    }

    public var store: (any FileStore)? { tree.store }
    public var credentials: Credentials { tree.credentials }
    public var readOnlyReason: RefusalReason? { tree.readOnlyReason }
}
