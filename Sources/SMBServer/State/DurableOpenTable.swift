import NTTypes
import Platform
import SMBWire

/// Opens whose client is away: the part of GlobalOpenTable, [MS-SMB2] 3.3.1.10, that a reconnect looks in. Each belongs
/// to whoever takes it out: the client that comes back, somebody who wants its file, or time.
final class DurableOpenTable: Sendable {
    private struct Entry {
        let open: Open
        let owner: Durability.Owner
        /// Uptime in nanoseconds: Open.DurableOpenScavengerTimeout.
        let deadline: UInt64
    }
    private struct Lists {
        /// By Open.DurableFileId.
        var entries: [UInt64: Entry] = [:]
        var countByOwner: [Durability.Owner: Int] = [:]

        mutating func take(_ id: UInt64) -> Open? {
            guard let entry = entries.removeValue(forKey: id) else { return nil }
            let left = countByOwner[entry.owner, default: 1] - 1
            countByOwner[entry.owner] = left > 0 ? left : nil
            return entry.open
        }
    }
    private let lists = Mutex(Lists())
    /// The earliest deadline, or one before it: waiting costs one load.
    private let nextDeadline = Atomic<UInt64>(.max)

    /// - Returns: false at a limit; the open is then not kept.
    func insert(_ open: Open, _ durability: Durability, deadline: UInt64, limits: Limits) -> Bool {
        lists.withLock { lists in
            let count = lists.countByOwner[durability.owner, default: 0]
            guard lists.entries.count < limits.disconnectedOpenCountMax,
                count < limits.disconnectedOpenCountPerUserMax, lists.entries[open.fileID.persistent] == nil
            else { return false }
            lists.countByOwner[durability.owner] = count + 1
            lists.entries[open.fileID.persistent] = Entry(open: open, owner: durability.owner, deadline: deadline)
            if deadline < nextDeadline.load(ordering: .relaxed) { nextDeadline.store(deadline, ordering: .relaxed) }
            return true
        }
    }

    func find(_ persistentID: UInt64) -> Open? { lists.withLock { $0.entries[persistentID]?.open } }

    /// Takes an open out. - Returns: false if somebody else did, whose it is then.
    func take(_ open: Open) -> Bool {
        lists.withLock { lists in
            guard lists.entries[open.fileID.persistent]?.open === open else { return false }
            return lists.take(open.fileID.persistent) != nil
        }
    }

    /// Takes out those whose time is over.
    func takeExpired(now: UInt64) -> [Open] {
        guard now >= nextDeadline.load(ordering: .relaxed) else { return [] }
        return lists.withLock { lists in
            let expired = lists.entries.filter { $0.value.deadline <= now }
            let open = expired.keys.compactMap { lists.take($0) }
            nextDeadline.store(lists.entries.values.map(\.deadline).min() ?? .max, ordering: .relaxed)
            return open
        }
    }

    /// False as long as nobody is away; one load.
    var isInUse: Bool { nextDeadline.load(ordering: .relaxed) != .max }
    var count: Int { lists.withLock { $0.entries.count } }
}
