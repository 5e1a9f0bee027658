/// One word of `interfaces`: an interface's name, possibly with `*` and `?`; an address; or a network, which stands for
/// the addresses in it: smb.conf(5).
public struct InterfaceSelection: Equatable, Sendable {
    private enum Kind: Equatable {
        case name([UInt8])
        case network(IPNetwork)
    }
    private let kind: Kind
    /// An address that was written out, without a mask: listened on whether or not an interface has it.
    public let address: String?

    public init(_ word: String) {
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let alone = IPNetwork(parts[0]) else {
            kind = .name(Array(word.utf8))
            address = nil
            return
        }
        guard parts.count == 2, let network = IPNetwork(word) else {
            kind = .network(alone)
            address = parts[0]
            return
        }
        kind = .network(network)
        address = nil
    }

    /// Whether an interface's address is meant.
    /// - Parameter address: numeric; an IPv6 one may carry its scope ("fe80::1%eth0").
    public func matches(interface: String, address: String) -> Bool {
        switch kind {
        case .name(let pattern): Self.matches(pattern[...], Array(interface.utf8)[...])
        case .network(let network): IPNetwork.bytes(of: address).map(network.contains) ?? false
        }
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            // Many in a row are one: each would try all places anew.
            let rest = pattern.drop { $0 == UInt8(ascii: "*") }
            return (name.startIndex...name.endIndex).contains { matches(rest, name[$0...]) }
        }
        guard let character = name.first, first == UInt8(ascii: "?") || first == character else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }
}
