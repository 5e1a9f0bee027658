/// One word of `interfaces`: an interface's name, possibly with `*` and `?`; an address; or a network, which stands for
/// the addresses in it: smb.conf(5).
public struct InterfaceSelection: Equatable, Sendable {
    private enum Kind: Equatable {
        case name([UInt8])
        /// The address's bytes, four or sixteen, and how many leading bits count.
        case network([UInt8], bitCount: Int)
    }
    private let kind: Kind
    /// An address that was written out, without a mask: listened on whether or not an interface has it.
    public let address: String?

    public init(_ word: String) {
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let bytes = Self.addressBytes(parts[0]) else {
            kind = .name(Array(word.utf8))
            address = nil
            return
        }
        guard parts.count == 2, let bitCount = Self.bitCount(parts[1], of: bytes) else {
            kind = .network(bytes, bitCount: bytes.count * 8)
            address = parts[0]
            return
        }
        kind = .network(bytes, bitCount: bitCount)
        address = nil
    }

    /// Whether an interface's address is meant.
    /// - Parameter address: numeric; an IPv6 one may carry its scope ("fe80::1%eth0").
    public func matches(interface: String, address: String) -> Bool {
        switch kind {
        case .name(let pattern): return Self.matches(pattern[...], Array(interface.utf8)[...])
        case .network(let network, let bitCount):
            let plain = address.split(separator: "%").first.map(String.init) ?? address
            guard let bytes = Self.addressBytes(plain), bytes.count == network.count else { return false }
            return (0..<bitCount).allSatisfy { bit in
                (bytes[bit / 8] ^ network[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
            }
        }
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return (name.startIndex...name.endIndex).contains { matches(pattern.dropFirst(), name[$0...]) }
        }
        guard let character = name.first, first == UInt8(ascii: "?") || first == character else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }

    /// A number of bits, or for IPv4 a mask such as 255.255.255.0.
    private static func bitCount(_ mask: String, of address: [UInt8]) -> Int? {
        if let count = Int(mask) { return (0...address.count * 8).contains(count) ? count : nil }
        guard address.count == 4, let bytes = addressBytes(mask), bytes.count == 4 else { return nil }
        let value = bytes.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        return (~value).leadingZeroBitCount + value.trailingZeroBitCount == 32 || value == 0
            ? (~value).leadingZeroBitCount : nil
    }

    /// The bytes of a numeric IPv4 or IPv6 address; nil for anything else.
    static func addressBytes(_ text: String) -> [UInt8]? {
        text.contains(":") ? sixteenBytes(text) : fourBytes(text)
    }

    private static func fourBytes(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { $0.count <= 3 ? UInt8($0) : nil }
        return bytes.count == 4 ? bytes : nil
    }

    /// RFC 4291 2.2: groups of hexadecimal digits, once "::" for groups of zeros.
    private static func sixteenBytes(_ text: String) -> [UInt8]? {
        func groups(_ part: Substring) -> [UInt8]? {
            guard !part.isEmpty else { return [] }
            var bytes: [UInt8] = []
            for group in part.split(separator: ":", omittingEmptySubsequences: false) {
                guard group.count <= 4, let value = UInt16(group, radix: 16) else { return nil }
                bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
            }
            return bytes
        }
        var halves: [Substring] = [text[...]]
        if let gap = firstDoubleColon(text) {
            halves = [text[..<gap], text[text.index(gap, offsetBy: 2)...]]
        }
        guard let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1]), head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func firstDoubleColon(_ text: String) -> String.Index? {
        text.indices.first { index in
            let next = text.index(after: index)
            return next < text.endIndex && text[index] == ":" && text[next] == ":"
        }
    }
}
