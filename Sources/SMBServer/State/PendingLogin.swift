import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// A login under way on one connection, [MS-SMB2] 3.3.1.7 Connection.PreauthSessionTable: the first one of a session,
/// one more of the same session, or the binding of a channel.
struct PendingLogin: Sendable {
    /// The control plane's name for it.
    let exchange: UInt64
    let isBinding: Bool
    /// Over its messages; 3.1.1 only.
    var preauthHash: PreauthIntegrityHash?
    /// A step is with the control plane. Whoever ends the login then leaves it to that step to notice.
    var isRunning = true
}

extension Connection {
    /// Begins the login's first step, or the next.
    /// - Parameter message: the SESSION_SETUP request, which the keys depend on, [MS-SMB2] 3.3.5.5.
    /// - Throws: `.requestNotAccepted` while another step of it is running, `.insufficientResources`.
    func beginLoginStep(_ sessionID: UInt64, isBinding: Bool, message: RawSpan) throws(NTStatus) -> UInt64 {
        // SAFETY: the view lives through the call. No copy is made of a message that may be a stranger's longest.
        let result = unsafe message.withUnsafeBytes { unsafe begin(sessionID, isBinding, $0) }
        return try result.get()
    }

    private func begin(
        _ sessionID: UInt64, _ isBinding: Bool, _ message: UnsafeRawBufferPointer
    ) -> Result<UInt64, NTStatus> {
        let limit = server.limits.sessionCountPerConnectionMax
        return state.withLock { state in
            if state.isGone { return .failure(.userSessionDeleted) }
            var login: PendingLogin
            if let known = state.logins[sessionID] {
                guard !known.isRunning, known.isBinding == isBinding else { return .failure(.requestNotAccepted) }
                login = known
                login.isRunning = true
            } else {
                guard state.logins.count < limit else { return .failure(.insufficientResources) }
                login = PendingLogin(
                    exchange: server.makeIdentifier(), isBinding: isBinding,
                    preauthHash: state.negotiated?.preauthHash)
            }
            // SAFETY: the message outlives the call.
            unsafe login.preauthHash?.update(message)
            state.logins[sessionID] = login
            return .success(login.exchange)
        }
    }

    /// The step is done and another will follow.
    /// - Throws: `.userSessionDeleted` if the login was ended meanwhile.
    func endLoginStep(_ sessionID: UInt64, _ exchange: UInt64) throws(NTStatus) {
        let isThere = state.withLock { state in
            guard state.logins[sessionID]?.exchange == exchange else { return false }
            state.logins[sessionID]?.isRunning = false
            return true
        }
        guard !isThere else { return }
        server.accessControl.abandon(exchange: exchange)
        throw .userSessionDeleted
    }

    /// The last step is done. - Returns: the login; nil if it was ended meanwhile.
    func finishLogin(_ sessionID: UInt64, _ exchange: UInt64) -> PendingLogin? {
        state.withLock { state in
            guard let login = state.logins[sessionID], login.exchange == exchange else { return nil }
            state.logins[sessionID] = nil
            return login
        }
    }

    /// The session ends.
    func abandonLogin(_ sessionID: UInt64) {
        guard let login = state.withLock({ $0.logins.removeValue(forKey: sessionID) }), !login.isRunning else { return }
        server.accessControl.abandon(exchange: login.exchange)
    }
}
