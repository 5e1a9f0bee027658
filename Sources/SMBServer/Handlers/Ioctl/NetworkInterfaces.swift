import NTTypes
import Platform
import SMBWire

/// A network interface of the server with one of its addresses.
public struct NetworkInterface: Equatable, Sendable {
    public enum Address: Equatable, Sendable {
        /// Four bytes in the order of the network.
        case ipv4([UInt8])
        /// Sixteen.
        case ipv6([UInt8])
    }
    /// The system's number for it.
    public var index: UInt32
    public var address: Address
    /// Several queues, so that several connections over it are faster than one.
    public var scalesWithConnections: Bool
    public var hasRDMA: Bool
    /// Bits each second.
    public var linkSpeed: UInt64

    public init(index: UInt32, address: Address, scalesWithConnections: Bool, hasRDMA: Bool, linkSpeed: UInt64) {
        self.index = index
        self.address = address
        self.scalesWithConnections = scalesWithConnections
        self.hasRDMA = hasRDMA
        self.linkSpeed = linkSpeed
    }
}

extension IoctlHandler {
    /// FSCTL_QUERY_NETWORK_INTERFACE_INFO, [MS-SMB2] 3.3.5.15.11: where else the client may connect to.
    static func networkInterfaces(
        _ control: Control, in context: borrowing RequestContext
    ) throws(NTStatus) -> [UInt8] {
        // Without channels there is no driver for it; the dialects before 3.0 do not know it.
        guard context.server.settings.isMultichannel, context.dialect.isSMB3 else { throw .fsDriverRequired }
        let output = encode(context.server.environment.networkInterfaces())
        guard output.count <= control.outputByteCountMax else { throw .bufferTooSmall }
        return output
    }

    /// NETWORK_INTERFACE_INFO Response, [MS-SMB2] 2.2.32.5: 152 bytes each.
    static func encode(_ interfaces: [NetworkInterface]) -> [UInt8] {
        var output: [UInt8] = []
        for (number, interface) in interfaces.enumerated() {
            let start = output.count
            output.appendLittleEndian(number + 1 < interfaces.count ? 152 : 0 as UInt32)
            output.appendLittleEndian(interface.index)
            // RSS_CAPABLE, RDMA_CAPABLE.
            output.appendLittleEndian((interface.scalesWithConnections ? 1 : 0) | (interface.hasRDMA ? 2 : 0) as UInt32)
            output.appendLittleEndian(0 as UInt32)
            output.appendLittleEndian(interface.linkSpeed)
            // SOCKADDR_STORAGE, 2.2.32.5.1; ports are the client's to know.
            switch interface.address {
            case .ipv4(let bytes):
                output.appendLittleEndian(0x0002 as UInt16)
                output.appendLittleEndian(0 as UInt16)
                output += bytes
            case .ipv6(let bytes):
                output.appendLittleEndian(0x0017 as UInt16)
                output.appendLittleEndian(0 as UInt16)
                output.appendLittleEndian(0 as UInt32)
                output += bytes
            }
            output += [UInt8](repeating: 0, count: start + 152 - output.count)
        }
        return output
    }
}
