import CLinux
import Glibc
import Platform

/// One TCP connection. Receiving is up to the thread that holds the reactor's role; sending is up to whoever has a
/// reply, so there is a lock around the sending side. While nothing is under way it holds no buffer.
@safe public final class TCPConnection: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): `partial`, `isNew`, `messageByteCountMax`, `backlog`, `isHolding`, `depth` and
    // `receiver` are touched only by the holder of the reactor's role, which changes hands through `Lease` and
    // `Crew.state`; everything else is immutable or behind `outbox`. (Who accepts a connection sets `receiver` before
    // it hands it over by the inbox.)

    let descriptor: CInt
    /// The client's address as text, without port.
    public let remoteAddress: String
    private let poll: CInt
    private let buffers: BufferPool
    private let bounds: Bounds
    private let registry: ConnectionRegistry
    /// Set before the first event, nil once the connection has ended.
    var receiver: (any MessageReceiver)?
    /// A message that has not arrived whole, prefix included, and how many bytes it will have; 0 when not known yet.
    var partial: PDUBuffer?
    var partialByteCount = 0
    /// The client has no session yet, and has had none: little is lent to it.
    private(set) var isNew = true
    /// The longest message that its receiver is known to take, in bytes: it never comes to take less.
    private var messageByteCountMax = 0
    /// Messages received and not looked at yet, since the client did not take the replies to those before.
    private var backlog: PDUBuffer?
    private var isHolding = false
    var depth = Gathering.Depth()

    /// What a client may make the server keep.
    private struct Bounds {
        var unsentByteCount: Int
        var leftBehindCount: Int
        /// Of one that has no session: replies are small, and fit what the kernel takes at once; one request at a time.
        static var ofNew: Bounds { Bounds(unsentByteCount: 0, leftBehindCount: 1) }
    }
    private struct Outbox {
        var bounds = Bounds.ofNew
        var unsent: [(buffer: PDUBuffer, range: Range<Int>)] = []
        var unsentByteCount = 0
        var interest = EPOLLIN.rawValue
        /// Messages wait to be looked at; no event tells of them but that the client takes replies again.
        var holdsBacklog = false
        /// Close once everything is sent.
        var closesWhenSent = false
        /// Requests whose threads lost the reactor's role over them and have not come back.
        var leftBehindCount = 0
    }
    private let outbox = Mutex(Outbox())
    private let timing: Flag
    // Uptime in nanoseconds, while `timing` is on: when the bytes that are looked at were there; since when the client
    // does not take its replies; and for how long all sending, and waiting for it, has taken.
    private let arrivalTime = Atomic<UInt64>(0)
    private let stallBegin = Atomic<UInt64>(0)
    private let sendingTime = Atomic<UInt64>(0)

    init(
        descriptor: CInt, remoteAddress: String, poll: CInt, configuration: TransportConfiguration,
        registry: ConnectionRegistry
    ) {
        self.descriptor = descriptor
        self.remoteAddress = remoteAddress
        self.poll = poll
        self.registry = registry
        buffers = configuration.buffers
        timing = configuration.timing
        bounds = Bounds(
            unsentByteCount: configuration.unsentByteCountMax, leftBehindCount: configuration.leftBehindCountMax)
    }

    deinit {
        Glibc.close(descriptor)
        registry.ended(remoteAddress)
    }

    // MARK: for the receiver, on any thread

    /// Sends one message, which begins at byte 4 of the buffer; the first four become its Direct TCP prefix,
    /// [MS-SMB2] 2.1. The buffer is the connection's from now on, and goes back to the pool.
    public func send(_ message: PDUBuffer) {
        Frame.writePrefix(message, at: 0)
        outbox.withLock { enqueue(message, 0..<message.count, ownsBuffer: true, &$0) }
    }

    /// Ends the connection; `MessageReceiver.disconnected` follows.
    public func disconnect() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// The message being received on this thread is about to block: another thread takes the reactor over. Elsewhere it
    /// does nothing.
    public func willBlock() { ReceiverCall.giveRoleAway(whileIn: self) }

    /// Bytes that the client's machine has acknowledged since the beginning, and bytes that it is still to get.
    public var delivery: (acknowledged: UInt64, outstanding: UInt64) {
        let kept = outbox.withLock { UInt64($0.unsentByteCount) }
        let delivery = linux_delivery(descriptor)
        return (delivery.acknowledged, delivery.outstanding + kept)
    }

    /// When the messages being looked at arrived, in nanoseconds of uptime; 0 where nobody wants to know.
    public var arrival: UInt64 { timing.isOn ? arrivalTime.load(ordering: .relaxed) : 0 }

    /// Nanoseconds that went by in sending, and until the client took what was sent, while that was timed.
    public var sending: UInt64 { sendingTime.load(ordering: .relaxed) }

    // MARK: for the reactor

    func arrived(at time: UInt64) { arrivalTime.store(time, ordering: .relaxed) }

    /// Whether there may be a message of so many bytes, without the prefix.
    func takesMessage(of byteCount: Int) -> Bool {
        // The receiver is asked only about what is longer than it was ever said to take.
        if byteCount > messageByteCountMax { messageByteCountMax = receiver?.messageByteCountMax ?? 0 }
        return byteCount <= messageByteCountMax
    }

    /// Before a batch of messages is looked at: whether the client has come to have a session.
    func lookWhetherNew() {
        guard isNew, receiver?.isWithoutSession == false else { return }
        isNew = false
        outbox.withLock { box in
            box.bounds = bounds
            listen(&box)
        }
    }

    /// Sends what `buffer` holds. What the client does not take now is kept, in `buffer` itself.
    /// - Returns: true when everything is sent and `buffer` is still the caller's.
    func flush(_ buffer: PDUBuffer) -> Bool {
        let begin = timing.isOn ? Uptime.nanoseconds : 0
        defer { if begin != 0 { sendingTime.wrappingAdd(Uptime.nanoseconds &- begin, ordering: .relaxed) } }
        return outbox.withLock { box in
            if box.unsent.isEmpty {
                let end = push(buffer, 0..<buffer.count)
                if end == buffer.count { return true }
                enqueue(buffer, end..<buffer.count, ownsBuffer: true, &box)
            } else {
                enqueue(buffer, 0..<buffer.count, ownsBuffer: true, &box)
            }
            return false
        }
    }

    /// The role went to another thread while one of this connection's requests ran: that one is left behind. With many
    /// of them nothing more is read, so that no client takes all threads, and few replies gather.
    func leaveBehind() {
        outbox.withLock { box in
            box.leftBehindCount += 1
            // What comes meanwhile would wake the reactor again and again, for nothing.
            listen(&box)
        }
    }

    /// A request that was left behind is done; its thread sends the reply, if there is one.
    func comeBack(with reply: PDUBuffer?, closes: Bool) {
        outbox.withLock { box in
            box.leftBehindCount -= 1
            if closes { box.closesWhenSent = true }
            if let reply { enqueue(reply, 0..<reply.count, ownsBuffer: true, &box) } else { settle(&box) }
        }
    }

    /// Tells the receiver, and lets go of it: it holds this connection, and the descriptor is closed when nobody does.
    func end() {
        let receiver = self.receiver
        self.receiver = nil
        receiver?.disconnected()
    }

    func closeWhenSent() {
        outbox.withLock { box in
            box.closesWhenSent = true
            settle(&box)
        }
    }

    /// Keeps what was received, and has the poll tell when the client takes replies again.
    func hold(_ messages: RawSpan) {
        if messages.byteCount > 0 {
            let buffer = buffers.take(capacity: messages.byteCount)
            buffer.append(messages)
            backlog = buffer
        }
        isHolding = true
        outbox.withLock { box in
            box.holdsBacklog = true
            listen(&box)
        }
    }

    /// What `hold` kept, appended to `input`.
    func resume(into input: PDUBuffer) {
        guard isHolding else { return }
        isHolding = false
        outbox.withLock { box in
            box.holdsBacklog = false
            listen(&box)
        }
        guard let messages = backlog else { return }
        backlog = nil
        input.append(messages.span(0..<messages.count))
        buffers.give(messages)
    }

    /// Sends what could not be sent before. - Returns: true if nothing speaks against reading on.
    func mayRead() -> Bool {
        outbox.withLock { box in
            if !box.unsent.isEmpty || box.closesWhenSent { settle(&box) }
            return box.unsent.isEmpty && !box.closesWhenSent
                && box.leftBehindCount < box.bounds.leftBehindCount
        }
    }

    private func enqueue(_ buffer: PDUBuffer, _ range: Range<Int>, ownsBuffer: Bool, _ box: inout Outbox) {
        box.unsent.append((buffer, range))
        box.unsentByteCount += range.count
        settle(&box)
        if timing.isOn, !box.unsent.isEmpty, stallBegin.load(ordering: .relaxed) == 0 {
            stallBegin.store(Uptime.nanoseconds, ordering: .relaxed)
        }
        // A client that asks and never reads: nothing is gained by keeping more for it.
        if box.unsentByteCount > box.bounds.unsentByteCount { disconnect() }
    }

    private func settle(_ box: inout Outbox) {
        while let (buffer, range) = box.unsent.first {
            let end = push(buffer, range)
            box.unsentByteCount -= end - range.lowerBound
            if end < range.upperBound {
                box.unsent[0].range = end..<range.upperBound
                break
            }
            box.unsent.removeFirst()
            buffers.give(buffer)
        }
        if box.unsent.isEmpty, case let begin = stallBegin.exchange(0, ordering: .relaxed), begin != 0 {
            sendingTime.wrappingAdd(Uptime.nanoseconds &- begin, ordering: .relaxed)
        }
        if box.unsent.isEmpty, box.closesWhenSent { disconnect() }
        listen(&box)
    }

    /// Has the poll tell what is waited for: not for more to read while the client does not read itself; for nothing
    /// (but that it has gone) while too many of its requests are left behind.
    private func listen(_ box: inout Outbox) {
        let interest =
            if box.leftBehindCount >= box.bounds.leftBehindCount { 0 as UInt32 } else {
                box.unsent.isEmpty && !box.holdsBacklog ? EPOLLIN.rawValue : EPOLLOUT.rawValue
            }
        guard interest != box.interest else { return }
        box.interest = interest
        Reactor.control(poll, EPOLL_CTL_MOD, descriptor, interest)
    }

    /// - Returns: how far it got. An error is left for the receiving side to find.
    private func push(_ buffer: PDUBuffer, _ range: Range<Int>) -> Int {
        var at = range.lowerBound
        while at < range.upperBound {
            // SAFETY: the range is part of what was appended to the buffer.
            let rest = unsafe buffer.region(at..<range.upperBound)
            // SAFETY: the region lies inside the buffer, which nobody else writes to any more.
            let count = unsafe linux_send(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? at : range.upperBound
            }
            at += count
        }
        return at
    }
}
