import ControlPlane
import FileStore
import NTTypes
import Platform
import SMBServer

/// The engine's `PipeService` over the control plane's messages.
///
/// A pipe outlives the control plane that it was opened with, as a reload has another one: that is given what the one
/// before has told of it, with the handles of its client, and what the client has written of a call that is not whole
/// yet. The rest of a long output is had from the old one, which stays for that.
final class ControlPlanePipes: PipeService {
    private struct Pipe {
        /// What the control plane may ask back for it.
        let scope: QueryScope
        /// Without records.
        let opening: PipeRequest
        /// What control planes have told, by number.
        var records: [UInt32: [UInt8]] = [:]
        var recordByteCount = 0
        /// What was written of a call that is not whole yet.
        var unfinished: [UInt8] = []
        /// It has come to more than is kept, and ends with the control plane that it has now.
        var endsWithControlPlane = false
        /// There is output that was not taken.
        var hasMore = false

        var keptByteCount: Int {
            recordByteCount + records.count * ControlPlanePipes.recordOverhead + unfinished.count
        }

        mutating func keep(_ answer: PipeAnswer, after input: [UInt8]) {
            guard !endsWithControlPlane else { return }
            let count = Int(answer.unfinishedByteCount)
            unfinished = count == 0 ? [] : Array((unfinished + input).suffix(count))
            for record in answer.records {
                let before = records.removeValue(forKey: record.number)
                recordByteCount -= before.map { $0.count + PipeRecord.headByteCount } ?? 0
                guard !record.value.isEmpty else { continue }
                records[record.number] = record.value
                recordByteCount += record.value.count + PipeRecord.headByteCount
            }
            guard recordByteCount <= PipeRequest.recordByteCountMax,
                unfinished.count <= ControlPlanePipes.unfinishedByteCountMax
            else { return giveUp() }
        }
        /// Forgets all.
        mutating func giveUp() { (endsWithControlPlane, recordByteCount, records, unfinished) = (true, 0, [:], []) }
    }
    /// Largest call that waits for its rest: the largest that the control plane takes, and the write that ends it.
    private static let unfinishedByteCountMax = 320 << 10
    /// Of all pipes.
    private static let keptByteCountMax = 16 << 20
    /// About what a record takes besides its value.
    private static let recordOverhead = 64
    /// Control planes may follow each other faster than a pipe finds its way.
    private static let reopeningCountMax = 4
    private let client: ControlPlaneClient
    private let actsAsUsers: Bool
    private struct State {
        var pipes: [UInt64: Pipe] = [:]
        var keptByteCount = 0

        /// - Parameter input: what `answer` has come for.
        /// - Returns: how many pipes more wait for the rest of their output.
        mutating func keep(_ answer: PipeAnswer, after input: [UInt8], of pipe: UInt64) -> Int {
            // Taken out meanwhile, so that nothing of it is copied.
            guard var known = pipes.removeValue(forKey: pipe) else { return 0 }
            let change = (answer.hasMore ? 1 : 0) - (known.hasMore ? 1 : 0)
            let others = keptByteCount - known.keptByteCount
            known.hasMore = answer.hasMore
            known.keep(answer, after: input)
            if others + known.keptByteCount > ControlPlanePipes.keptByteCountMax { known.giveUp() }
            keptByteCount = others + known.keptByteCount
            pipes[pipe] = known
            return change
        }
    }
    private let state = Mutex(State())

    /// - Parameter actsAsUsers: files are touched as the users who log in, so that root among them is root.
    init(client: ControlPlaneClient, actsAsUsers: Bool) {
        self.client = client
        self.actsAsUsers = actsAsUsers
    }

    func find(_ name: String) throws(NTStatus) { try acknowledge(.find(name: name)) }

    func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) throws(NTStatus) {
        let isAdministrator = actsAsUsers && user.isAuthenticated && user.credentials.userID == 0
        let opening = PipeRequest.open(
            pipe: pipe, name: name, user: user.name, domain: user.domain, isGuest: user.isGuest,
            isAnonymous: user.isAnonymous, isAdministrator: isAdministrator, remoteAddress: remoteAddress)
        try acknowledge(opening)
        let scope: QueryScope = isAdministrator ? .everything : user.isAuthenticated ? .treeConnects : .names
        state.withLock { $0.pipes[pipe] = Pipe(scope: scope, opening: opening) }
    }

    /// One at a time for each pipe.
    func transact(_ pipe: UInt64, _ input: [UInt8]) throws(NTStatus) -> PipeOutput {
        guard let scope = state.withLock({ $0.pipes[pipe]?.scope }) else { throw .pipeDisconnected }
        let request = ControlPlaneRequest.pipe(.transact(pipe: pipe, input: input))
        var answer = client.ask(request, answering: scope)
        // Another control plane than the one before.
        if answer == .exchangeUnknown, input.isEmpty { answer = client.askReplaced(request, answering: scope) }
        for _ in 0..<Self.reopeningCountMax where answer == .exchangeUnknown && !input.isEmpty {
            guard reopen(pipe) else { break }
            answer = client.ask(request, answering: scope)
        }
        switch answer {
        case .pipe(let answer):
            let change = state.withLock { $0.keep(answer, after: input, of: pipe) }
            if change != 0 { client.awaitRest(change) }
            return PipeOutput(messages: answer.messages, hasMore: answer.hasMore)
        case .refused(let status, _): throw NTStatus(rawValue: status)
        default: throw .pipeDisconnected
        }
    }

    /// Has the control plane of the moment know the pipe as the one before has left it. That it goes on being that one
    /// is for the caller to see.
    private func reopen(_ pipe: UInt64) -> Bool {
        guard let known = state.withLock({ $0.pipes[pipe] }), !known.endsWithControlPlane,
            client.ask(.pipe(known.opening.with(known.records))) == .acknowledged
        else { return false }
        let size = PipeRequest.chunkByteCountMax
        for start in stride(from: 0, to: known.unfinished.count, by: size) {
            let part = Array(known.unfinished[start..<min(known.unfinished.count, start + size)])
            switch client.ask(.pipe(.transact(pipe: pipe, input: part)), answering: known.scope) {
            case .pipe: continue
            // It is not even that one any more.
            case .exchangeUnknown: return true
            default: return false
            }
        }
        return true
    }

    func close(_ pipe: UInt64) {
        let hadMore = state.withLock { state in
            guard let known = state.pipes.removeValue(forKey: pipe) else { return false }
            state.keptByteCount -= known.keptByteCount
            return known.hasMore
        }
        if hadMore { client.awaitRest(-1) }
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

extension PipeRequest {
    /// The opening of a pipe that there was before.
    fileprivate func with(_ records: [UInt32: [UInt8]]) -> PipeRequest {
        guard
            case .open(
                let pipe, let name, let user, let domain, let isGuest, let isAnonymous, let isAdministrator,
                let remoteAddress, _) = self
        else { return self }
        return .open(
            pipe: pipe, name: name, user: user, domain: domain, isGuest: isGuest, isAnonymous: isAnonymous,
            isAdministrator: isAdministrator, remoteAddress: remoteAddress,
            records: records.sorted { $0.key < $1.key }.map { PipeRecord(number: $0.key, value: $0.value) })
    }
}
