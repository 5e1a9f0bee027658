import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 LOGOFF Request, [MS-SMB2] 3.3.5.6.
enum LogoffHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try LogoffRequest(from: &reader) } catch { throw .invalidParameter }
        context.server.end(context.session, on: context.connection, keepsOpens: true)
        LogoffResponse().encode(into: context.reply)
    }
}

extension Server {
    /// Ends a session: what waits in it is completed, what is open is closed, its names are forgotten.
    /// - Parameter keepsOpens: durable and resilient opens wait for their client, 3.3.5.6 and 3.3.7.1.
    func end(_ session: Session, on connection: Connection, keepsOpens: Bool = false) {
        sessions.remove(session.id)
        connection.remove(sessionID: session.id)
        for request in connection.parkedRequests(sessionID: session.id) { request.wake(.closed) }
        let exchange = session.state.withLock { state in
            defer { state.exchange = nil }
            return state.exchange
        }
        if let exchange { accessControl.abandon(exchange: exchange) }
        guard let (opens, trees, login) = session.close() else { return }
        for open in opens { if keepsOpens { disconnect(open) } else { close(open) } }
        guard let login else { return }
        for tree in trees { accessControl.disconnectTree(share: tree.share.name, user: login.user) }
        accessControl.logOut(user: login.user)
    }
}
