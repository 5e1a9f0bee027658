import NTTypes
import Platform

/// Counts what the server does, for a Prometheus endpoint. Off unless somebody wants to know: then each request costs
/// two looks at the clock and four additions in memory that no other processor writes meanwhile.
///
/// The counters are kept several times over, each processor using one set of them, and added up when they are read.
@safe public final class Metrics: Sendable {
    /// Of one command.
    public struct Command: Sendable {
        /// [MS-SMB2] 2.2.1.2; the last one stands for what is no command.
        public var code: Int
        public var errorCount: UInt64 = 0
        public var receivedByteCount: UInt64 = 0
        public var sentByteCount: UInt64 = 0
        public var nanoseconds: UInt64 = 0
        /// How many took no longer than `bounds[index]`, and longer than the one before; the last: longer than all.
        public var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count + 1)

        public var requestCount: UInt64 { buckets.reduce(0, &+) }
    }

    /// Upper bounds of the latency's buckets, in nanoseconds: 8 µs, and then four times as much each.
    public static let bounds: [UInt64] = (0..<11).map { 1 << (13 + 2 * UInt64($0)) }

    private enum Offset {
        static let errors = 0, received = 1, sent = 2, nanoseconds = 3, buckets = 4
        /// Two cache lines: processors fetch them in pairs.
        static let count = 16
    }
    private static let commandCount = 20
    /// More processors than these share.
    private static let setCount = 64
    private static let setSize = commandCount * Offset.count
    private nonisolated(unsafe) let counters: UnsafeMutablePointer<Atomic<UInt64>>

    public init() {
        let count = Self.setCount * Self.setSize
        // SAFETY: allocated once, every element initialised here, freed in deinit when nobody has a reference any more.
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Atomic<UInt64>>.stride, alignment: 128)
        unsafe counters = memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count { unsafe (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // SAFETY: as above.
        unsafe counters.deinitialize(count: Self.setCount * Self.setSize)
        unsafe counters.deallocate()
    }

    /// A request is answered.
    /// - Parameters:
    ///   - command: as it came.
    ///   - received, sent: bytes of the request and of its response, header included.
    ///   - nanoseconds: since its handling began, with all that it waited.
    func record(_ command: UInt16, isError: Bool, received: Int, sent: Int, nanoseconds: UInt64) {
        let set = Thread.processor % Self.setCount
        let base = set * Self.setSize + min(Int(command), Self.commandCount - 1) * Offset.count
        if isError { add(1, base + Offset.errors) }
        add(UInt64(received), base + Offset.received)
        add(UInt64(sent), base + Offset.sent)
        add(nanoseconds, base + Offset.nanoseconds)
        add(1, base + Offset.buckets + Self.bucket(nanoseconds))
    }

    @inline(__always)
    private func add(_ value: UInt64, _ index: Int) {
        // SAFETY: `record` keeps set, command and bucket below their counts, so the index is inside the memory.
        unsafe counters[index].wrappingAdd(value, ordering: .relaxed)
    }

    private static func bucket(_ nanoseconds: UInt64) -> Int {
        let bits = UInt64.bitWidth - (nanoseconds > 0 ? nanoseconds - 1 : 0).leadingZeroBitCount
        return min(max(0, (bits - 13 + 1) / 2), bounds.count)
    }

    /// What has been counted so far, by command; those that never came are left out.
    public var commands: [Command] {
        (0..<Self.commandCount).map { code in
            var sum = Command(code: code)
            for set in 0..<Self.setCount {
                let base = set * Self.setSize + code * Offset.count
                sum.errorCount &+= value(base + Offset.errors)
                sum.receivedByteCount &+= value(base + Offset.received)
                sum.sentByteCount &+= value(base + Offset.sent)
                sum.nanoseconds &+= value(base + Offset.nanoseconds)
                for index in sum.buckets.indices { sum.buckets[index] &+= value(base + Offset.buckets + index) }
            }
            return sum
        }.filter { $0.requestCount > 0 }
    }

    private func value(_ index: Int) -> UInt64 {
        // SAFETY: all indices come from the loops above.
        unsafe counters[index].load(ordering: .relaxed)
    }
}
