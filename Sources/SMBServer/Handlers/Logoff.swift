import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 LOGOFF Request, [MS-SMB2] 3.3.5.6.
enum LogoffHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try LogoffRequest(from: &reader) } catch { throw .invalidParameter }
        context.server.end(context.session, keepsOpens: true)
        LogoffResponse().encode(into: context.reply)
    }
}

extension Server {
    /// Ends a session on all its channels: what waits in it is completed, what is open is closed, its names are
    /// forgotten.
    /// - Parameter keepsOpens: durable and resilient opens wait for their client, 3.3.5.6 and 3.3.7.1.
    func end(_ session: Session, keepsOpens: Bool = false) {
        sessions.remove(session.id)
        guard let remains = session.close() else { return }
        for connection in remains.connections {
            connection.remove(sessionID: session.id)
            for request in connection.parkedRequests(sessionID: session.id) { request.wake(.closed) }
        }
        for open in remains.opens { if keepsOpens { disconnect(open) } else { close(open) } }
        guard let login = remains.login else { return }
        for tree in remains.treeConnects { accessControl.disconnectTree(share: tree.share.name, user: login.user) }
        accessControl.logOut(user: login.user)
    }
}
