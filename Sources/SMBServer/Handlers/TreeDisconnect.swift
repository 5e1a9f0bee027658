import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 TREE_DISCONNECT Request, [MS-SMB2] 3.3.5.8.
enum TreeDisconnectHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try TreeDisconnectRequest(from: &reader) } catch { throw .invalidParameter }
        guard context.server.endTreeConnect(context.treeConnect.id, of: context.session) else {
            throw .networkNameDeleted
        }
        TreeDisconnectResponse().encode(into: context.reply)
    }
}

extension Server {
    /// Completes what waits in a tree connect, closes what is open in it, and forgets it. - Returns: false for none.
    @discardableResult
    func endTreeConnect(_ identifier: UInt32, of session: Session) -> Bool {
        guard let (tree, opens) = session.removeTreeConnect(identifier) else { return false }
        for connection in session.connections {
            for request in connection.parkedRequests(sessionID: session.id, treeID: tree.id) { request.wake(.closed) }
        }
        for open in opens { close(open) }
        if let login = session.state.withLock({ $0.login }) {
            accessControl.disconnectTree(share: tree.share.name, user: login.user)
        }
        return true
    }
}
