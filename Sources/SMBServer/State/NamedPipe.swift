import FileStore
import NTTypes
import Platform
import SMBWire

/// An instance of a named pipe, [MS-FSA] has none of it: [MS-SMB2] 3.3.5.9 with Open.IsNamedPipe's cousins. A pipe of
/// messages in both directions; what a client writes is answered before the WRITE returns, so that the other end never
/// keeps anybody waiting but through what it has not been told yet.
final class NamedPipe: Sendable {
    private struct State {
        /// To be read, the first of them from `offset` on.
        var messages: [[UInt8]] = []
        var offset = 0
        /// The service holds more output.
        var hasMore = false
        /// A thread is talking to the service.
        var isBusy = false
        var isBroken = false
        /// FilePipeInformation, [MS-FSCC] 2.4.37.
        var readsMessages = true
        var waiters: [ParkedRequest] = []
        /// Called once, when the open is closed.
        var ended: (@Sendable () -> Void)?

        var readableByteCount: Int { messages.reduce(-offset) { $0 + $1.count } }
        mutating func takeWaiters() -> [ParkedRequest] {
            defer { waiters = [] }
            return waiters
        }
        /// - Returns: false for what no service says: that there is more, and nothing of it; empty messages; or more
        ///   than a pipe may hold.
        mutating func take(_ output: PipeOutput, _ limits: Limits) -> Bool {
            guard !output.hasMore || !output.messages.isEmpty, !output.messages.contains(where: \.isEmpty) else {
                return false
            }
            let byteCount = output.messages.reduce(readableByteCount) { $0 + $1.count }
            guard byteCount <= limits.pipeUnreadByteCountMax else { return false }
            messages += output.messages
            hasMore = output.hasMore
            return true
        }
        mutating func take(_ limit: Int) -> Message? {
            guard let first = messages.first else { return nil }
            let part = first[offset..<min(first.count, offset + limit)]
            let isWhole = part.endIndex == first.count
            if isWhole {
                messages.removeFirst()
                offset = 0
            } else {
                offset = part.endIndex
            }
            return Message(bytes: part, isWhole: isWhole || !readsMessages)
        }
    }
    /// A message, or the first part of one.
    struct Message {
        var bytes: ArraySlice<UInt8>
        var isWhole: Bool
    }

    let identifier: UInt64
    let name: NTName
    private let service: any PipeService
    private let limits: Limits
    private let state: Mutex<State>

    init(
        identifier: UInt64, name: NTName, service: any PipeService, limits: Limits,
        ended: @escaping @Sendable () -> Void
    ) {
        state = Mutex(State(ended: ended))
        self.identifier = identifier
        self.name = name
        self.service = service
        self.limits = limits
    }

    // MARK: for handlers

    /// Takes the next message, waiting for one.
    func read(_ limit: Int, in context: inout RequestContext) throws(NTStatus) -> Message {
        try stopWaiting(context)
        while true {
            switch state.withLock({ nextStep(&$0, limit, parked: nil) }) {
            case .message(let message): return message
            case .broken: throw .pipeBroken
            case .fetch: try talk([[]], in: context)
            case .wait:
                let parked = try context.park()
                switch state.withLock({ nextStep(&$0, limit, parked: parked) }) {
                case .message(let message): return message
                case .broken: throw .pipeBroken
                case .fetch: try talk([[]], in: context)
                case .wait: throw .pending
                }
            }
        }
    }

    /// A request that runs again waits no longer, and is done when the client has called it off.
    private func stopWaiting(_ context: borrowing RequestContext) throws(NTStatus) {
        guard let parked = context.parkedRequest else { return }
        state.withLock { state in state.waiters.removeAll { $0 === parked } }
        if context.wakeReason == .cancelled || context.wakeReason == .closed { throw .cancelled }
    }

    private enum Step { case message(Message), fetch, wait, broken }
    private func nextStep(_ state: inout State, _ limit: Int, parked: ParkedRequest?) -> Step {
        if let message = state.take(limit) { return .message(message) }
        if state.isBusy || !state.hasMore {
            if state.isBroken { return .broken }
            if let parked { state.waiters.append(parked) }
            return .wait
        }
        state.isBusy = true
        return .fetch
    }

