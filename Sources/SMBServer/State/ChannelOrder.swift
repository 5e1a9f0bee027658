import Platform

/// Open.ChannelSequence, Open.OutstandingRequestCount and Open.OutstandingPreRequestCount, [MS-SMB2] 3.3.5.2.10: after
/// a channel has failed, what was sent before must not overtake what is sent now. One word, no lock: it is looked at
/// in every READ and WRITE.
struct ChannelOrder: ~Copyable {
    /// Bits 0 to 15 the sequence, 16 to 39 changes under way that carry it, 40 to 63 those from before.
    private let word: Atomic<UInt64>

    init(sequence: UInt16) { word = Atomic(UInt64(sequence)) }

    private static func sequence(_ word: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: word) }
    private static func currentCount(_ word: UInt64) -> UInt64 { word >> 16 & 0xFF_FFFF }
    private static func earlierCount(_ word: UInt64) -> UInt64 { word >> 40 }

    /// Changes that are under way.
    var outstandingCount: Int {
        let word = word.load(ordering: .acquiring)
        return Int(Self.currentCount(word) + Self.earlierCount(word))
    }

    /// A request that changes nothing: it only tells that the client's sequence has moved on.
    func observe(_ sequence: UInt16) {
        var old = word.load(ordering: .relaxed)
        while sequence != Self.sequence(old), let new = Self.advanced(old, to: sequence) {
            let (exchanged, found) = word.weakCompareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            if exchanged { return }
            old = found
        }
    }

    /// A change begins. - Returns: false if it must not: it is from before a failure that the client has gone on from,
    /// or repeats one that may still be under way.
    func begin(_ sequence: UInt16, isReplay: Bool) -> Bool {
        var old = word.load(ordering: .relaxed)
        while true {
            guard let current = sequence == Self.sequence(old) ? old : Self.advanced(old, to: sequence),
                !isReplay || Self.earlierCount(current) == 0
            else { return false }
            let (exchanged, found) = word.weakCompareExchange(
                expected: old, desired: current + 1 << 16, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            old = found
        }
    }

    /// A change that `begin` let through is over.
    func end(_ sequence: UInt16) {
        var old = word.load(ordering: .relaxed)
        while true {
            // The sequence may have come round to the same number meanwhile.
            let isCurrent = sequence == Self.sequence(old) && Self.currentCount(old) > 0
            guard isCurrent || Self.earlierCount(old) > 0 else { return }
            let (exchanged, found) = word.weakCompareExchange(
                expected: old, desired: old - (isCurrent ? 1 << 16 : 1 << 40), ordering: .acquiringAndReleasing)
            if exchanged { return }
            old = found
        }
    }

    /// The word after the client has gone on to `sequence`; nil if that lies behind. The numbers come round, so half of
    /// them lie ahead.
    private static func advanced(_ word: UInt64, to sequence: UInt16) -> UInt64? {
        guard sequence &- self.sequence(word) <= 0x7FFF else { return nil }
        return (currentCount(word) + earlierCount(word)) << 40 | UInt64(sequence)
    }
}
