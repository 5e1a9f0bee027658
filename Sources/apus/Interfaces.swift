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

    /// Every address of every interface that is up.
    static func local() -> [(name: String, address: String)] {
        var list: UnsafeMutablePointer<ifaddrs>?
        // SAFETY: getifaddrs allocates the list, which is freed once walked.
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [(String, String)] = []
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
            found.append((unsafe String(cString: entry.pointee.ifa_name), String(decoding: characters, as: UTF8.self)))
        }
        return found
    }
}
