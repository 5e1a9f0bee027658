import Glibc

/// A user or group of the operating system, by name.
enum UnixAccounts {
    struct Identity: Equatable {
        var userID: UInt32
        var groupID: UInt32
        /// Supplementary groups.
        var groups: [UInt32]
    }

    /// Asked anew each time: groups change while the server runs (CVE-2025-0620 is about remembering them).
    static func identity(of name: String) -> Identity? {
        guard name.isAccountName else { return nil }
        // SAFETY: C structures of plain fields, all zero until the call fills them.
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 16_384)
        // SAFETY: all buffers outlive the call, which fills `entry` with pointers into `text`; only numbers are used.
        let result = unsafe getpwnam_r(name, &entry, &text, text.count, &found)
        guard result == 0, unsafe found != nil else { return nil }
        let (userID, groupID) = unsafe (entry.pw_uid, entry.pw_gid)
        var groups = [gid_t](repeating: 0, count: 1024)
        var count = CInt(groups.count)
        // SAFETY: at most `count` groups are written, the array's size.
        guard unsafe getgrouplist(name, groupID, &groups, &count) >= 0 else {
            return Identity(userID: userID, groupID: groupID, groups: [])
        }
        return Identity(userID: userID, groupID: groupID, groups: groups[..<Int(count)].filter { $0 != groupID })
    }

    static func groupID(of name: String) -> UInt32? {
        guard name.isAccountName else { return nil }
        // SAFETY: C structures of plain fields, all zero until the call fills them.
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var text = [CChar](repeating: 0, count: 65_536)
        // SAFETY: as above.
        let result = unsafe getgrnam_r(name, &entry, &text, text.count, &found)
        guard result == 0, unsafe found != nil else { return nil }
        return unsafe entry.gr_gid
    }

    /// The process's own, for a server that was not started by root.
    static var own: Identity {
        var groups = [gid_t](repeating: 0, count: 1024)
        // SAFETY: at most as many as the array has room for.
        let count = unsafe getgroups(CInt(groups.count), &groups)
        return Identity(userID: geteuid(), groupID: getegid(), groups: Array(groups[..<Int(max(0, count))]))
    }
}

extension String {
    /// The C library would take what stands before a zero for the whole name: "root" for one that no list calls by it.
    fileprivate var isAccountName: Bool { !isEmpty && !utf8.contains(0) }
}
