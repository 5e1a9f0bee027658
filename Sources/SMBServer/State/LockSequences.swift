/// Open.LockSequenceArray, [MS-SMB2] 3.3.1.10: a LOCK that is sent again, since its answer was lost with a channel, is
/// not carried out again. The client numbers its requests in up to 64 rows; of each the last that succeeded is known.
struct LockSequences {
    /// By index less one; empty as long as no client has numbered anything.
    private var numbers: [UInt8] = []
    private static let none: UInt8 = 0xFF
    private static let count = 64

    /// LockSequenceIndex is bits 4 to 31, LockSequenceNumber the rest, 2.2.26. - Returns: nil for no row.
    private static func row(_ sequence: UInt32) -> (index: Int, number: UInt8)? {
        let index = Int(sequence >> 4)
        return index >= 1 && index <= count ? (index - 1, UInt8(sequence & 0xF)) : nil
    }

    /// 3.3.5.14: a request arrives. - Returns: whether it has been carried out already; if not, the row knows nothing
    /// until `finish`.
    mutating func begin(_ sequence: UInt32) -> Bool {
        guard !numbers.isEmpty, let (index, number) = Self.row(sequence) else { return false }
        if numbers[index] == number { return true }
        numbers[index] = Self.none
        return false
    }

    /// The request succeeded.
    mutating func finish(_ sequence: UInt32) {
        guard let (index, number) = Self.row(sequence) else { return }
        if numbers.isEmpty { numbers = Array(repeating: Self.none, count: Self.count) }
        numbers[index] = number
    }
}
