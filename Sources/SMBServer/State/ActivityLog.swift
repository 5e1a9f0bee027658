import Platform

/// Where the time of requests goes, by connection and tree connect: for `apus top`. Filled only while somebody asks.
///
/// Kept several times over, each processor using one part, so that they rarely wait for each other.
public final class ActivityLog: Sendable {
    /// Times in nanoseconds.
    public struct Sums: Equatable, Sendable {
        public static let commandCount = 20
        /// Latencies below 1 µs, below 2 µs, and so on; the last one: all that take longer.
        public static let bucketCount = 26

        public var errorCount: UInt64 = 0
        public var readByteCount: UInt64 = 0
        public var writtenByteCount: UInt64 = 0
        /// From the arrival of bytes to the beginning of the work on them.
        public var queue: UInt64 = 0
        /// Checks, signatures, sealing, and the answer.
        public var processor: UInt64 = 0
        /// In handlers: the file system, for almost all of it.
        public var files: UInt64 = 0
        /// For others: to give up what they cache, or a locked range.
        public var wait: UInt64 = 0
        public var waitCount: UInt64 = 0
        /// READs of less than 16 KiB.
        public var smallReadCount: UInt64 = 0
        /// CREATEs that can neither read nor change data.
        public var attributeOpenCount: UInt64 = 0
        public var failedOpenCount: UInt64 = 0
        /// That came sealed, and signed.
        public var sealedCount: UInt64 = 0
        public var signedCount: UInt64 = 0
        /// By command, [MS-SMB2] 2.2.1.2.
        public var commands = [UInt64](repeating: 0, count: commandCount)
        public var buckets = [UInt64](repeating: 0, count: bucketCount)

        public init() {}

        public var requestCount: UInt64 { commands.reduce(0, &+) }

        /// What came since `before`.
        public func since(_ before: Sums) -> Sums { combined(with: before, &-) }
        public func adding(_ other: Sums) -> Sums { combined(with: other, &+) }

        private static var numbers: [WritableKeyPath<Sums, UInt64>] {
            [
                \.errorCount, \.readByteCount, \.writtenByteCount, \.queue, \.processor, \.files, \.wait, \.waitCount,
                \.smallReadCount, \.attributeOpenCount, \.failedOpenCount, \.sealedCount, \.signedCount,
            ]
        }

        private func combined(with other: Sums, _ combine: (UInt64, UInt64) -> UInt64) -> Sums {
            var result = self
            for number in Self.numbers {
                result[keyPath: number] = combine(self[keyPath: number], other[keyPath: number])
            }
            for index in commands.indices { result.commands[index] = combine(commands[index], other.commands[index]) }
            for index in buckets.indices { result.buckets[index] = combine(buckets[index], other.buckets[index]) }
            return result
        }

        /// The latency, in nanoseconds, that `part` of the requests did not exceed, to a factor of two.
        public func latency(part: Double) -> UInt64 {
            let total = buckets.reduce(0, &+)
            var left = Double(total) * part
            for (index, count) in buckets.enumerated() where total > 0 {
                left -= Double(count)
                if left <= 0 { return 1000 << UInt64(index) }
            }
            return 0
        }
    }

    public struct Key: Hashable, Sendable {
        public var connection: UInt64
        public var session: UInt64
        /// 0 for requests about no share.
        public var tree: UInt32
    }

    public struct Entry: Sendable {
        public var client: String
        public var user: String
        public var share: String
        /// As negotiated, [MS-SMB2] 2.2.3.1: the connection may be gone when somebody looks.
        public var cipher: UInt16
        public var signingAlgorithm: UInt16
        /// Of the last file for which a request had to wait.
        public var lastAwaited = ""
        public var sums = Sums()
    }

    private final class Part: Sendable { let entries = Mutex<[Key: Entry]>([:]) }
    private static let partCount = 16
    private let countMax: Int
    private let parts = (0..<partCount).map { _ in Part() }
    /// Connections that are gone, and for how many nanoseconds each has sent. What is known of one stays for those who
    /// look later, until there is no room: then the oldest go.
    private let ended = Mutex<[UInt64: UInt64]>([:])
    private let lostCounter = Atomic<UInt64>(0)

    /// - Parameter countMax: entries of each part, and connections that have ended.
    init(countMax: Int) { self.countMax = countMax }

    /// - Parameter make: names for an entry that is new.
    func record(_ key: Key, make: () -> Entry, _ change: (inout Entry) -> Void) {
        parts[Thread.processor % Self.partCount].entries.withLock { entries in
            if entries[key] == nil {
                if entries.count >= countMax { makeRoom(&entries) }
                guard entries.count < countMax else {
                    lostCounter.wrappingAdd(1, ordering: .relaxed)
                    return
                }
                entries[key] = make()
            }
            // In place: no copy is made of the arrays inside.
            change(&entries[key]!)
        }
    }

    private func makeRoom(_ entries: inout [Key: Entry]) {
        let ended = self.ended.withLock { $0 }
        let gone = entries.keys.filter { ended[$0.connection] != nil }.sorted { $0.connection < $1.connection }
        // Half of them at once, so that this is seldom.
        for key in gone.prefix((gone.count + 1) / 2) { entries[key] = nil }
    }

    /// A connection has ended, after it has sent for so long.
    func end(_ connection: UInt64, sending: UInt64) {
        let oldest = ended.withLock { ended -> Set<UInt64> in
            ended[connection] = sending
            guard ended.count > countMax else { return [] }
            let oldest = Set(ended.keys.sorted().prefix(countMax / 2 + 1))
            for connection in oldest { ended[connection] = nil }
            return oldest
        }
        guard !oldest.isEmpty else { return }
        for part in parts {
            part.entries.withLock { entries in entries = entries.filter { !oldest.contains($0.key.connection) } }
        }
    }

    /// What has come together since `Observation.beginActivity`.
    public var entries: [Key: Entry] {
        var all: [Key: Entry] = [:]
        for part in parts {
            all.merge(part.entries.withLock { $0 }) { one, other in
                var sum = one
                sum.sums = one.sums.adding(other.sums)
                if sum.lastAwaited.isEmpty { sum.lastAwaited = other.lastAwaited }
                return sum
            }
        }
        return all
    }

    /// For how many nanoseconds connections that have ended had sent.
    public var sendingOfEnded: [UInt64: UInt64] { ended.withLock { $0 } }

    /// Requests that there was no room to note.
    public var lostCount: UInt64 { lostCounter.load(ordering: .relaxed) }

    func clear() {
        for part in parts { part.entries.withLock { $0 = [:] } }
        ended.withLock { $0 = [:] }
        lostCounter.store(0, ordering: .relaxed)
    }
}
