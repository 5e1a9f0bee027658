import Platform

/// The data plane's end: a few channels, each of which carries one request and then its answer. A caller that finds all
/// of them busy waits its turn on the first one to become free.
public final class ControlPlaneClient: Sendable {
    private struct Pool {
        var idle: [Channel] = []
        var isClosed = false
    }
    private let pool: Mutex<Pool>
    private let turns: Semaphore

    init(channels: [Channel]) {
        pool = Mutex(Pool(idle: channels))
        turns = Semaphore(count: UInt32(channels.count))
    }

    /// Asks and waits for the answer. nil when the control plane is gone or answers nonsense; then nobody logs in.
    public func ask(_ request: ControlPlaneRequest) -> ControlPlaneAnswer? {
        turns.wait()
        defer { turns.signal() }
        guard let channel = pool.withLock({ $0.idle.popLast() }) else { return nil }
        guard channel.send(request.encode()), let bytes = channel.receive(),
            let answer = ControlPlaneAnswer(decoding: bytes)
        else {
            // What went wrong once on a channel would be answered out of step afterwards.
            channel.close()
            return nil
        }
        let isClosed = pool.withLock { pool in
            if !pool.isClosed { pool.idle.append(channel) }
            return pool.isClosed
        }
        if isClosed { channel.close() }
        return answer
    }

    /// Ends all channels; the other end sees it.
    public func close() {
        let channels = pool.withLock { pool in
            pool.isClosed = true
            defer { pool.idle = [] }
            return pool.idle
        }
        for channel in channels { channel.close() }
    }
}
