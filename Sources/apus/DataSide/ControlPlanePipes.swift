import ControlPlane
import FileStore
import NTTypes
import Platform
import SMBServer

/// The engine's `PipeService` over the control plane's messages.
final class ControlPlanePipes: PipeService {
    private let client: ControlPlaneClient
    private let actsAsUsers: Bool
    /// What the control plane may ask back for each pipe that is open.
    private let scopes = Mutex<[UInt64: QueryScope]>([:])

    /// - Parameter actsAsUsers: files are touched as the users who log in, so that root among them is root.
    init(client: ControlPlaneClient, actsAsUsers: Bool) {
        self.client = client
        self.actsAsUsers = actsAsUsers
    }

    func find(_ name: String) throws(NTStatus) { try acknowledge(.find(name: name)) }

    func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) throws(NTStatus) {
        let isAdministrator = actsAsUsers && user.isAuthenticated && user.credentials.userID == 0
        try acknowledge(
            .open(
                pipe: pipe, name: name, user: user.name, domain: user.domain, isGuest: user.isGuest,
                isAnonymous: user.isAnonymous, isAdministrator: isAdministrator, remoteAddress: remoteAddress))
        scopes.withLock { scopes in
            scopes[pipe] = isAdministrator ? .everything : user.isAuthenticated ? .treeConnects : .names
        }
    }

    func transact(_ pipe: UInt64, _ input: [UInt8]) throws(NTStatus) -> PipeOutput {
        let scope = scopes.withLock { $0[pipe] } ?? .nothing
        switch client.ask(.pipe(.transact(pipe: pipe, input: input)), answering: scope) {
        case .pipe(let answer): return PipeOutput(messages: answer.messages, hasMore: answer.hasMore)
        case .refused(let status, _): throw NTStatus(rawValue: status)
        default: throw .pipeDisconnected
        }
    }

    func close(_ pipe: UInt64) {
        _ = scopes.withLock { $0.removeValue(forKey: pipe) }
        client.tell(.pipe(.close(pipe: pipe)))
    }

    private func acknowledge(_ request: PipeRequest) throws(NTStatus) {
        switch client.ask(.pipe(request)) {
        case .acknowledged: return
        case .refused(let status, _): throw NTStatus(rawValue: status)
        default: throw .pipeNotAvailable
        }
    }
}
