import Glibc

/// What bounds for each address count by: an IPv4 address, or the first 64 bits of an IPv6 one, within which a client
/// takes any address it likes.
public enum ClientNetwork {
    /// - Parameter address: numeric, perhaps with a zone ("fe80::1%eth0").
    /// - Returns: the address itself where it is none of IPv6.
    public static func name(of address: String) -> String {
        guard address.contains(":") else { return address }
        let parts = address.split(separator: "%", maxSplits: 1)
        var bytes = in6_addr()
        // SAFETY: the text is terminated for the length of the call, which fills the structure.
        guard let first = parts.first, unsafe inet_pton(AF_INET6, String(first), &bytes) == 1 else { return address }
        // SAFETY: an address of IPv6 has 16 bytes, and any are valid.
        let prefix = unsafe withUnsafeBytes(of: &bytes) { unsafe Array($0[..<8]) }
        let zone = parts.count == 2 ? "%" + parts[1] : ""
        return prefix.map { String($0, radix: 16) }.joined(separator: ":") + "/64" + zone
    }
}
