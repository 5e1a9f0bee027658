import ControlPlane
import FileStore
import NTTypes
import SMBServer

/// The engine's `PipeService` over the control plane's messages.
final class ControlPlanePipes: PipeService {
    private let client: ControlPlaneClient

    init(client: ControlPlaneClient) { self.client = client }

    func find(_ name: String) throws(NTStatus) { try acknowledge(.find(name: name)) }

    func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) throws(NTStatus) {
        try acknowledge(
            .open(
                pipe: pipe, name: name, user: user.name, domain: user.domain, isGuest: user.isGuest,
                isAnonymous: user.isAnonymous, userID: user.credentials.userID, remoteAddress: remoteAddress))
    }

    func transact(_ pipe: UInt64, _ input: [UInt8]) throws(NTStatus) -> PipeOutput {
        switch client.ask(.pipe(.transact(pipe: pipe, input: input))) {
        case .pipe(let answer): return PipeOutput(messages: answer.messages, hasMore: answer.hasMore)
        case .refused(let status): throw NTStatus(rawValue: status)
        default: throw .pipeDisconnected
        }
    }

    func close(_ pipe: UInt64) { _ = client.ask(.pipe(.close(pipe: pipe))) }

    private func acknowledge(_ request: PipeRequest) throws(NTStatus) {
        switch client.ask(.pipe(request)) {
        case .acknowledged: return
        case .refused(let status): throw NTStatus(rawValue: status)
        default: throw .pipeNotAvailable
        }
    }
}
