/// A SID, [MS-DTYP] 2.4.2.
public struct SID: Hashable, Sendable {
    public static let subauthorityCountMax = 15
    /// 48 bits.
    public var authority: UInt64
    /// At most `subauthorityCountMax`.
    public var subauthorities: [UInt32]

    public init(authority: UInt64, subauthorities: [UInt32]) {
        self.authority = authority
        self.subauthorities = subauthorities
    }
    public init(_ authority: UInt64, _ subauthorities: UInt32...) {
        self.init(authority: authority, subauthorities: subauthorities)
    }

    /// [MS-DTYP] 2.4.2.2.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = [1, UInt8(truncatingIfNeeded: subauthorities.count)]
        for shift in stride(from: 40, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: authority >> shift))
        }
        for part in subauthorities {
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: part >> shift)) }
        }
        return bytes
    }

    /// The domain that it belongs to: without its last subauthority.
    var domain: SID? {
        subauthorities.isEmpty ? nil : SID(authority: authority, subauthorities: subauthorities.dropLast())
    }
    /// The relative identifier in its domain.
    public var relativeID: UInt32? { subauthorities.last }
    public func appending(_ relativeID: UInt32) -> SID {
        SID(authority: authority, subauthorities: subauthorities + [relativeID])
    }
}

extension SID: CustomStringConvertible {
    public var description: String { (["S-1-\(authority)"] + subauthorities.map { "\($0)" }).joined(separator: "-") }

    /// S-1-… as text, in decimal. nil for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.count <= 3 + Self.subauthorityCountMax, parts[0].uppercased() == "S",
            parts[1] == "1", let authority = UInt64(parts[2]), authority < 1 << 48
        else { return nil }
        var subauthorities: [UInt32] = []
        for part in parts.dropFirst(3) {
            guard let number = UInt32(part) else { return nil }
            subauthorities.append(number)
        }
        self.init(authority: authority, subauthorities: subauthorities)
    }
}
