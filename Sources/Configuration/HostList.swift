/// `hosts allow` and `hosts deny`: addresses, each as it is, with the number of bits or the mask of its network, as
/// the beginning of an IPv4 address ending in ".", `localhost`, or ALL; EXCEPT takes what follows it out again. Names
/// are not looked up: who answers for a name could let itself in.
public struct HostList: Sendable, Equatable {
    private enum Rule: Equatable {
        case all
        case network(IPNetwork)

        func matches(_ address: [UInt8]) -> Bool {
            guard case .network(let network) = self else { return true }
            return network.contains(address)
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
        guard let address = IPNetwork.bytes(of: address) else { return false }
        return rules.contains { $0.matches(address) } && !exceptions.contains { $0.matches(address) }
    }

    private static func rules(_ word: String) -> [Rule]? {
        switch word.lowercased() {
        case "all": return [.all]
        case "localhost":
            return [
                .network(IPNetwork([127, 0, 0, 1], bitCount: 8)),
                .network(IPNetwork([UInt8](repeating: 0, count: 15) + [1], bitCount: 128)),
            ]
        default: break
        }
        if word.hasSuffix(".") {
            let parts = word.dropLast().split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
            let numbers = parts.compactMap { $0 }
            guard numbers.count == parts.count, (1...3).contains(parts.count) else { return nil }
            let address = numbers + [UInt8](repeating: 0, count: 4 - numbers.count)
            return [.network(IPNetwork(address, bitCount: 8 * numbers.count))]
        }
        return IPNetwork(word).map { [.network($0)] }
    }
}
