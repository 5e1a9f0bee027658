/// Buffers kept for reuse, so that no request allocates once the server is warm.
///
/// Two sizes are enough: small ones for everything but bulk data, large ones for it. What is not needed for a while is
/// given back to the system by `trim`.
public final class BufferPool: Sendable {
    /// Buffers up to this capacity are kept in the small list, larger ones in the large list.
    public static let smallCapacity = 16 << 10
    private struct Lists: ~Copyable {
        var small: [PDUBuffer] = []
        var large: [PDUBuffer] = []
    }
    private let lists = Mutex(Lists())
    private let smallCountMax: Int
    private let largeCountMax: Int

    /// - Parameters: how many unused buffers of each size are kept at most.
    public init(smallCountMax: Int = 64, largeCountMax: Int = 8) {
        self.smallCountMax = smallCountMax
        self.largeCountMax = largeCountMax
    }

    /// An empty buffer with room for at least `capacity` bytes.
    public func take(capacity: Int = BufferPool.smallCapacity) -> PDUBuffer {
        let wantsSmall = capacity <= Self.smallCapacity
        let buffer = lists.withLock { wantsSmall ? $0.small.popLast() : $0.large.popLast() }
        guard let buffer else { return PDUBuffer(capacity: max(capacity, Self.smallCapacity)) }
        buffer.count = 0
        buffer.reserve(capacity)
        return buffer
    }

    /// Takes a buffer back. The caller does not use it any more. One that was made smaller than these are is let go.
    public func give(_ buffer: PDUBuffer) {
        guard buffer.capacity >= Self.smallCapacity else { return }
        lists.withLock { lists in
            if buffer.capacity <= Self.smallCapacity {
                if lists.small.count < smallCountMax { lists.small.append(buffer) }
            } else {
                if lists.large.count < largeCountMax { lists.large.append(buffer) }
            }
        }
    }

    /// Frees the buffers that nobody uses now.
    public func trim() {
        lists.withLock { lists in
            lists.small = []
            lists.large = []
        }
    }
}
