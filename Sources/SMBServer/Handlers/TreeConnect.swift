import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 TREE_CONNECT Request, [MS-SMB2] 3.3.5.7.
enum TreeConnectHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let path: NTName
        do {
            let request = try TreeConnectRequest(from: &reader)
            path = try NTName(utf16LittleEndian: request.path)
        } catch { throw .invalidParameter }
        try handle(path, in: &context).encode(into: context.reply)
    }

    /// - Parameter path: `\\server\share`.
    static func handle(_ path: NTName, in context: inout RequestContext) throws(NTStatus) -> TreeConnectResponse {
        guard let login = context.session.state.withLock({ $0.login }) else { throw .userSessionDeleted }
        // A downgraded NEGOTIATE would show in the signature: so 3.1.1 insists on one here, of those who have a secret.
        if context.dialect == .smb311, !context.isAuthentic, login.user.isAuthenticated {
            context.disconnectReason = .protocolViolation("TREE_CONNECT neither signed nor sealed")
            throw .accessDenied
        }
        let share = try shareName(in: path)
        let decision = context.server.accessControl.connectTree(
            share: share, user: login.user, remoteAddress: context.connection.transport.remoteAddress)
        switch decision {
        case .refused(let status): throw status
        case .granted(let share, let isWritable, let credentials):
            // With the key of a guest, which is no secret, sealing would only look like it.
            if share.requiresEncryption, login.sealingKey == nil || !login.user.isAuthenticated {
                context.server.accessControl.disconnectTree(share: share.name, user: login.user)
                throw .accessDenied
            }
            let session = context.session
            let limit = context.limits.treeConnectCountPerSessionMax
            let tree: TreeConnect
            do throws(NTStatus) {
                tree = try session.insertTreeConnect(limit: limit) { id in
                    TreeConnect(
                        id: id, share: share, session: session, isWritable: isWritable, credentials: credentials)
                }
            } catch {
                // The session ended meanwhile, or has too many: the control plane's count goes down again.
                context.server.accessControl.disconnectTree(share: share.name, user: login.user)
                throw error
            }
            context.responseTreeID = tree.id
            return response(for: tree)
        }
    }

    private static func shareName(in path: NTName) throws(NTStatus) -> String {
        let parts = path.utf8.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: true)
        guard parts.count == 2, let share = parts.last, share.count <= 80 * 3 else { throw .badNetworkName }
        return String(decoding: share, as: UTF8.self)
    }

    private static func response(for tree: TreeConnect) -> TreeConnectResponse {
        var response = TreeConnectResponse()
        response.maximalAccess = tree.maximalAccess
        if case .pipes = tree.share.kind {
            response.shareType = .pipe
            // A pipe is never cached: SMB2_SHAREFLAG_NO_CACHING.
            response.shareFlags = [.noCaching]
        } else {
            response.shareType = .disk
        }
        if tree.share.requiresEncryption { response.shareFlags.insert(.encryptData) }
        if tree.share.enumeratesByAccess { response.shareFlags.insert(.accessBasedDirectoryEnum) }
        return response
    }
}
