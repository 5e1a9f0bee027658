import CLinux
import Configuration
import Glibc

/// Where to listen: `interfaces` with `bind interfaces only`, or everywhere.
enum Interfaces {
    /// Numeric addresses.
    static func addresses(_ configuration: ServerConfiguration) throws -> [String] {
        guard configuration.bindsInterfacesOnly else { return ["::"] }
        let all = local()
        var found: [String] = []
        for selection in configuration.interfaces.map(InterfaceSelection.init) {
            let own = all.filter { selection.matches(interface: $0.name, address: $0.address) }.map(\.address)
            for address in selection.address.map({ [$0] }) ?? own where !found.contains(address) {
                found.append(address)
            }
        }
        guard !found.isEmpty else {
            throw Service.StartFailure(
                message: "bind interfaces only: no address belongs to `interfaces = "
                    + configuration.interfaces.joined(separator: " ") + "`; up are: "
                    + all.map { "\($0.name) \($0.address)" }.joined(separator: ", "))
        }
        return found
    }

    /// An address of this machine.
    struct Local: Equatable, Sendable {
        /// The interface's.
        let name: String
        /// Numeric; IPv6 with its scope, where it has one ("fe80::1%eth0").
        let address: String
        let isIPv6: Bool
        /// Of IPv4: how many leading bits its neighbours have in common with it.
        let networkBitCount: Int
        /// Whether there are neighbours, and they can all be spoken to at once.
        let takesMulticast: Bool
    }

    /// Every address of every interface that is up.
    static func local() -> [Local] {
        var list: UnsafeMutablePointer<ifaddrs>?
        // SAFETY: getifaddrs allocates the list, which is freed once walked.
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [Local] = []
        var next = unsafe list
        // SAFETY: the list and its texts live until freeifaddrs above, at the end of this function.
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe entry.pointee.ifa_addr else { continue }
            let family = unsafe Int32(address.pointee.sa_family)
            guard family == AF_INET || family == AF_INET6 else { continue }
            let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: 64)
            // SAFETY: the address is as long as its family says, and the text has room for its numeric form.
            guard unsafe getnameinfo(address, socklen_t(size), &text, 64, nil, 0, NI_NUMERICHOST) == 0 else { continue }
            let characters = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            // SAFETY: as above; the name ends with a zero.
            let flags = unsafe entry.pointee.ifa_flags
            let name = unsafe String(cString: entry.pointee.ifa_name)
            let networkBitCount = unsafe family == AF_INET ? bitCount(entry.pointee.ifa_netmask) : 0
            let isAlone = flags & UInt32(IFF_LOOPBACK | IFF_POINTOPOINT) != 0
            found.append(
                Local(
                    name: name, address: String(decoding: characters, as: UTF8.self), isIPv6: family == AF_INET6,
                    networkBitCount: networkBitCount,
                    takesMulticast: flags & UInt32(IFF_MULTICAST) != 0 && !isAlone))
        }
        return found
    }

    /// The ones in the netmask of an IPv4 address.
    private static func bitCount(_ mask: UnsafeMutablePointer<sockaddr>?) -> Int {
        // SAFETY: the netmask of an IPv4 address is a sockaddr_in.
        guard let mask = unsafe mask else { return 32 }
        return unsafe mask.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            unsafe $0.pointee.sin_addr.s_addr.nonzeroBitCount
        }
    }
}
