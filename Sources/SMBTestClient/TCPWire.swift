import CLinux
import Glibc

/// A connection over TCP to 127.0.0.1, blocking, with the four bytes of [MS-SMB2] 2.1 before each message.
public final class TCPWire: Wire {
    private let descriptor: CInt
    public private(set) var isOpen = true

    /// - Parameter seconds: how long `receive` waits. - Throws: `.noReply` when nobody listens.
    public init(port: UInt16, seconds: Int = 10) throws(TestClientError) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        // SAFETY: both structures outlive the calls, and are as long as is said.
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            return unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            Glibc.close(descriptor)
            throw .noReply
        }
    }

    deinit { Glibc.close(descriptor) }

    public func send(_ message: [UInt8]) {
        let count = UInt32(message.count)
        sendRaw([24, 16, 8, 0].map { UInt8(count >> $0 & 255) } + message)
    }

    /// Bytes as they are: half a prefix, a wrong length, anything.
    public func sendRaw(_ bytes: [UInt8]) {
        var sent = 0
        while isOpen, sent < bytes.count {
            // SAFETY: the rest of the array lives through the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count <= 0 { isOpen = false } else { sent += count }
        }
    }

    public var mayHaveInput: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one entry, which outlives the call.
        return unsafe poll(&entry, 1, 0) > 0
    }

    public func receive() -> [UInt8]? {
        guard let prefix = receive(byteCount: 4) else { return nil }
        return receive(byteCount: prefix[1...].reduce(0) { $0 << 8 | Int($1) })
    }

    private func receive(byteCount: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        // SAFETY: the array is as long as is said, and lives through the call.
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, byteCount, CInt(MSG_WAITALL))
        }
        if count == 0 { isOpen = false }
        return count == byteCount ? bytes : nil
    }
}
