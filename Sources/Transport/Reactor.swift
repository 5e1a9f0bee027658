import CLinux
import Glibc
import Platform

/// A reactor is not a thread but a *role* (a poll set, the events it reported, its connections) that one thread of the
/// crew holds at a time. A handler is a plain function that runs on the thread that read its request, so a fast request
/// never pays for a change of threads; when one lasts too long, a standby takes the role over and goes on where the
/// blocked thread stopped. That thread later sends its one reply and becomes a standby.
@safe final class Reactor: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): what never changes may be read by all, the descriptors among it, whose calls the
    // kernel orders; `lease`, `load` and `totalCount` are atomics, `inbox` is behind its lock. Everything else belongs
    // to the thread that holds the role. The role changes hands only inside a request (`Lease`), and from one thread to
    // the next through `Crew.state`.

    /// Replies up to this size are collected; a larger one is sent as it is.
    private static let collectedByteCountMax = 16 << 10
    /// Collected replies are sent once they are this many bytes.
    private static let flushByteCount = 256 << 10
    /// A buffer of no more room stays with the reactor once what it held is sent.
    private static let keptOutputByteCountMax = 2 << 20
    private static let inputByteCount = 64 << 10
    /// What is read at once of a client that has no session yet.
    private static let newInputByteCount = 4 << 10

    /// What others want of this reactor.
    private struct Inbox {
        var newcomers: [TCPConnection] = []
        var isStopping = false
    }

    let lease = Lease()
    let crew: Crew
    private let transport: TCPTransport
    private let configuration: TransportConfiguration
    private let poll = epoll_create1(CInt(EPOLL_CLOEXEC))
    /// Rings when there is something in `inbox`.
    private let bell = eventfd(0, CInt(EFD_NONBLOCK) | CInt(EFD_CLOEXEC))
    private let inbox = Mutex(Inbox())
    /// Connections that it has, or will find in its inbox.
    private let load = Atomic(0)
    private let listeners: [CInt]
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 64)
    /// Those of `events` still to be served.
    private var ready = 0..<0
    private var connections: [CInt: TCPConnection] = [:]
    /// The connection being served.
    private var current: TCPConnection?
    /// Received bytes of the current connection: `input[start..<input.count]` are still to be looked at.
    private var input: PDUBuffer
    private var start = 0
    /// Replies to the current connection that are not sent yet.
    private var output: PDUBuffer
    /// The current connection's client does not take its replies.
    private var isStalled = false
    /// Requests served since the last wait for events.
    private var servedCount = 0
    /// Requests gathered before this round.
    private var hasWaited = false
    /// Nobody served in this round may be waiting for each reply.
    private var mayWait = true
    private let totalCount = Atomic<UInt64>(0)
    /// When the events were there, in nanoseconds of uptime, if somebody wants to know.
    private var wakeTime: UInt64 = 0
    /// Where the next reply is written; the blocked thread keeps it when the role is taken from it.
    private var reply: PDUBuffer

    init(_ crew: Crew, _ transport: TCPTransport, _ configuration: TransportConfiguration, listeners: [CInt]) {
        self.crew = crew
        self.transport = transport
        self.configuration = configuration
        self.listeners = listeners
        input = PDUBuffer(capacity: Self.inputByteCount)
        output = configuration.buffers.take()
        reply = configuration.buffers.take()
        Self.control(poll, EPOLL_CTL_ADD, bell, EPOLLIN.rawValue)
        // Exclusive: one of the reactors wakes for a new client, not all of them.
        for listener in listeners {
            Self.control(poll, EPOLL_CTL_ADD, listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
        }
    }

    deinit {
        // SAFETY: allocated by init; nobody holds the role any more.
        unsafe events.deallocate()
        close(poll)
        close(bell)
    }

    enum Outcome { case finished, lost }

    /// Runs the reactor on this thread until the role is lost, or the transport stops.
    func run() -> Outcome {
        if let connection = current {
            // Taken over in the middle of one of its requests: the other thread keeps what that request uses.
            let old = input
            input = PDUBuffer(capacity: Self.inputByteCount)
            input.append(old.span(start..<old.count))
            start = 0
            reply = configuration.buffers.take()
            connection.leaveBehind()
            if serve(connection) == .lost { return .lost }
        } else if reply.count > 0 {
            reply = configuration.buffers.take()
        }
        var eagerness = Eagerness()
        while true {
            while let index = ready.popFirst() {
                // SAFETY: `ready` counts what epoll_wait filled in.
                let descriptor = unsafe events[index].data.fd
                if descriptor == bell {
                    if answer() { return finish() }
                } else if listeners.contains(descriptor) {
                    accept(descriptor)
                } else if let connection = connections[descriptor] {
                    precondition(output.count == 0 && start == input.count, "these are another connection's")
                    current = connection
                    let before = servedCount
                    if serve(connection) == .lost { return .lost }
                    lookWhetherToWait(for: connection, servedCount - before)
                }
            }
            current = nil
            eagerness.endRound(servedCount)
            gather()
            servedCount = 0
            // SAFETY: the kernel writes at most `events.count` events, and the buffer lives as long as the reactor.
            let count = unsafe linux_wait_for_events(poll, events.baseAddress, CInt(events.count))
            ready = 0..<max(0, Int(count))
            if configuration.timing.isOn { wakeTime = Uptime.nanoseconds }
            lease.touch()
            crew.watchdog.wake()
        }
    }

    // MARK: gathering

    /// Requests served ever, up to the last round.
    var totalServedCount: UInt64 { totalCount.load(ordering: .relaxed) }

    @inline(__always)
    private func lookWhetherToWait(for connection: TCPConnection, _ count: Int) {
        let phase = crew.gathering.phase
        guard count > 0, phase.isOn else { return }
        if !connection.depth.add(count, in: phase, afterWait: hasWaited) { mayWait = false }
    }

    /// A round is over: lets requests gather, if that pays.
    private func gather() {
        totalCount.store(totalServedCount &+ UInt64(servedCount), ordering: .relaxed)
        hasWaited = servedCount > 0 && mayWait && crew.gathering.phase.isOn
        mayWait = true
        if hasWaited { Gathering.wait() }
    }

    // MARK: the inbox

    func stop() {
        inbox.withLock { $0.isStopping = true }
        eventfd_write(bell, 1)
    }

    /// Hands it a connection that another reactor accepted. One that stops takes nobody in any more.
    private func give(_ newcomer: TCPConnection) {
        let isTaken = inbox.withLock { inbox in
            if !inbox.isStopping { inbox.newcomers.append(newcomer) }
            return !inbox.isStopping
        }
        if isTaken { eventfd_write(bell, 1) } else { end(newcomer) }
    }

    /// Does what others want. - Returns: whether to stop.
    private func answer() -> Bool {
        var count: UInt64 = 0
        // SAFETY: the number lives through the call.
        unsafe eventfd_read(bell, &count)
        let (newcomers, isStopping) = inbox.withLock { inbox in
            defer { inbox.newcomers = [] }
            return (inbox.newcomers, inbox.isStopping)
        }
        for newcomer in newcomers { take(newcomer) }
        return isStopping
    }

    /// All connections end; their receivers are told.
    private func finish() -> Outcome {
        for connection in connections.values { end(connection) }
        connections = [:]
        current = nil
        return .finished
    }

    private func end(_ connection: TCPConnection) {
        connection.disconnect()
        connection.end()
        transport.registry.remove(connection)
    }

    // MARK: accepting

    private func accept(_ listener: CInt) {
        guard let (descriptor, address) = transport.accept(listener) else { return }
        guard transport.registry.admit(address) else {
            close(descriptor)
            return
        }
        // The kernel wakes the same idle reactor for each client: without this, one would have them all.
        let reactor = transport.leastLoaded(before: self)
        let connection = TCPConnection(
            descriptor: descriptor, remoteAddress: address, poll: reactor.poll, configuration: configuration,
            registry: transport.registry)
        let receiver = transport.makeReceiver(connection)
        connection.receiver = receiver
        transport.registry.insert(connection, receiver)
        reactor.load.wrappingAdd(1, ordering: .relaxed)
        if reactor === self { take(connection) } else { reactor.give(connection) }
    }

    private func take(_ connection: TCPConnection) {
        connections[connection.descriptor] = connection
        Self.control(poll, EPOLL_CTL_ADD, connection.descriptor, EPOLLIN.rawValue)
    }

    func isLessLoaded(than other: Reactor) -> Bool {
        load.load(ordering: .relaxed) < other.load.load(ordering: .relaxed)
    }

    // MARK: serving

    private func serve(_ connection: TCPConnection) -> Outcome {
        connection.lookWhetherNew()
        guard connection.mayRead() else { return connection.isGone ? drop(connection) : wait(connection) }
        isStalled = false
        if start == input.count {
            input.count = 0
            start = 0
        }
        connection.resume(into: input)
        if configuration.timing.isOn { connection.arrived(at: wakeTime) }
        var isDrained = false
        var isFirst = true
        var turn = Turn()
        while true {
            while start < input.count || connection.hasWholeMessage {
                // Replies that a client does not take are made no faster than it takes them.
                if isStalled { return wait(connection) }
                switch step(connection) {
                case .next:
                    guard turn.isOver() else { continue }
                    // It goes on after them: what is left in the socket is an event again, and so is what `wait` keeps.
                    return wait(connection)
                case .incomplete: break
                case .broken: return drop(connection)
                case .lost: return .lost
                }
                break
            }
            guard flush(connection) else { return .finished }
            if isDrained { return .finished }
            switch receive(connection) {
            case .some(let drained):
                isDrained = drained
                // What lay there when the reactor woke came then at the latest; what comes after it, now.
                if !isFirst, configuration.timing.isOn { connection.arrived(at: Uptime.nanoseconds) }
                isFirst = false
            case nil: return drop(connection)
            }
            if start == input.count, !connection.hasWholeMessage, isDrained { return .finished }
        }
    }

    /// The connection is not served further for now: what was collected for it is sent, or stays with it, and so does
    /// what was received. Nothing of it may be left to be taken for the next connection's.
    private func wait(_ connection: TCPConnection) -> Outcome {
        _ = flush(connection)
        if start < input.count || connection.hasWholeMessage { connection.hold(input.span(start..<input.count)) }
        start = input.count
        return .finished
    }

    private enum Step { case next, incomplete, broken, lost }

    /// Takes the next message out of what was received, if it is whole, and has it handled.
    private func step(_ connection: TCPConnection) -> Step {
        if connection.hasWholeMessage, let whole = connection.partial {
            connection.partial = nil
            connection.partialByteCount = 0
            return handle(connection, whole, 0..<whole.count, ownsBuffer: true)
        }
        let available = input.count - start
        guard available >= Frame.prefixByteCount else {
            keep(connection, byteCount: 0)
            return .incomplete
        }
        guard let byteCount = frameByteCount(connection, input, at: start) else { return .broken }
        guard available >= byteCount else {
            keep(connection, byteCount: byteCount)
            return .incomplete
        }
        let range = start..<start + byteCount
        start += byteCount
        return handle(connection, input, range, ownsBuffer: false)
    }

    /// Bytes of a message with its prefix; nil if there can be no such message.
    private func frameByteCount(_ connection: TCPConnection, _ buffer: PDUBuffer, at offset: Int) -> Int? {
        let (type, byteCount) = Frame.read(buffer, at: offset)
        switch type {
        case 0:
            guard connection.takesMessage(of: byteCount) else { return nil }
        case Frame.sessionRequest, Frame.keepAlive:
            guard byteCount <= 256 else { return nil }
        default: return nil
        }
        return Frame.prefixByteCount + byteCount
    }

    /// The rest of the input waits with the connection for what is to come.
    private func keep(_ connection: TCPConnection, byteCount: Int) {
        let wanted = max(byteCount, Frame.prefixByteCount)
        // The pool's may have room for much more.
        let buffer = connection.isNew ? PDUBuffer(capacity: wanted) : configuration.buffers.take(capacity: wanted)
        buffer.append(input.span(start..<input.count))
        connection.partial = buffer
        connection.partialByteCount = byteCount
        start = input.count
    }

    private func handle(
        _ connection: TCPConnection, _ buffer: PDUBuffer, _ range: Range<Int>, ownsBuffer: Bool
    ) -> Step {
        let type = Frame.read(buffer, at: range.lowerBound).type
        guard type == 0, let receiver = connection.receiver else {
            if type == Frame.sessionRequest { output.append([Frame.positiveSessionResponse, 0, 0, 0]) }
            if ownsBuffer { configuration.buffers.give(buffer) }
            return .next
        }
        // SAFETY: the range is one whole frame that was received into the buffer.
        let message = unsafe buffer.region(range.lowerBound + Frame.prefixByteCount..<range.upperBound)
        servedCount += 1
        let reply = self.reply
        reply.count = 0
        reply.appendZeros(Frame.prefixByteCount)
        // From `enter` to `leave` only these locals may be used: the role may get a new holder at any moment.
        let ticket = lease.enter()
        // SAFETY: the message lies in a buffer that is ours until given back below; the new holder of a lost role only
        // reads other bytes of it.
        let goesOn = ReceiverCall.run(of: connection, self, ticket) { unsafe receiver.receive(message, reply: reply) }
        let isHolder = lease.leave(ticket)
        let isEmpty = reply.count <= Frame.prefixByteCount
        if !isEmpty { Frame.writePrefix(reply, at: 0) }
        if ownsBuffer { configuration.buffers.give(buffer) }
        guard isHolder else {
            if isEmpty { configuration.buffers.give(reply) }
            connection.comeBack(with: isEmpty ? nil : reply, closes: !goesOn)
            return .lost
        }
        if !isEmpty { collect(connection) }
        guard goesOn else {
            _ = flush(connection)
            connection.closeWhenSent()
            return .broken
        }
        return .next
    }

    /// Puts the reply behind those collected before it, or sends them and lets it be the next to be sent.
    private func collect(_ connection: TCPConnection) {
        if output.count == 0 {
            swap(&output, &reply)
        } else if reply.count <= Self.collectedByteCountMax {
            output.append(reply.span(0..<reply.count))
        } else {
            _ = flush(connection)
            swap(&output, &reply)
        }
        if output.count >= Self.flushByteCount { _ = flush(connection) }
    }

    /// Sends the collected replies. - Returns: false if the client does not take them for now.
    private func flush(_ connection: TCPConnection) -> Bool {
        guard output.count > 0 else { return connection.mayRead() }
        if connection.flush(output) {
            output.count = 0
            // What one large reply needed is not kept for ever.
            if output.capacity > Self.keptOutputByteCountMax { output = configuration.buffers.take() }
            return true
        }
        // The next reply is likely as large: a smaller buffer would have to grow each time.
        let capacity = output.capacity
        let isKept = capacity <= Self.keptOutputByteCountMax
        output = configuration.buffers.take(capacity: isKept ? capacity : BufferPool.smallCapacity)
        isStalled = true
        return false
    }

    /// Reads what is there. - Returns: whether that was all; nil when the client is gone.
    private func receive(_ connection: TCPConnection) -> Bool? {
        let buffer: PDUBuffer
        let wanted: Int
        if let partial = connection.partial {
            buffer = partial
            wanted = max(connection.partialByteCount, Frame.prefixByteCount) - partial.count
        } else {
            input.count = 0
            start = 0
            buffer = input
            wanted = connection.isNew ? Self.newInputByteCount : Self.inputByteCount
        }
        // SAFETY: `spare` makes the room; what lies there is written before it is read.
        let room = unsafe buffer.spare(wanted)
        // SAFETY: the room has `wanted` bytes.
        let count = unsafe linux_receive(connection.descriptor, room.baseAddress, wanted)
        if count < 0 { return errno == EAGAIN || errno == EINTR ? true : nil }
        guard count > 0 else { return nil }
        buffer.count += count
        if buffer === connection.partial, connection.partialByteCount == 0, buffer.count == Frame.prefixByteCount {
            guard let byteCount = frameByteCount(connection, buffer, at: 0) else { return nil }
            connection.partialByteCount = byteCount
            buffer.reserve(byteCount - buffer.count)
            return false
        }
        return count < wanted
    }

    /// The connection is over: nobody is listened to, and its receiver is told.
    private func drop(_ connection: TCPConnection) -> Outcome {
        Self.control(poll, EPOLL_CTL_DEL, connection.descriptor, 0)
        connection.disconnect()
        connections[connection.descriptor] = nil
        load.wrappingSubtract(1, ordering: .relaxed)
        transport.registry.remove(connection)
        connection.partial = nil
        current = nil
        output.count = 0
        start = input.count
        // Telling it may block (files are closed), so it counts as a request.
        let ticket = lease.enter()
        connection.end()
        return lease.leave(ticket) ? .finished : .lost
    }

    static func control(_ poll: CInt, _ operation: CInt, _ descriptor: CInt, _ interest: UInt32) {
        // SAFETY: plain values in a structure of our own, which lives through the call.
        var event = unsafe epoll_event()
        unsafe event.events = interest
        unsafe event.data.fd = descriptor
        unsafe epoll_ctl(poll, operation, descriptor, &event)
    }
}

extension TCPConnection {
    fileprivate var hasWholeMessage: Bool {
        guard let partial else { return false }
        return partialByteCount > 0 && partial.count == partialByteCount
    }

    /// Whether the other side has hung up.
    fileprivate var isGone: Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        // SAFETY: the entry lives through the call.
        return unsafe Glibc.poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLHUP | POLLERR) != 0
    }
}
