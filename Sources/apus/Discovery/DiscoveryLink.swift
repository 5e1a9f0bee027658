import CLinux
import Configuration
import Discovery
import Glibc
import Transport

/// The sockets at one place: all are there before the process gives up what it takes to make them.
struct DiscoveryLink {
    let place: DiscoveryPlace
    /// Whom an answer is sent to: nobody farther away.
    let network: IPNetwork
    let receiver: CInt
    /// HTTP.
    let listener: CInt
    private let sender: CInt
    private let group: sockaddr_storage

    private static let tryCount = 20

    init(_ place: DiscoveryPlace) throws {
        self.place = place
        guard let network = IPNetwork("\(place.address)/\(place.networkBitCount)") else {
            throw Service.StartFailure(message: "discovery: \(place.text) is no place")
        }
        self.network = network
        // SAFETY: the name is a terminated string for the length of the call.
        let interface = unsafe if_nametoindex(place.interface)
        let family = place.isIPv6 ? AF_INET6 : AF_INET
        var group = sockaddr_storage()
        // SAFETY: the structure outlives the call.
        unsafe apus_discovery_group(family, interface, &group)
        self.group = group
        receiver = try Self.check(apus_discovery_receiver(family, interface), "listen to the neighbours", place)
        // An IPv6 address is not to be had in its first seconds, while neighbours may say that it is theirs (RFC 4862).
        var sender = -Int(EADDRNOTAVAIL)
        for _ in 0..<Self.tryCount where sender == -Int(EADDRNOTAVAIL) {
            // SAFETY: the address is a terminated string for the length of the call.
            sender = unsafe apus_discovery_sender(family, interface, place.address)
            if sender == -Int(EADDRNOTAVAIL) { usleep(200_000) }
        }
        self.sender = try Self.check(sender, "use port 3702", place)
        listener = try TCPTransport.openListener(
            address: place.isIPv6 ? "\(place.address)%\(place.interface)" : place.address,
            port: DiscoveryHost.metadataPort)
    }

    private static func check(_ result: Int, _ what: String, _ place: DiscoveryPlace) throws -> CInt {
        guard result < 0 else { return CInt(result) }
        throw Service.StartFailure(
            message: "discovery: cannot \(what) at \(place.address) (\(place.interface)): "
                + systemMessage(CInt(-result)))
    }

    func sendToAll(_ message: [UInt8]) { send(message, to: group) }

    func send(_ message: [UInt8], to destination: sockaddr_storage) {
        var destination = destination
        // SAFETY: both live through the call.
        _ = unsafe apus_discovery_send(sender, message, message.count, &destination)
    }

    /// - Returns: nil if there is none; an empty message for one that is too long or from farther away.
    func receive(into buffer: inout [UInt8]) -> (message: ArraySlice<UInt8>, source: sockaddr_storage)? {
        var source = sockaddr_storage()
        var address = [UInt8](repeating: 0, count: 16)
        // SAFETY: at most as much is written as the buffer has room for, and 16 bytes of an address.
        let count = unsafe apus_discovery_receive(receiver, &buffer, buffer.count, &source)
        guard count >= 0 else { return nil }
        let addressCount = unsafe apus_discovery_address(&source, &address)
        let isTaken = count <= buffer.count && network.contains(Array(address[..<addressCount]))
        return (isTaken ? buffer[..<count] : [], source)
    }
}
