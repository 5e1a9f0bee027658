/// Connection.CommandSequenceWindow, [MS-SMB2] 3.3.1.1: the message IDs that the client may use, each once.
///
/// IDs below `low` are used, those from `high` on were never granted; between them a ring of bits tells. A client that
/// leaves out an ID keeps `low` where it is, so the ring bounds how far it can run ahead of itself.
struct CommandSequenceWindow {
    private(set) var low: UInt64 = 0
    /// One past the last granted ID. A new connection may send message 0.
    private(set) var high: UInt64 = 1
    /// Granted and not used yet: Connection.CreditsGranted less what is in flight.
    private(set) var availableCount: UInt64 = 1
    private let creditCountMax: UInt64
    /// Bit set: used. Grows with what is granted, so that an idle connection stays small.
    private var used: [UInt64] = [0]

    /// - Parameter creditCountMax: most credits a client may hold, and the window's greatest width.
    init(creditCountMax: UInt16) { self.creditCountMax = UInt64(max(1, creditCountMax)) }

    private var capacity: UInt64 { UInt64(used.count) * 64 }

    /// Uses up `charge` consecutive IDs starting at `first`, or nothing at all and false: [MS-SMB2] 3.3.5.2.3.
    mutating func consume(first: UInt64, charge: UInt16) -> Bool {
        precondition(charge > 0, "CANCEL never reaches the window; every other charge is at least 1")
        guard first >= low, first < high, UInt64(charge) <= high - first else { return false }
        for id in first..<first + UInt64(charge) where isUsed(id) { return false }
        for id in first..<first + UInt64(charge) { mark(id, used: true) }
        availableCount -= UInt64(charge)
        while low < high, isUsed(low) {
            mark(low, used: false)
            low += 1
        }
        return true
    }

    /// Opens the window by as many IDs as the policy allows, [MS-SMB2] 3.3.1.2.
    /// - Returns: how many were granted.
    mutating func grant(requested: UInt16) -> UInt16 {
        // A client that holds nothing must get at least one, or it could never speak again.
        let wanted = max(UInt64(requested), availableCount == 0 ? 1 : 0)
        // The width, not the count, is bounded: an ID that is never used must not let the window grow without end.
        let granted = min(wanted, creditCountMax - min(creditCountMax, high - low))
        while high + granted - low > capacity { grow() }
        high += granted
        availableCount += granted
        return UInt16(granted)
    }

    private func isUsed(_ id: UInt64) -> Bool { used[slot(id)] >> (id & 63) & 1 == 1 }
    private func slot(_ id: UInt64) -> Int { Int(id / 64 % UInt64(used.count)) }
    private mutating func mark(_ id: UInt64, used isUsed: Bool) {
        let bit = UInt64(1) << (id & 63)
        if isUsed { used[slot(id)] |= bit } else { used[slot(id)] &= ~bit }
    }

    /// Doubles the ring and puts every bit where it belongs then.
    private mutating func grow() {
        let marked = (low..<high).filter(isUsed)
        used = Array(repeating: 0, count: used.count * 2)
        for id in marked { mark(id, used: true) }
    }
}
