import Glibc

/// `hosts allow` and `hosts deny`: addresses, each as it is, with the number of bits or the mask of its network, as
/// the beginning of an IPv4 address ending in ".", `localhost`, or ALL; EXCEPT takes what follows it out again. Names
/// are not looked up: who answers for a name could let itself in.
public struct HostList: Sendable, Equatable {
    private enum Rule: Equatable {
        case all
        case network([UInt8], bitCount: Int)

        func matches(_ address: [UInt8]) -> Bool {
            guard case .network(let network, let bitCount) = self else { return true }
            return network.count == address.count
                && (0..<bitCount).allSatisfy { (network[$0 / 8] ^ address[$0 / 8]) & (0x80 >> UInt8($0 % 8)) == 0 }
        }
    }
    private var rules: [Rule] = []
    private var exceptions: [Rule] = []

    public init() {}

    /// - Parameter words: as in the configuration.
    /// - Returns: nil if one is none of the forms.
    public init?(_ words: [String]) {
        var isException = false
        for word in words {
            if word.uppercased() == "EXCEPT" {
                guard !isException, !rules.isEmpty else { return nil }
                isException = true
                continue
            }
            guard let new = Self.rules(word) else { return nil }
            if isException { exceptions += new } else { rules += new }
        }
    }

    public var isEmpty: Bool { rules.isEmpty }

    /// - Parameter address: in numbers, as the transport has it. What cannot be read is in no list.
    public func contains(_ address: String) -> Bool {
        guard let address = Self.bytes(address) else { return false }
        return rules.contains { $0.matches(address) } && !exceptions.contains { $0.matches(address) }
    }

    private static func rules(_ word: String) -> [Rule]? {
        switch word.lowercased() {
        case "all": return [.all]
        case "localhost":
            return [
                .network([127, 0, 0, 1], bitCount: 8), .network([UInt8](repeating: 0, count: 15) + [1], bitCount: 128),
            ]
        default: break
        }
        if word.hasSuffix(".") {
            let parts = word.dropLast().split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
            let numbers = parts.compactMap { $0 }
            guard numbers.count == parts.count, (1...3).contains(parts.count) else { return nil }
            return [
                .network(numbers + [UInt8](repeating: 0, count: 4 - numbers.count), bitCount: 8 * numbers.count)
            ]
        }
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let network = bytes(parts[0]) else { return nil }
        guard parts.count == 2 else { return [.network(network, bitCount: 8 * network.count)] }
        guard let bitCount = Int(parts[1]) ?? bytes(parts[1]).flatMap(maskBitCount),
            (0...8 * network.count).contains(bitCount)
        else { return nil }
        return [.network(network, bitCount: bitCount)]
    }

    /// The leading ones of a mask that has no others.
    private static func maskBitCount(_ mask: [UInt8]) -> Int? {
        let value = mask.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        let count = (~value).leadingZeroBitCount
        return mask.count == 4 && (count == 32 || value << UInt32(count) == 0) ? count : nil
    }

    /// 4 or 16 bytes; an IPv4 address in IPv6's clothes is one of IPv4. nil for what is no address.
    private static func bytes(_ text: String) -> [UInt8]? {
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
