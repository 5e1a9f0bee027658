import Configuration
import Glibc

/// Who may use a share, and how: the rules of ksmbd.conf(5) in the order in which ksmbd asks them.
struct ShareRules {
    struct Client {
        var user: String
        var isGuest: Bool
        var isAnonymous: Bool
        var groupIDs: [UInt32]
        var address: String
    }
    enum Decision: Equatable {
        case refused
        case granted(isWritable: Bool, isAdministrator: Bool)
    }
    let share: ShareConfiguration
    let restrictAnonymous: Int
    /// The groups that the configuration names.
    let groupIDs: [String: UInt32]

    func decide(_ client: Client) -> Decision {
        if !share.hostsAllow.isEmpty {
            guard share.hostsAllow.contains(where: { Self.matches(client.address, $0) }) else { return .refused }
        } else if share.hostsDeny.contains(where: { Self.matches(client.address, $0) }) {
            return .refused
        }
        if client.isGuest || client.isAnonymous {
            // restrict anonymous: guests see neither IPC$ nor shares that are not theirs.
            guard share.allowsGuests else { return .refused }
            return .granted(isWritable: !share.isReadOnly, isAdministrator: false)
        }
        if contains(share.adminUsers, client) { return .granted(isWritable: true, isAdministrator: true) }
        if contains(share.invalidUsers, client) { return .refused }
        // Both lists only decide how; who may come in at all is the business of `valid users`.
        if !share.validUsers.isEmpty, !contains(share.validUsers, client),
            !contains(share.readList, client), !contains(share.writeList, client)
        {
            return .refused
        }
        if contains(share.readList, client) { return .granted(isWritable: false, isAdministrator: false) }
        if contains(share.writeList, client) { return .granted(isWritable: true, isAdministrator: false) }
        return .granted(isWritable: !share.isReadOnly, isAdministrator: false)
    }

    /// Names, and groups as @group.
    private func contains(_ list: [String], _ client: Client) -> Bool {
        list.contains { entry in
            if entry.hasPrefix("@") {
                guard let group = groupIDs[String(entry.dropFirst())] else { return false }
                return client.groupIDs.contains(group)
            }
            return entry.lowercased() == client.user.lowercased()
        }
    }

    /// `address` is what the client comes from; `rule` an address, a prefix ending in ".", or address/bits.
    static func matches(_ address: String, _ rule: String) -> Bool {
        if rule.uppercased() == "ALL" { return true }
        if rule.hasSuffix(".") { return address.hasPrefix(rule) }
        let parts = rule.split(separator: "/")
        guard parts.count == 2, let bits = Int(parts[1]), let network = octets(String(parts[0])),
            let own = octets(address), network.count == own.count, (0...network.count * 8).contains(bits)
        else { return rule == address }
        return (0..<bits).allSatisfy { bit in
            (network[bit / 8] ^ own[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }

    /// 4 or 16 bytes; nil for what is no address.
    private static func octets(_ text: String) -> [UInt8]? {
        var four = in_addr()
        var six = in6_addr()
        // SAFETY: inet_pton fills the structure that its family names.
        if unsafe inet_pton(AF_INET, text, &four) == 1 { return unsafe withUnsafeBytes(of: &four) { unsafe Array($0) } }
        if unsafe inet_pton(AF_INET6, text, &six) == 1 { return unsafe withUnsafeBytes(of: &six) { unsafe Array($0) } }
        return nil
    }
}
