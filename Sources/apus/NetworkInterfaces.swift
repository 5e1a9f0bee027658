import Configuration
import Glibc
import SMBServer

/// What the system knows of its network interfaces, for clients that open several channels.
enum NetworkInterfaces {
    /// Those that the server listens on, and that a client elsewhere can reach; the loopback only if there is no other.
    /// - Parameter servesRDMA: without SMB Direct an interface that could do RDMA is of no use to a client.
    static func current(_ configuration: ServerConfiguration, servesRDMA: Bool) -> [NetworkInterface] {
        let selections = configuration.bindsInterfacesOnly ? configuration.interfaces.map(InterfaceSelection.init) : []
        let rdma = servesRDMA ? interfacesWithRDMA() : []
        var found: [(name: String, interface: NetworkInterface)] = []
        for local in Interfaces.local() {
            let (name, text) = (local.name, local.address)
            guard selections.isEmpty || selections.contains(where: { $0.matches(interface: name, address: text) }),
                let address = address(text)
            else { continue }
            // SAFETY: the text lives through the call.
            let index = unsafe if_nametoindex(name)
            found.append(
                (
                    name,
                    NetworkInterface(
                        index: index, address: address, scalesWithConnections: receiveQueueCount(name) > 1,
                        hasRDMA: rdma.contains(name), linkSpeed: linkSpeed(name))
                ))
        }
        let others = found.filter { $0.name != "lo" }
        return (others.isEmpty ? found : others).map(\.interface)
    }

    /// Link-local IPv6 addresses mean nothing on another machine.
    private static func address(_ text: String) -> NetworkInterface.Address? {
        var bytes = [UInt8](repeating: 0, count: 16)
        // SAFETY: there is room for either kind of address.
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return .ipv4(Array(bytes[..<4])) }
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1, !(bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80) else {
            return nil
        }
        return .ipv6(bytes)
    }

    /// Bits each second; the kernel tells megabits, and -1 or nothing for what has no speed of its own. Then 1 Gbit/s.
    private static func linkSpeed(_ name: String) -> UInt64 {
        let text = (try? TextFile.read("/sys/class/net/\(name)/speed")) ?? nil
        let megabits = text.flatMap { UInt64($0.split(whereSeparator: \.isWhitespace).first ?? "") } ?? 0
        return (megabits > 0 ? megabits : 1000) * 1_000_000
    }

    private static func receiveQueueCount(_ name: String) -> Int {
        entries("/sys/class/net/\(name)/queues").count { $0.hasPrefix("rx-") }
    }

    /// Each RDMA device lists the interfaces behind its ports.
    private static func interfacesWithRDMA() -> Set<String> {
        var names: Set<String> = []
        for device in entries("/sys/class/infiniband") {
            names.formUnion(entries("/sys/class/infiniband/\(device)/device/net"))
            // A software device (rdma_rxe, siw) names the interface it is made of.
            if let parent = (try? TextFile.read("/sys/class/infiniband/\(device)/parent")) ?? nil {
                names.formUnion(parent.split(whereSeparator: \.isWhitespace).map(String.init))
            }
        }
        return names
    }

    private static func entries(_ path: String) -> [String] {
        // SAFETY: the folder is closed at the end.
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        // SAFETY: an entry lives until the next is read.
        while let entry = unsafe readdir(folder) {
            // SAFETY: the name ends with a zero within its 256 bytes.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
