import CLinux
import Glibc
import NTTypes

/// A POSIX ACL, acl(5), as Linux keeps it in `system.posix_acl_access` and `system.posix_acl_default`: a version and
/// for each entry a tag, read, write and execute, and a number.
struct PosixAccessList: Equatable {
    enum Tag: UInt16 {
        case owner = 0x1
        case user = 0x2
        case owningGroup = 0x4
        case group = 0x8
        /// The most that any entry between owner and others gives.
        case mask = 0x10
        case others = 0x20
    }
    struct Entry: Equatable {
        var tag: Tag
        /// rwx in the lowest three bits.
        var permissions: UInt32
        /// Of a `user` or `group`.
        var number: UInt32 = .max
    }
    /// In the order in which the kernel wants them: by tag, and those of one tag by number.
    var entries: [Entry]

    static let access = SystemPath(literal: "system.posix_acl_access")
    static let inherited = SystemPath(literal: "system.posix_acl_default")
    private static var version: UInt32 { 2 }

    init(entries: [Entry]) { self.entries = entries }

    /// What a mode amounts to.
    init(mode: UInt32) {
        entries = [
            Entry(tag: .owner, permissions: mode >> 6 & 0o7), Entry(tag: .owningGroup, permissions: mode >> 3 & 0o7),
            Entry(tag: .others, permissions: mode & 0o7),
        ]
    }

    /// - Returns: nil for what the kernel would not write.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 4, bytes.count % 8 == 4, bytes.littleEndian32(0) == Self.version else { return nil }
        entries = []
        for offset in stride(from: 4, to: bytes.count, by: 8) {
            guard let tag = Tag(rawValue: bytes.littleEndian16(offset)) else { return nil }
            entries.append(
                Entry(
                    tag: tag, permissions: UInt32(bytes.littleEndian16(offset + 2)) & 0o7,
                    number: bytes.littleEndian32(offset + 4)))
        }
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: Self.version)
        for entry in entries {
            bytes.append(littleEndian: entry.tag.rawValue)
            bytes.append(littleEndian: UInt16(entry.permissions))
            bytes.append(littleEndian: entry.number)
        }
        return bytes
    }

    /// It says no more than a mode can.
    var isMinimal: Bool { entries.count <= 3 }

    func permissions(_ tag: Tag) -> UInt32? { entries.first { $0.tag == tag }?.permissions }

    /// The bits of a file's mode that go with it, chmod(2): the mask stands in the group's place.
    var mode: UInt32 {
        let group = permissions(.mask) ?? permissions(.owningGroup) ?? 0
        return (permissions(.owner) ?? 0) << 6 | group << 3 | (permissions(.others) ?? 0)
    }

    /// What the entry gives in the end.
    func effective(_ entry: Entry) -> UInt32 {
        switch entry.tag {
        case .owner, .others, .mask: entry.permissions
        case .user, .owningGroup, .group: entry.permissions & (permissions(.mask) ?? 0o7)
        }
    }
}

/// All that the kernel judges by: what a security descriptor was made into, and what shows whether it still holds.
struct PosixState: Equatable {
    var owner: UInt32
    var group: UInt32
    /// Type and permission bits.
    var mode: UInt32
    var access: PosixAccessList
    /// What is made in a folder begins with it; nil for what is no folder, empty for a folder without.
    var inherited: PosixAccessList?

    var isDirectory: Bool { inherited != nil }

    /// The state in the form that Samba hashes into `security.NTACL` (its IDL's smb_acl_wrapper in NDR): two pointers,
    /// owner, group, mode, then each list that is pointed to.
    var encodedForHash: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: 0x2_0000 as UInt32)
        bytes.append(littleEndian: UInt32(inherited == nil ? 0 : 0x2_0004))
        bytes.append(littleEndian: UInt64(owner))
        bytes.append(littleEndian: UInt64(group))
        bytes.append(littleEndian: mode)
        for list in [access, inherited].compactMap({ $0 }) { Self.encode(list, into: &bytes) }
        return bytes
    }

    private static func encode(_ list: PosixAccessList, into bytes: inout [UInt8]) {
        let count = UInt32(list.entries.count)
        bytes.append(littleEndian: count)
        align(&bytes)
        bytes.append(littleEndian: count)
        bytes.append(littleEndian: 0 as UInt32)
        for entry in list.entries {
            let tag: UInt16 =
                switch entry.tag {
                case .user: 1
                case .owner: 2
                case .group: 3
                case .owningGroup: 4
                case .others: 5
                case .mask: 6
                }
            align(&bytes)
            bytes.append(littleEndian: tag)
            bytes.append(littleEndian: tag)
            if entry.tag == .user || entry.tag == .group {
                align(&bytes)
                bytes.append(littleEndian: UInt64(entry.number))
            }
            bytes.append(littleEndian: entry.permissions)
        }
        align(&bytes)
    }

    /// NDR aligns what contains 64-bit numbers to 8.
    private static func align(_ bytes: inout [UInt8]) {
        while !bytes.count.isMultiple(of: 8) { bytes.append(0) }
    }
}

extension LinuxFileStore {
    /// - Parameter status: the file's, as of now.
    func posixState(_ descriptor: CInt, isPathOnly: Bool, _ status: apus_statx) -> PosixState {
        let mode = UInt32(status.mode)
        let access = accessList(PosixAccessList.access, descriptor, isPathOnly: isPathOnly)
        let inherited =
            status.isDirectory
            ? accessList(PosixAccessList.inherited, descriptor, isPathOnly: isPathOnly) ?? PosixAccessList(entries: [])
            : nil
        return PosixState(
            owner: status.user_id, group: status.group_id, mode: mode, access: access ?? PosixAccessList(mode: mode),
            inherited: inherited)
    }

    /// nil where there is none, or the file system has none.
    private func accessList(_ name: SystemPath, _ descriptor: CInt, isPathOnly: Bool) -> PosixAccessList? {
        // SAFETY: only the bytes that the system says it has written are read.
        let small: PosixAccessList?? = unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
            // SAFETY: as above.
            let result = unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, name, into: buffer)
            if result.failed(ERANGE) { return nil }
            guard result > 0 else { return .some(nil) }
            // SAFETY: as above.
            return .some(PosixAccessList(unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<result]))[...]))
        }
        if let small { return small }
        var large = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
        // SAFETY: the array is touched by nothing else during the call.
        let result = unsafe large.withUnsafeMutableBytes {
            unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, name, into: $0)
        }
        return result <= 0 ? nil : PosixAccessList(large[..<result])
    }
}
