import Glibc

/// A user or group of the operating system, by name or number.
///
/// nil says for certain that there is none such. Name services that cannot tell (out of descriptors, a directory server
/// that does not answer) throw `Failure`: taken for "there is none", somebody would act as the guest account, or a rule
/// that keeps a group out would keep nobody out.
enum UnixAccounts {
    struct Identity: Equatable {
        var userID: UInt32
        var groupID: UInt32
        /// Supplementary groups.
        var groups: [UInt32]
    }

    struct Failure: Error, CustomStringConvertible {
        let name: String
        /// errno's, of the name service.
        let code: CInt
        var description: String { "the name service cannot say who '\(name.printable)' is: \(systemMessage(code))" }
    }

    /// Asked anew each time: groups change while the server runs (CVE-2025-0620 is about remembering them).
    static func identity(of name: String) throws(Failure) -> Identity? {
        guard name.isAccountName else { return nil }
        let numbers = try look(up: name) { text in
            // SAFETY: C structures of plain fields, all zero until the call fills them.
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            // SAFETY: all buffers outlive the call, which points `entry` into `text`; only numbers are kept.
            let result = unsafe getpwnam_r(name, &entry, &text, text.count, &found)
            return unsafe (result, found == nil ? nil : (entry.pw_uid, entry.pw_gid))
        }
        guard let (userID, groupID) = numbers else { return nil }
        return Identity(userID: userID, groupID: groupID, groups: try groups(of: name, besides: groupID))
    }

    static func groupID(of name: String) throws(Failure) -> UInt32? {
        guard name.isAccountName else { return nil }
        return try look(up: name, room: groupByteCount) { text in
            // SAFETY: as above.
            var entry = unsafe group()
            var found: UnsafeMutablePointer<group>?
            // SAFETY: as above.
            let result = unsafe getgrnam_r(name, &entry, &text, text.count, &found)
            return unsafe (result, found == nil ? nil : entry.gr_gid)
        }
    }

    static func userName(of number: UInt32) throws(Failure) -> String? {
        try look(up: "\(number)") { text in
            // SAFETY: as above.
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            // SAFETY: as above.
            let result = unsafe getpwuid_r(number, &entry, &text, text.count, &found)
            // SAFETY: the name is a terminated string in `text`.
            return unsafe (result, found == nil ? nil : String(cString: entry.pw_name))
        }
    }

    static func groupName(of number: UInt32) throws(Failure) -> String? {
        try look(up: "\(number)", room: groupByteCount) { text in
            // SAFETY: as above.
            var entry = unsafe group()
            var found: UnsafeMutablePointer<group>?
            // SAFETY: as above.
            let result = unsafe getgrgid_r(number, &entry, &text, text.count, &found)
            // SAFETY: the name is a terminated string in `text`.
            return unsafe (result, found == nil ? nil : String(cString: entry.gr_name))
        }
    }

    /// - Parameters:
    ///   - room: bytes for the entry's text, at first.
    ///   - call: one of getpwnam_r's kind, with that room; its result, and what it found.
    private static func look<Found>(
        up name: String, room: Int = 16_384, _ call: (inout [CChar]) -> (result: CInt, found: Found?)
    ) throws(Failure) -> Found? {
        var byteCount = room
        while true {
            var text = [CChar](repeating: 0, count: byteCount)
            let (result, found) = call(&text)
            // All else is no answer with glibc, ENOENT too: that is a service whose socket or file is not there.
            if result == 0 { return found }
            // A group of many members.
            guard result == ERANGE, byteCount < entryByteCountMax else { throw Failure(name: name, code: result) }
            byteCount *= 4
        }
    }
    /// Of a group's entry with its members: enough for most at the first look, and for all.
    private static let groupByteCount = 65_536
    private static let entryByteCountMax = 64 << 20

    /// All of them or a failure: with some of his groups left out a user could be let in where one of these may not.
    private static func groups(of name: String, besides groupID: UInt32) throws(Failure) -> [UInt32] {
        var count: CInt = 256
        while true {
            let room = count
            var groups = [gid_t](repeating: 0, count: Int(room))
            errno = 0
            // SAFETY: at most `count` groups are written, the array's size.
            if unsafe getgrouplist(name, groupID, &groups, &count) >= 0 {
                // It skips a service that fails and says so nowhere else. Others than these it leaves behind when all
                // is well: ENOENT where there is no nscd, ERANGE while it makes room.
                if [EMFILE, ENFILE, ENOMEM, EIO].contains(errno) { throw Failure(name: name, code: errno) }
                return groups[..<Int(count)].filter { $0 != groupID }
            }
            // It has said how many there are.
            guard count > room else { throw Failure(name: name, code: ENOMEM) }
            guard count <= groupCountMax else { throw Failure(name: name, code: E2BIG) }
        }
    }
    /// Linux's NGROUPS_MAX: a process cannot have more.
    private static let groupCountMax: CInt = 65_536

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
