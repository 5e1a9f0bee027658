import CLinux
import Glibc

/// System calls around listening sockets and addresses.
enum Listener {
    static func open(_ address: String, _ port: UInt16) throws(TransportError) -> CInt {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        // SAFETY: inet_pton fills the structure that its family names; all live through the calls.
        if unsafe inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            return try unsafe withUnsafeBytes(of: &four) { bytes throws(TransportError) in
                // SAFETY: a sockaddr_in of exactly these bytes, which live through the call.
                try unsafe open(AF_INET, bytes, address, port)
            }
        }
        // SAFETY: the names are terminated strings for the length of the calls, and inet_pton fills in6_addr.
        // RFC 4007 11: a link-local address means something only together with its interface.
        let parts = address.split(separator: "%", maxSplits: 1).map(String.init)
        if parts.count == 2 { six.sin6_scope_id = unsafe if_nametoindex(parts[1]) }
        guard unsafe inet_pton(AF_INET6, parts.first ?? "", &six.sin6_addr) == 1 else {
            throw .invalidAddress(address)
        }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        // SAFETY: a sockaddr_in6 of exactly these bytes, which live through the call.
        return try unsafe withUnsafeBytes(of: &six) { bytes throws(TransportError) in
            try unsafe open(AF_INET6, bytes, address, port)
        }
    }

    private static func open(
        _ family: CInt, _ bytes: UnsafeRawBufferPointer, _ address: String, _ port: UInt16
    ) throws(TransportError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .cannotListen(address: address, port: port, code: errno) }
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        // "::" alone takes both families; a certain address only its own.
        if family == AF_INET6 {
            set(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, address == "::" ? 0 : 1)
            // RFC 4862 5.4: as long as an interface has just come up, its own address is tentative and not bindable.
            // Others must be there: listening where nobody arrives would hide a mistake.
            if address.contains("%") { set(descriptor, CInt(IPPROTO_IPV6), IPV6_FREEBIND, 1) }
        }
        // SAFETY: the bytes are a socket address of this family.
        let isBound = unsafe bind(
            descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        guard isBound == 0, Glibc.listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw .cannotListen(address: address, port: port, code: code)
        }
        return descriptor
    }

    static func port(of descriptor: CInt) -> UInt16 {
        var six = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        // SAFETY: the structure has the length that is said; the port is at the same place in both families.
        return unsafe withUnsafeMutablePointer(to: &six) { pointer in
            _ = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
            // SAFETY: sockaddr_in6 has room for either family's address, and the port lies at the same place in both.
            return unsafe UInt16(bigEndian: pointer.pointee.sin6_port)
        }
    }

    /// What every client's socket is set to.
    static func prepare(_ descriptor: CInt) {
        set(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
        // A client that vanished without a word is found after two minutes.
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPINTVL, 20)
        set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPCNT, 3)
        keepInCache(descriptor)
    }

    /// Linux lets the send buffer of a busy connection grow to several MiB, and each large reply then goes through
    /// memory that has left the processor's caches: read at 1 MiB takes half as much again of processor time. Where the
    /// other end is near, a small one keeps the line as full. Far away it would not: those are left alone.
    private static func keepInCache(_ descriptor: CInt) {
        let roundTrip = linux_round_trip(descriptor)
        guard roundTrip > 0, roundTrip <= nearRoundTripMax else { return }
        set(descriptor, SOL_SOCKET, SO_SNDBUF, nearSendBufferByteCount)
    }

    /// Microseconds.
    private static let nearRoundTripMax: UInt32 = 100
    /// The kernel doubles it for its own keeping: at the longest round trip above still some 40 Gbit/s.
    private static let nearSendBufferByteCount: CInt = 512 << 10

    private static func set(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        // SAFETY: the value lives through the call.
        unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// The numeric address, an IPv4 address that came through an IPv6 socket as what it is.
    static func text(of storage: inout sockaddr_storage, _ length: socklen_t) -> String {
        var text = [CChar](repeating: 0, count: 64)
        // SAFETY: the storage holds an address of `length` bytes; the text has room for 64.
        let result = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getnameinfo($0, length, &text, 64, nil, 0, NI_NUMERICHOST)
            }
        }
        guard result == 0 else { return "unknown" }
        let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return address.hasPrefix("::ffff:") ? String(address.dropFirst(7)) : address
    }
}
