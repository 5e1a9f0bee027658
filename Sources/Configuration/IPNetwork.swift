import Glibc

/// An IPv4 or IPv6 network: an address, and how many of its leading bits count.
public struct IPNetwork: Sendable, Equatable {
    /// 4 or 16 bytes.
    private let address: [UInt8]
    private let bitCount: Int

    /// - Parameters:
    ///   - address: 4 or 16 bytes.
    ///   - bitCount: at most all of its bits.
    init(_ address: [UInt8], bitCount: Int) {
        precondition([4, 16].contains(address.count) && (0...address.count * 8).contains(bitCount))
        self.address = address
        self.bitCount = bitCount
    }

    /// "ADDRESS", "ADDRESS/BITS", or for IPv4 "ADDRESS/MASK"; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = Self.bytes(of: parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(address, bitCount: address.count * 8)
            return
        }
        guard let bitCount = Int(parts[1]) ?? Self.bytes(of: parts[1]).flatMap(Self.bitCount(ofMask:)),
            (0...address.count * 8).contains(bitCount)
        else { return nil }
        self.init(address, bitCount: bitCount)
    }

    /// - Parameter other: an address of 4 or 16 bytes.
    public func contains(_ other: [UInt8]) -> Bool {
        other.count == address.count
            && (0..<bitCount).allSatisfy { (other[$0 / 8] ^ address[$0 / 8]) & (0x80 >> UInt8($0 % 8)) == 0 }
    }

    /// The leading ones of a mask that has no others.
    private static func bitCount(ofMask mask: [UInt8]) -> Int? {
        let value = mask.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        let count = (~value).leadingZeroBitCount
        return mask.count == 4 && (count == 32 || value << UInt32(count) == 0) ? count : nil
    }

    /// 4 or 16 bytes of a numeric address, whose scope ("%eth0") does not count; an IPv4 address in IPv6's clothes is
    /// one of IPv4. nil for what is no address.
    public static func bytes(of text: String) -> [UInt8]? {
        var four = in_addr()
        var six = in6_addr()
        let text = String(text.prefix { $0 != "%" })
        // SAFETY: inet_pton fills the structure that its family names.
        if unsafe inet_pton(AF_INET, text, &four) == 1 { return unsafe withUnsafeBytes(of: &four) { unsafe Array($0) } }
        guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        // SAFETY: as above.
        let bytes = unsafe withUnsafeBytes(of: &six) { unsafe Array($0) }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        return bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
    }
}
