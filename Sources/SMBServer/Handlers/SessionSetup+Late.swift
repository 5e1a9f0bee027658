import NTTypes
import Platform

/// Outcomes of logins that are told late, since too many have failed. No thread waits: the request does.
extension SessionSetupHandler {
    /// A session, the control plane's name for the login to it, and how that went.
    typealias LateLogin = (session: Session, exchange: UInt64, step: AuthenticationStep)

    /// Parks the request until the outcome may be told. Until then the login counts as one whose step is running.
    static func keepBack(
        _ login: LateLogin, by delay: Duration, _ input: Input, _ context: inout RequestContext
    ) throws(NTStatus) -> Never {
        let parked: ParkedRequest
        do throws(NTStatus) { parked = try context.park(timeout: delay, sendsInterim: false) } catch {
            forget(login, input, context)
            throw error
        }
        context.connection.state.withLock { $0.lateLogins[parked.asyncID] = login }
        throw .pending
    }

    /// The outcome that was kept back. - Throws: where the client has not waited for it: it is not told.
    static func lateAnswer(
        _ input: Input, _ parked: ParkedRequest, _ context: borrowing RequestContext
    ) throws(NTStatus) -> LateLogin {
        let late = context.connection.state.withLock { $0.lateLogins.removeValue(forKey: parked.asyncID) }
        guard let late else { throw .userSessionDeleted }
        guard context.wakeReason == .timeout else {
            forget(late, input, context)
            throw .logonFailure
        }
        return late
    }

    private static func forget(_ login: LateLogin, _ input: Input, _ context: borrowing RequestContext) {
        _ = context.connection.finishLogin(login.session.id, login.exchange)
        if !input.isBinding { context.server.end(login.session) }
    }
}
