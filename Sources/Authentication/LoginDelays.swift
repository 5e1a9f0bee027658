/// How long the outcome of a login is kept back after others have failed, so that passwords cannot be tried out fast.
///
/// Failures count against the address they came from and against the account. A login that fails waits for the
/// worse of the two; one that succeeds waits for its address alone, so that whoever attacks an account from
/// elsewhere does not slow down its user, and nobody is ever locked out. The outcome of a good guess is kept back
/// as long as that of a bad one from the same address: to hang up and try again tells nothing. A success takes
/// nothing back: an attacker may have an account too. What is not repeated is forgotten.
///
/// Many people share an address, and a machine that tries an old password for ever is common: so an account that has
/// logged in from an address does not wait there again, until somebody there gives a wrong password for it.
public struct LoginDelays: Sendable {
    /// As many people mistype.
    public static var freeFailureCount: Int { 10 }
    /// Milliseconds: of the first failure that waits; twice as long each time after it; at most.
    public static var shortest: UInt32 { 250 }
    public static var longest: UInt32 { 5000 }
    /// Seconds.
    public static var memory: Int { 300 }
    /// Addresses and accounts that are remembered; beyond that the one that has failed longest ago is forgotten.
    public static var recordCountMax: Int { 4096 }

    private struct Record {
        var failureCount = 0
        var last = 0
    }
    private struct Ledger {
        var records: [String: Record] = [:]

        func failureCount(of name: String, now: Int) -> Int {
            guard let record = records[name], now - record.last < LoginDelays.memory else { return 0 }
            return record.failureCount
        }

        mutating func note(_ name: String, now: Int) -> Int {
            let count = failureCount(of: name, now: now) + 1
            if records[name] == nil, records.count >= LoginDelays.recordCountMax,
                let oldest = records.min(by: { $0.value.last < $1.value.last })
            {
                records[oldest.key] = nil
            }
            records[name] = Record(failureCount: count, last: now)
            return count
        }
    }
    private var addresses = Ledger()
    private var accounts = Ledger()
    /// Addresses with an account that has logged in from there and not failed there since, and when it last did.
    private var known: [String: Int] = [:]

    public init() {}

    /// Addresses and accounts together.
    public var recordCount: Int { addresses.records.count + accounts.records.count + known.count }

    /// A login has failed. - Parameters:
    ///   - account: nil when it did not get as far as naming one.
    ///   - now: seconds of a clock that only goes forward.
    /// - Returns: milliseconds to keep it back.
    public mutating func failed(address: String, account: String?, now: Int) -> UInt32 {
        let byAddress = addresses.note(address, now: now)
        let byAccount = account.map { accounts.note($0.lowercased(), now: now) } ?? 0
        if let account { known[Self.pair(address, account)] = nil }
        return Self.delay(max(byAddress, byAccount))
    }

    /// A login has succeeded.
    /// - Parameter account: whose password it was; nil for one without, which nobody can guess.
    /// - Returns: milliseconds to keep it back: as long as another failure would be, unless the two are known.
    public mutating func succeeded(address: String, account: String?, now: Int) -> UInt32 {
        guard let account else { return 0 }
        let pair = Self.pair(address, account)
        let isKnown = known[pair] != nil
        if !isKnown, known.count >= Self.recordCountMax, let oldest = known.min(by: { $0.value < $1.value }) {
            known[oldest.key] = nil
        }
        known[pair] = now
        return isKnown ? 0 : Self.delay(addresses.failureCount(of: address, now: now) + 1)
    }

    private static func pair(_ address: String, _ account: String) -> String { "\(address) \(account.lowercased())" }

    private static func delay(_ failureCount: Int) -> UInt32 {
        guard failureCount > freeFailureCount else { return 0 }
        return min(longest, shortest << UInt32(min(8, failureCount - freeFailureCount - 1)))
    }
}
