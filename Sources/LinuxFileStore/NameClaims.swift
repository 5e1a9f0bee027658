import NTTypes
import Platform

/// Names that are being given to files. The kernel sees to it that of two who make one name at the same time only one
/// succeeds; of two who spell it differently both would, and one file would hide the other. So whoever gives a name has
/// those wait that may be the same to clients, and finds out whether one was given since he looked for it.
final class NameClaims: Sendable {
    /// For all stores of this process: several shares may show the same folder.
    static let shared = NameClaims()

    private final class Stripe: Sendable {
        let isGiving = Mutex(())
        let count = Atomic<Int>(0)
    }
    private let stripes = (0..<256).map { _ in Stripe() }

    /// What had been given when a name was looked for.
    struct Look {
        fileprivate let stripe: Int
        fileprivate let count: Int
    }

    /// Called before a name is looked for.
    func look(for name: NTName) -> Look {
        let stripe = Self.stripe(of: name)
        return Look(stripe: stripe, count: stripes[stripe].count.load(ordering: .acquiring))
    }

    /// Gives a name to a file.
    /// - Parameter give: told whether what was looked for may have come to be since.
    func give<Value>(
        _ look: Look, _ give: (_ mayBeTaken: Bool) throws(NTStatus) -> Value
    ) throws(NTStatus) -> Value {
        let stripe = stripes[look.stripe]
        // A file system call with a lock held: others wait for it if they make the same name, and by chance one in 256.
        let result = stripe.isGiving.withLock { _ -> Result<Value, NTStatus> in
            let mayBeTaken = stripe.count.load(ordering: .relaxed) != look.count
            defer { stripe.count.wrappingAdd(1, ordering: .releasing) }
            do throws(NTStatus) { return .success(try give(mayBeTaken)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The same for all spellings of a name. By its ASCII characters alone, but for k and s: other letters fold to
    /// those (U+212A, U+017F).
    private static func stripe(of name: NTName) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in name.utf8 where byte < 0x80 {
            let folded = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            if folded != UInt8(ascii: "k"), folded != UInt8(ascii: "s") {
                hash = (hash ^ UInt32(folded)) &* 16_777_619
            }
        }
        return Int((hash ^ hash >> 16) & 255)
    }
}
