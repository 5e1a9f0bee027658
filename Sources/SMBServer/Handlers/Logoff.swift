import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 LOGOFF Request, [MS-SMB2] 3.3.5.6.
enum LogoffHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try LogoffRequest(from: &reader) } catch { throw .invalidParameter }
        context.server.end(context.session)
        LogoffResponse().encode(into: context.reply)
    }
}

extension Server {
    /// Ends a session on all its channels: what waits in it is completed, what is open is closed, its names are
    /// forgotten.
    func end(_ session: Session) {
        sessions.remove(session.id)
        guard let remains = session.close() else { return }
        for connection in remains.connections {
            connection.remove(sessionID: session.id)
            for request in connection.parkedRequests(sessionID: session.id) { request.wake(.closed) }
        }
        for open in remains.opens { close(open) }
        guard let login = remains.login else { return }
        for tree in remains.treeConnects { accessControl.disconnectTree(share: tree.share.name, user: login.user) }
        accessControl.logOut(user: login.user)
    }
}
