import NTTypes
import Platform

/// Names that are being given to files, and taken from them. The kernel sees to it that of two who make one name at the
/// same time only one succeeds; of two who spell it differently both would, and one file would hide the other. So
/// whoever gives a name has those wait that may be the same to clients, and finds out whether one was given since he
/// looked for it.
///
/// And the kernel takes a name from whatever file has it. Between the look at whose it is and that, it must not come to
/// be another's, or that one would be lost: so whoever takes a name has the same wait.
final class NameClaims: Sendable {
    /// For all stores of this process: several shares may show the same folder.
    static let shared = NameClaims()

    private final class Stripe: Sendable {
        let isChanging = Mutex(())
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
    /// - Parameters:
    ///   - taken: names that are taken away by the same.
    ///   - give: told whether what was looked for may have come to be since.
    func give<Value>(
        _ look: Look, taking taken: [NTName] = [], _ give: (_ mayBeTaken: Bool) throws(NTStatus) -> Value
    ) throws(NTStatus) -> Value {
        let stripe = stripes[look.stripe]
        return try hold([look.stripe] + taken.map(Self.stripe)) { () throws(NTStatus) in
            let mayBeTaken = stripe.count.load(ordering: .relaxed) != look.count
            defer { stripe.count.wrappingAdd(1, ordering: .releasing) }
            return try give(mayBeTaken)
        }
    }

    /// Takes a name from a file.
    /// - Parameter take: looks whose it is, and takes it.
    func take<Value>(_ name: NTName, _ take: () throws(NTStatus) -> Value) throws(NTStatus) -> Value {
        try hold([Self.stripe(of: name)], take)
    }

    /// File system calls with locks held: others wait for them if they change the same name, and by chance one in 256.
    /// Everybody takes the locks in the same order.
    private func hold<Value>(
        _ indices: [Int], below bound: Int = .max, _ body: () throws(NTStatus) -> Value
    ) throws(NTStatus) -> Value {
        guard let next = indices.lazy.filter({ $0 < bound }).max() else { return try body() }
        var result: Result<Value, NTStatus>?
        stripes[next].isChanging.withLock { _ in
            do throws(NTStatus) { result = .success(try hold(indices, below: next, body)) } catch {
                result = .failure(error)
            }
        }
        guard let result else { preconditionFailure("the lock's body has run") }
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
