import FileStore
import NTTypes
import Platform
import SMBWire

/// Opens that outlive their connection, [MS-SMB2] 3.3.7.1, and the ways in which they end.
extension Server {
    /// The client of an open that its session no longer lists is gone: the open waits for it, or is closed.
    func disconnect(_ open: Open) {
        guard let durability = open.state.withLock({ $0.durability }) else { return close(open) }
        // In the table first: whoever wants the file from now on finds it there.
        let deadline = environment.uptime() + durability.timeout.nanoseconds
        let isKept = durableOpens.insert(open, durability, deadline: deadline, limits: limits)
        if isKept {
            if open.node.disconnect(open, durability.kind) || !durableOpens.take(open) { return }
        }
        close(open)
    }

    /// Ends opens whose client is away and which are in somebody's way; resilient ones stay.
    /// - Returns: whether there were any.
    @discardableResult
    func purge(_ opens: [Open]) -> Bool {
        var hasPurged = false
        for open in opens where open.isDisconnected.load(ordering: .relaxed) {
            guard open.state.withLock({ $0.durability?.kind }) == .durable, durableOpens.take(open) else { continue }
            close(open)
            hasPurged = true
        }
        return hasPurged
    }

    /// Nobody has answered in time, 3.3.6.1. What is left of a lease may be too little for its opens whose client is
    /// away.
    func completeBreaks(of node: FileNode) {
        node.completeBreaks()
        purge(node.strandedOpens())
    }

    /// Ends an open whether its client is there or not, [MS-SMB2] 3.3.4.17.
    func forceClose(_ open: Open) {
        if open.session.removeOpen(open.fileID.volatile) != nil || durableOpens.take(open) { close(open) }
    }

    /// 3.3.6.2: the time of those that nobody has come back for is over.
    func scavengeDurableOpens(now: UInt64) {
        for open in durableOpens.takeExpired(now: now) { close(open) }
    }
}
