import FileStore
import NTTypes

/// The byte-range locks of one stream, [MS-FSA] 2.1.5.8 and 2.1.4.10. Offsets in bytes. Belongs to an open: another
/// open of the same client conflicts like a stranger's.
struct ByteRangeLocks {
    struct Lock {
        let open: Open
        let offset: UInt64
        let length: UInt64
        let isExclusive: Bool
        /// The last byte; a lock of no bytes has none.
        var last: UInt64? { length == 0 ? nil : offset &+ (length &- 1) }
    }
    private var locks: [Lock] = []
    /// Requests that wait for a range to become free; they try again in order.
    private var waiters: [(request: ParkedRequest, open: Open)] = []

    var isEmpty: Bool { locks.isEmpty }
    func first(_ count: Int) -> [Lock] { Array(locks.prefix(count)) }
    func hasOwner(where isMeant: (Open) -> Bool) -> Bool { locks.contains { isMeant($0.open) } }

    /// Whether two ranges stand in each other's way. A range of no bytes conflicts with what has bytes on both sides
    /// of its place: [MS-FSA] 2.1.4.10 as Windows has it.
    private static func overlap(_ a: Lock, _ offset: UInt64, _ length: UInt64) -> Bool {
        switch (a.length, length) {
        case (0, 0): return false
        case (0, _): return a.offset > offset && a.offset <= offset &+ (length &- 1)
        case (_, 0): return offset > a.offset && offset <= a.offset &+ (a.length &- 1)
        default:
            return a.offset <= offset &+ (length &- 1) && offset <= a.offset &+ (a.length &- 1)
        }
    }

    /// Adds a lock unless another is in the way. Shared locks tolerate each other, and go on top of an exclusive one of
    /// the same open; an exclusive one goes on top of nothing, [MS-FSA] 2.1.5.8.
    mutating func add(_ lock: Lock) -> Bool {
        for other in locks where Self.overlap(other, lock.offset, lock.length) {
            if lock.isExclusive || other.isExclusive && other.open !== lock.open { return false }
        }
        locks.append(lock)
        return true
    }
    /// Takes back the locks that were added last.
    mutating func removeLast(_ count: Int) { locks.removeLast(count) }

    /// What an open's locks come to in a range that is not empty, piece by piece: nil where it has none.
    func pieces(
        of open: Open, offset: UInt64, length: UInt64
    ) -> [(offset: UInt64, length: UInt64, lock: LocalLock?)] {
        // Most files have one lock, or none any more.
        if locks.isEmpty { return [(offset, length, nil)] }
        if locks.count == 1, locks[0].open === open, locks[0].offset == offset, locks[0].length == length {
            return [(offset, length, locks[0].isExclusive ? .exclusive : .shared)]
        }
        let last = offset &+ (length &- 1)
        let own = locks.filter { $0.open === open && $0.length > 0 && Self.overlap($0, offset, length) }
        var starts: Set<UInt64> = [offset]
        for lock in own {
            if lock.offset > offset { starts.insert(lock.offset) }
            if let end = lock.last, end < last { starts.insert(end + 1) }
        }
        let sorted = starts.sorted()
        return sorted.enumerated().map { index, start in
            let end = index + 1 < sorted.count ? sorted[index + 1] - 1 : last
            let covering = own.filter { $0.offset <= start && ($0.last ?? 0) >= start }
            let kind: LocalLock? = covering.contains { $0.isExclusive } ? .exclusive : covering.isEmpty ? nil : .shared
            return (start, end - start &+ 1, kind)
        }
    }

    /// Removes the lock with exactly this range. - Returns: false if there is none.
    mutating func remove(offset: UInt64, length: UInt64, of open: Open) -> Bool {
        // [MS-FSA] 2.1.5.9: of an exclusive and a shared lock on the same range the exclusive one goes first.
        let matching = locks.indices.filter {
            locks[$0].open === open && locks[$0].offset == offset && locks[$0].length == length
        }
        guard let index = matching.first(where: { locks[$0].isExclusive }) ?? matching.first else { return false }
        locks.remove(at: index)
        return true
    }

    /// The open is closed. - Returns: requests to wake since something is free now, and those that waited on the open
    /// itself, which are over.
    mutating func removeAll(of open: Open) -> (woken: [ParkedRequest], ended: [ParkedRequest]) {
        let before = locks.count
        locks.removeAll { $0.open === open }
        let ended = waiters.filter { $0.open === open }.map(\.request)
        waiters.removeAll { $0.open === open }
        return (locks.count == before ? [] : takeWaiters(), ended)
    }

    /// Another open stands for the same handle now.
    mutating func move(from old: Open, to new: Open) {
        for (index, lock) in locks.enumerated() where lock.open === old {
            locks[index] = Lock(open: new, offset: lock.offset, length: lock.length, isExclusive: lock.isExclusive)
        }
    }

    mutating func wait(_ request: ParkedRequest, on open: Open) {
        if !waiters.contains(where: { $0.request === request }) { waiters.append((request, open)) }
    }
    mutating func stopWaiting(_ request: ParkedRequest) { waiters.removeAll { $0.request === request } }
    mutating func takeWaiters() -> [ParkedRequest] {
        defer { waiters = [] }
        return waiters.map(\.request)
    }
    func count(of open: Open) -> Int { locks.reduce(0) { $0 + ($1.open === open ? 1 : 0) } }

    /// Reading is stopped by others' exclusive locks; writing by others' locks and by one's own shared ones.
    func conflicts(with range: Range<UInt64>, by open: Open, writing: Bool) -> Bool {
        guard !range.isEmpty else { return false }
        return locks.contains { lock in
            guard lock.length > 0, Self.overlap(lock, range.lowerBound, range.upperBound - range.lowerBound) else {
                return false
            }
            return writing ? !(lock.isExclusive && lock.open === open) : lock.isExclusive && lock.open !== open
        }
    }
}
