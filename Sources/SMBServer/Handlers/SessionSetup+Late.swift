import NTTypes
import Platform

/// Outcomes of logins that are told late, since too many have failed. No thread waits: the request does.
extension SessionSetupHandler {
    /// A session, the control plane's name for the login to it, and how that went.
    typealias Step = (session: Session, exchange: UInt64, step: AuthenticationStep)
    /// What is kept of a login until its outcome may be told: no token.
    struct LateLogin {
        var step: Step
        var input: Input
    }

    /// Parks the request until the outcome may be told. Until then the login counts as one whose step is running.
    /// - Throws: `.requestNotAccepted` in a compound, whose other requests a stranger would have us keep.
    static func keepBack(
        _ step: Step, by delay: Duration, _ input: Input, _ context: inout RequestContext
    ) throws(NTStatus) -> Never {
        var login = LateLogin(step: step, input: input)
        login.input.token = []
        let parked: ParkedRequest
        do throws(NTStatus) {
            guard context.isAlone else { throw .requestNotAccepted }
            parked = try context.park(timeout: delay, sendsInterim: false, keepsHeaderOnly: true)
        } catch {
            forget(login, context)
            throw error
        }
        context.connection.state.withLock { $0.lateLogins[parked.asyncID] = login }
        throw .pending
    }

    /// The outcome that was kept back. - Throws: where the client has not waited for it: it is not told.
    static func lateAnswer(
        _ parked: ParkedRequest, _ context: borrowing RequestContext
    ) throws(NTStatus) -> LateLogin {
        let late = context.connection.state.withLock { $0.lateLogins.removeValue(forKey: parked.asyncID) }
        guard let late else { throw .userSessionDeleted }
        guard context.wakeReason == .timeout else {
            forget(late, context)
            throw .logonFailure
        }
        return late
    }

    private static func forget(_ login: LateLogin, _ context: borrowing RequestContext) {
        _ = context.connection.finishLogin(login.step.session.id, login.step.exchange)
        if !login.input.isBinding { context.server.end(login.step.session) }
    }
}
