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
        return groups(of: name, besides: groupID).map { Identity(userID: userID, groupID: groupID, groups: $0) }
    }

    /// nil where there are more than Linux allows a process: with some of its groups left out a user could be let in
    /// where one of these may not.
    private static func groups(of name: String, besides groupID: UInt32) -> [UInt32]? {
        var count: CInt = 256
        while true {
            let room = count
            var groups = [gid_t](repeating: 0, count: Int(room))
            // SAFETY: at most `count` groups are written, the array's size.
            if unsafe getgrouplist(name, groupID, &groups, &count) >= 0 {
                return groups[..<Int(count)].filter { $0 != groupID }
            }
            // It has said how many there are.
            guard count > room, count <= groupCountMax else { return nil }
        }
    }
    /// Linux's NGROUPS_MAX.
    private static let groupCountMax: CInt = 65_536

    static func groupID(of name: String) -> UInt32? {
        guard name.isAccountName else { return nil }
        var byteCount = 65_536
        while true {
            // SAFETY: C structures of plain fields, all zero until the call fills them.
            var entry = unsafe group()
            var found: UnsafeMutablePointer<group>?
            var text = [CChar](repeating: 0, count: byteCount)
            // SAFETY: as above.
            let result = unsafe getgrnam_r(name, &entry, &text, text.count, &found)
            if result == 0 { return unsafe found == nil ? nil : entry.gr_gid }
            // A group of many members. Taken for one that there is not, it would keep nobody out.
            guard result == ERANGE, byteCount < groupByteCountMax else { return nil }
            byteCount *= 4
        }
    }
    /// Of a group's entry with all its members.
    private static let groupByteCountMax = 64 << 20

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
