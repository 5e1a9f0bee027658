import Platform

/// How long a reactor serves one connection before the others have their turn.
///
/// A client that sends without a pause, more than the server can do, would otherwise be served for ever: there is
/// always something to read. The clock is read only with the eighth message of a turn and after: who sends few at a
/// time does not pay for it.
struct Turn: ~Copyable {
    /// Nanoseconds.
    static var timeMax: UInt64 { 1_000_000 }
    /// Messages between two looks at the clock, a power of two.
    static var messageCount: UInt { 8 }

    private var count: UInt = 0
    private var begin: UInt64 = 0

    /// One message more was handled. - Returns: whether it is the others' turn.
    @inline(__always)
    mutating func isOver() -> Bool {
        count &+= 1
        return count & (Self.messageCount - 1) == 0 && isOver(at: Uptime.nanoseconds)
    }

    private mutating func isOver(at now: UInt64) -> Bool {
        if begin == 0 { begin = now }
        return now &- begin >= Self.timeMax
    }
}
