import Glibc

/// Names and numbers of Linux's users and groups. Calls may block: a name service may ask a directory on the network.
protocol SystemAccounts: Sendable {
    func userID(of name: String) -> UInt32?
    func userName(of number: UInt32) -> String?
    func groupID(of name: String) -> UInt32?
    func groupName(of number: UInt32) -> String?
    /// The user's first group, then the others.
    func groupIDs(of user: String) -> [UInt32]
}

/// As the system's name services know them.
struct UnixNames: SystemAccounts {
    func userID(of name: String) -> UInt32? { UnixAccounts.identity(of: name)?.userID }
    func groupID(of name: String) -> UInt32? { UnixAccounts.groupID(of: name) }
    func groupIDs(of user: String) -> [UInt32] {
        UnixAccounts.identity(of: user).map { [$0.groupID] + $0.groups } ?? []
    }

    func userName(of number: UInt32) -> String? {
        // SAFETY: plain values, all zero.
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 16_384)
        // SAFETY: all buffers outlive the call, which fills `entry` with pointers into `text`; the name is copied.
        guard unsafe getpwuid_r(number, &entry, &text, text.count, &found) == 0, unsafe found != nil else { return nil }
        // SAFETY: a terminated string in `text`.
        return unsafe String(cString: entry.pw_name)
    }

    func groupName(of number: UInt32) -> String? {
        // SAFETY: as above.
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var text = [CChar](repeating: 0, count: 65_536)
        // SAFETY: as above.
        guard unsafe getgrgid_r(number, &entry, &text, text.count, &found) == 0, unsafe found != nil else { return nil }
        // SAFETY: as above.
        return unsafe String(cString: entry.gr_name)
    }
}
