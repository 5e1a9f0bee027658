import Platform

/// Breaks that were sent to clients with several channels and may not have arrived: where one channel fails the next is
/// tried, [MS-SMB2] 3.3.4.6 and 3.3.4.7.
final class BreakDelivery: Sendable {
    private struct Sent {
        let notice: BreakNotice
        let connection: Connection
        let time: UInt64
    }
    private let sent = Mutex<[Sent]>([])

    func add(_ notice: BreakNotice, through connection: Connection, now: UInt64) {
        sent.withLock { $0.append(Sent(notice: notice, connection: connection, time: now)) }
    }

    /// The connection is gone. - Returns: what did not arrive through it, as far as anybody knows.
    func takeLost(with connection: Connection) -> [BreakNotice] {
        take { $0.connection === connection }.map(\.notice)
    }

    /// Forgets what has arrived. - Returns: the connections that have carried nothing for `limit` nanoseconds.
    func stuckConnections(now: UInt64, limit: UInt64) -> [Connection] {
        let isEmpty = sent.withLock { $0.isEmpty }
        guard !isEmpty else { return [] }
        _ = take { !$0.connection.hasUndelivered }
        return sent.withLock { $0.filter { now - $0.time > limit }.map(\.connection) }
    }

    private func take(_ isWanted: (Sent) -> Bool) -> [Sent] {
        // Asked outside of the lock: it may be a system call.
        let found = sent.withLock { $0 }.filter(isWanted)
        guard !found.isEmpty else { return [] }
        return sent.withLock { sent in
            var taken: [Sent] = []
            sent.removeAll { entry in
                let isFound = found.contains { $0.connection === entry.connection && $0.time == entry.time }
                if isFound { taken.append(entry) }
                return isFound
            }
            return taken
        }
    }
}

extension Server {
    /// A channel that does not carry a break is as good as gone, though its client may not have noticed.
    func retryBreaks(now: UInt64) {
        let limit = limits.breakDeliveryTimeout.nanoseconds
        for connection in breakDelivery.stuckConnections(now: now, limit: limit) {
            connection.transport.disconnect(.transport)
            connection.disconnected()
        }
    }
}
