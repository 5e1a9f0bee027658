import Configuration
import Glibc

/// An address of this machine by which neighbours on one link are told of the server.
struct DiscoveryPlace: Hashable, Sendable {
    /// Numeric, without a scope.
    let address: String
    /// How many leading bits neighbours' addresses have in common with it.
    let networkBitCount: Int
    let interface: String

    var isIPv6: Bool { address.contains(":") }

    /// As an argument: `ADDRESS/BITS%INTERFACE`.
    var text: String { "\(address)/\(networkBitCount)%\(interface)" }

    init(address: String, networkBitCount: Int, interface: String) {
        self.address = address
        self.networkBitCount = networkBitCount
        self.interface = interface
    }

    init?(_ text: String) {
        let halves = text.split(separator: "%", maxSplits: 1).map(String.init)
        let parts = halves.first?.split(separator: "/").map(String.init) ?? []
        guard halves.count == 2, parts.count == 2, let count = Int(parts[1]) else { return nil }
        self.init(address: parts[0], networkBitCount: count, interface: halves[1])
    }

    /// Where the server is to be announced now: on each interface one IPv4 address and one that is IPv6 and link-local,
    /// of those that it listens at. `discovery = auto` keeps it from networks that strangers may be on: those with
    /// addresses that are not private.
    static func current(_ configuration: ServerConfiguration, ports: [UInt16]) -> [DiscoveryPlace] {
        let isAutomatic = configuration.discovery == .automatic
        guard configuration.discovery != .off, !isAutomatic || ports.contains(445) else { return [] }
        let selections = configuration.bindsInterfacesOnly ? configuration.interfaces.map(InterfaceSelection.init) : []
        let all = Interfaces.local().filter(\.takesMulticast)
        var places: [DiscoveryPlace] = []
        for (index, local) in all.enumerated() {
            let isFirst = !all[..<index].contains {
                $0.name == local.name && $0.isIPv6 == local.isIPv6 && isUsable($0)
            }
            guard isFirst, isUsable(local), !isAutomatic || isPrivate(local.name, all),
                selections.isEmpty
                    || selections.contains(where: { $0.matches(interface: local.name, address: local.address) })
            else { continue }
            places.append(
                DiscoveryPlace(
                    address: String(local.address.prefix { $0 != "%" }),
                    networkBitCount: local.isIPv6 ? 10 : local.networkBitCount, interface: local.name))
        }
        return places
    }

    private static let linkLocal = IPNetwork("fe80::/10")
    private static let privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]
        .compactMap(IPNetwork.init)

    private static func isUsable(_ local: Interfaces.Local) -> Bool {
        !local.isIPv6 || IPNetwork.bytes(of: local.address).map { linkLocal?.contains($0) == true } == true
    }

    private static func isPrivate(_ interface: String, _ all: [Interfaces.Local]) -> Bool {
        let four = all.filter { $0.name == interface && !$0.isIPv6 }.compactMap { IPNetwork.bytes(of: $0.address) }
        return !four.isEmpty && four.allSatisfy { address in privateNetworks.contains { $0.contains(address) } }
    }
}
