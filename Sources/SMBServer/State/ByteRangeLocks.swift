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
    private var waiters: [ParkedRequest] = []

    var isEmpty: Bool { locks.isEmpty }

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

    /// Adds a lock unless another is in the way. Shared locks tolerate each other; an exclusive one tolerates none, not
    /// even of the same open.
    mutating func add(_ lock: Lock) -> Bool {
        for other in locks where Self.overlap(other, lock.offset, lock.length) {
            if other.isExclusive || lock.isExclusive { return false }
        }
        locks.append(lock)
        return true
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

    /// - Returns: requests to wake.
    mutating func removeAll(of open: Open) -> [ParkedRequest] {
        let before = locks.count
        locks.removeAll { $0.open === open }
        return locks.count == before ? [] : takeWaiters()
    }

    /// Another open stands for the same handle now.
    mutating func move(from old: Open, to new: Open) {
        for (index, lock) in locks.enumerated() where lock.open === old {
            locks[index] = Lock(open: new, offset: lock.offset, length: lock.length, isExclusive: lock.isExclusive)
        }
    }

    mutating func wait(_ request: ParkedRequest) {
        if !waiters.contains(where: { $0 === request }) { waiters.append(request) }
    }
    mutating func stopWaiting(_ request: ParkedRequest) { waiters.removeAll { $0 === request } }
    mutating func takeWaiters() -> [ParkedRequest] {
        defer { waiters = [] }
        return waiters
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
