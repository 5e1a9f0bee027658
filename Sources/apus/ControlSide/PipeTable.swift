import ControlPlane
import DCERPC
import NTTypes
import Platform

/// The open pipes: `PipeRequest`s in, DCE/RPC behind them.
final class PipeTable: Sendable {
    /// One instance; its requests run one after the other.
    private final class Instance: Sendable {
        let pipe: Mutex<RPCPipe>
        init(_ pipe: RPCPipe) { self.pipe = Mutex(pipe) }
    }
    private struct State {
        var instances: [UInt64: Instance] = [:]
        /// Bytes that all of them keep: parts of requests, and responses that are not read yet.
        var keptByteCount = 0
    }
    private static let instanceCountMax = 4096
    private static let keptByteCountMax = 64 << 20
    private let state = Mutex(State())

    /// - Parameter server: of this request.
    func answer(_ request: PipeRequest, _ server: any ServerData) -> ControlPlaneAnswer {
        switch request {
        case .find(let name): return PipeName(client: name) == nil ? refused(.objectNameNotFound) : .acknowledged
        case .open(
            let pipe, let name, let user, let domain, let isGuest, let isAnonymous, let isAdministrator, let address,
            let records):
            let caller = Caller(
                user: user, domain: domain, isGuest: isGuest, isAnonymous: isAnonymous,
                isAdministrator: isAdministrator, address: address)
            return open(pipe, name, caller, records)
        case .transact(let pipe, let input): return transact(pipe, input, server)
        case .close(let pipe):
            let instance = state.withLock { $0.instances.removeValue(forKey: pipe) }
            if let instance { account(-instance.pipe.withLock { $0.keptByteCount }) }
            return .acknowledged
        }
    }

    private func open(
        _ identifier: UInt64, _ name: String, _ caller: Caller, _ records: [ControlPlane.PipeRecord]
    ) -> ControlPlaneAnswer {
        guard let name = PipeName(client: name) else { return refused(.objectNameNotFound) }
        let known = records.map { DCERPC.PipeRecord(number: $0.number, value: $0.value) }
        guard let pipe = RPCPipe(name: name, caller: caller, restoring: known) else {
            return refused(.pipeDisconnected)
        }
        let instance = Instance(pipe)
        let isNew = state.withLock { state in
            guard state.instances.count < Self.instanceCountMax, state.instances[identifier] == nil else {
                return false
            }
            state.instances[identifier] = instance
            return true
        }
        if isNew { account(pipe.keptByteCount) }
        return isNew ? .acknowledged : refused(.insufficientResources)
    }

    private func transact(
        _ identifier: UInt64, _ input: [UInt8], _ server: any ServerData
    ) -> ControlPlaneAnswer {
        // Opened with a control plane that is no more, or already given up.
        guard let instance = state.withLock({ $0.instances[identifier] }) else { return .exchangeUnknown }
        let (answer, growth) = instance.pipe.withLock { pipe -> (PipeAnswer?, Int) in
            let before = pipe.keptByteCount
            do throws(RPCPipe.Broken) { try pipe.receive(input, server) } catch { return (nil, -before) }
            var answer = PipeAnswer(messages: [], hasMore: false)
            var count = 0
            while count < PipeRequest.chunkByteCountMax, let fragment = pipe.nextFragment() {
                answer.messages.append(fragment)
                count += fragment.count
            }
            answer.hasMore = pipe.hasOutput
            answer.unfinishedByteCount = UInt32(pipe.unfinishedByteCount)
            answer.records = pipe.takeRecords().map { .init(number: $0.number, value: $0.value) }
            return (answer, pipe.keptByteCount - before)
        }
        let isTooMuch = account(growth) > Self.keptByteCountMax && growth > 0
        guard let answer, !isTooMuch else {
            _ = state.withLock { $0.instances.removeValue(forKey: identifier) }
            if isTooMuch { account(-instance.pipe.withLock { $0.keptByteCount }) }
            return refused(.pipeDisconnected)
        }
        return .pipe(answer)
    }

    @discardableResult
    private func account(_ change: Int) -> Int {
        state.withLock { state in
            state.keptByteCount += change
            return state.keptByteCount
        }
    }

    private func refused(_ status: NTStatus) -> ControlPlaneAnswer { .refused(status: status.rawValue) }
}
