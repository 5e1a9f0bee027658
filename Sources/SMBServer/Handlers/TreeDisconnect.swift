import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 TREE_DISCONNECT Request, [MS-SMB2] 3.3.5.8.
enum TreeDisconnectHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try TreeDisconnectRequest(from: &reader) } catch { throw .invalidParameter }
        let session = context.session
        guard let (tree, opens) = session.removeTreeConnect(context.treeConnect.id) else { throw .networkNameDeleted }
        for connection in session.connections {
            for request in connection.parkedRequests(sessionID: session.id, treeID: tree.id) { request.wake(.closed) }
        }
        for open in opens { context.server.close(open) }
        if let login = session.state.withLock({ $0.login }) {
            context.server.accessControl.disconnectTree(share: tree.share.name, user: login.user)
        }
        TreeDisconnectResponse().encode(into: context.reply)
    }
}
