import Platform

/// Breaks that were sent and may not have arrived: where one connection fails the next is tried, [MS-SMB2] 3.3.4.6 and
/// 3.3.4.7, and where the last one fails the client is gone.
final class BreakDelivery: Sendable {
    private struct Sent {
        let notice: BreakNotice
        let connection: Connection
        /// See `Connection.hasDelivered`.
        let mark: UInt64
        /// Uptime in nanoseconds.
        let time: UInt64
    }
    private struct State {
        var sent: [UInt64: Sent] = [:]
        var nextKey: UInt64 = 0
    }
    private let state = Mutex(State())

    /// The notice has just been given to the connection's transport.
    func add(_ notice: BreakNotice, through connection: Connection, now: UInt64) {
        let sent = Sent(notice: notice, connection: connection, mark: connection.deliveryMark, time: now)
        state.withLock { state in
            state.sent[state.nextKey] = sent
            state.nextKey += 1
        }
    }

    /// - Returns: what a connection that is gone has not delivered, as far as anybody knows.
    func takeLost(with connection: Connection) -> [BreakNotice] {
        state.withLock { state in
            let lost = state.sent.filter { $0.value.connection === connection }
            for key in lost.keys { state.sent[key] = nil }
            return lost.sorted { $0.key < $1.key }.map(\.value.notice)
        }
    }

    /// Forgets what has arrived, and what nobody waits for any more.
    /// - Returns: connections that have owed a break for too long, or are gone.
    func failedConnections(now: UInt64, in server: Server) -> [Connection] {
        let sent = state.withLock { $0.sent }
        var failed: [ObjectIdentifier: Connection] = [:]
        // Without the lock: each look is a system call.
        for (key, entry) in sent {
            let isGone = entry.connection.state.withLock { $0.isGone }
            if !entry.notice.isOutstanding || !isGone && entry.connection.hasDelivered(entry.mark) {
                _ = state.withLock { $0.sent.removeValue(forKey: key) }
                continue
            }
            let isLast = server.carriers(of: entry.notice).count <= 1
            let limit = isLast ? server.limits.lastBreakDeliveryTimeout : server.limits.breakDeliveryTimeout
            if isGone || now > entry.time && now - entry.time > limit.nanoseconds {
                failed[ObjectIdentifier(entry.connection)] = entry.connection
            }
        }
        return Array(failed.values)
    }
}

extension BreakNotice {
    /// The holder still has, or is still asked to come down to, what the break says.
    var isOutstanding: Bool {
        open.node.state.withLock { state in
            state.grants.contains { $0.holder == holder && ($0.breakingTo ?? $0.state) == to }
        }
    }
}

extension Server {
    /// To be called a few times a second. A connection that does not carry a break is as good as gone, though its
    /// client may not have noticed: it is closed, as Samba does, and its breaks take the next.
    func retryBreaks(now: UInt64) {
        for connection in breakDelivery.failedConnections(now: now, in: self) {
            connection.transport.disconnect(.transport)
            connection.disconnected()
            sendLostBreaks(of: connection)
        }
    }

    /// The connection is none of its sessions' channels any more: what it has not delivered goes through others.
    func sendLostBreaks(of connection: Connection) {
        let lost = breakDelivery.takeLost(with: connection)
        if !lost.isEmpty { send(lost.filter(\.isOutstanding)) }
    }
}