    /// Writes a message; waits as long as the pipe is full of what the client does not read.
    func write(_ message: [UInt8], in context: inout RequestContext) throws(NTStatus) {
        try stopWaiting(context)
        if try state.withLock({ state in begin(&state, parked: nil) }).get() { return try talk(message, in: context) }
        let parked = try context.park()
        guard try state.withLock({ state in begin(&state, parked: parked) }).get() else { throw .pending }
        try talk(message, in: context)
    }

    /// The write half of FSCTL_PIPE_TRANSCEIVE: it does not wait, [MS-FSCC] 2.3.52.
    func writeAtOnce(_ message: [UInt8], in context: borrowing RequestContext) throws(NTStatus) {
        let status: NTStatus? = state.withLock { state in
            if state.isBroken { return .pipeBroken }
            guard state.readsMessages else { return .invalidPipeState }
            // What was not read yet would be taken for the answer.
            if state.isBusy || state.hasMore || !state.messages.isEmpty { return .pipeBusy }
            state.isBusy = true
            return nil
        }
        if let status { throw status }
        try talk(message, in: context)
    }

    /// - Returns: whether the caller is now the one who talks to the service.
    private func begin(_ state: inout State, parked: ParkedRequest?) -> Result<Bool, NTStatus> {
        if state.isBroken { return .failure(.pipeBroken) }
        let isFull = state.hasMore || state.readableByteCount >= limits.pipeQuotaByteCount
        guard !state.isBusy, !isFull else {
            if let parked { state.waiters.append(parked) }
            return .success(false)
        }
        state.isBusy = true
        return .success(true)
    }

    private func talk(_ message: [UInt8], in context: borrowing RequestContext) throws(NTStatus) {
        let size = limits.pipeChunkByteCountMax
        var chunks: [[UInt8]] = []
        for start in stride(from: 0, to: message.count, by: size) {
            chunks.append(Array(message[start..<min(message.count, start + size)]))
        }
        try talk(chunks, in: context)
    }

    /// Hands `chunks` over and takes what comes back. The caller has set `isBusy`.
    private func talk(_ chunks: [[UInt8]], in context: borrowing RequestContext) throws(NTStatus) {
        context.connection.transport.willBlock()
        var failure: NTStatus?
        for chunk in chunks where failure == nil {
            do throws(NTStatus) {
                let output = try service.transact(identifier, chunk)
                let isSound = state.withLock { $0.take(output, limits) }
                // Whoever reads would ask for more for ever, or what nobody reads would grow.
                if !isSound { failure = .pipeDisconnected }
            } catch { failure = error }
        }
        let woken = state.withLock { state in
            state.isBusy = false
            if failure != nil {
                state.isBroken = true
                state.hasMore = false
            }
            return state.takeWaiters()
        }
        for request in woken { request.wake(.event) }
        if let failure { throw failure }
    }

    // MARK: state

    /// FSCTL_PIPE_PEEK, [MS-FSCC] 2.3.50: what could be read, and the first message's length and first bytes.
    func peek(_ limit: Int) -> (isBroken: Bool, readable: Int, count: Int, first: Int, bytes: ArraySlice<UInt8>) {
        state.withLock { state in
            let first = state.messages.first?[state.offset...] ?? []
            return (state.isBroken, state.readableByteCount, state.messages.count, first.count, first.prefix(limit))
        }
    }
    var readsMessages: Bool {
        get { state.withLock { $0.readsMessages } }
        set { state.withLock { $0.readsMessages = newValue } }
    }

    /// The open is closed: whoever waits for it need not any longer.
    func end() {
        let (woken, ended) = state.withLock { state in
            state.isBroken = true
            defer { state.ended = nil }
            return (state.takeWaiters(), state.ended)
        }
        service.close(identifier)
        ended?()
        for request in woken { request.wake(.closed) }
    }
}
