import CLinux
import FileStore
import Glibc
import NTTypes

/// `security.NTACL`, in which Samba keeps a file's security descriptor: an NDR structure of version, level and pointer,
/// and then, by version, nothing (1), a hash (2, 3), or hashes and what they were made from (4); the descriptor is
/// last.
///
/// All versions are read; their hashes, which tie the descriptor to the POSIX ACL of the day, are not looked at. The
/// first is written: Samba takes it without a hash, while the others count for it only with hashes made its own way.
enum NTACLAttribute {
    static let systemName = SystemPath(literal: "security.NTACL")
    /// Where the server may not write the above: without root there is one user only, who owns the files anyway. The
    /// name is what Samba's users give to acl_xattr:security_acl_name.
    static let userName = SystemPath(literal: "user.NTACL")

    /// - Returns: nil for what is none of the versions.
    static func decode(_ bytes: [UInt8]) -> SecurityDescriptor? {
        let bytes = bytes[...]
        guard bytes.count >= 8, bytes.littleEndian16(0) == bytes.littleEndian16(2) else { return nil }
        let start: Int
        switch bytes.littleEndian16(0) {
        case 1: start = 8
        case 2: start = 12 + 16
        // Pointer, type of hash, hash; aligned.
        case 3: start = 12 + 2 + 64 + 2
        case 4:
            // The same, a text with terminator, a time, another hash.
            let textStart = 12 + 2 + 64
            guard let end = bytes.dropFirst(textStart).firstIndex(of: 0) else { return nil }
            start = (end + 1 + 3) & ~3 + 8 + 64
        default: return nil
        }
        // NDR's relative pointers count from the start of the whole.
        return try? SecurityDescriptor(bytes.dropFirst(start), base: start)
    }

    static func encode(_ descriptor: SecurityDescriptor) -> [UInt8] {
        // Version, level, a pointer that is not null.
        [1, 0, 1, 0, 0, 0, 2, 0] + descriptor.encoded(base: 8)
    }
}

extension LinuxFileStore {
    var securityAttribute: SystemPath { isRoot ? NTACLAttribute.systemName : NTACLAttribute.userName }

    /// What a client has set; nil if none has.
    func keptSecurityDescriptor(_ descriptor: CInt, isPathOnly: Bool) -> SecurityDescriptor? {
        // SAFETY: only the bytes that the system says it has written are read.
        unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            var result = identity.insisting {
                unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, securityAttribute, into: buffer)
            }
            if result >= 0 {
                return NTACLAttribute.decode(unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<result])))
            }
            guard result.failed(ERANGE) else { return nil }
            // SAFETY: the array is touched by nothing else during the call.
            var large = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
            result = unsafe large.withUnsafeMutableBytes {
                unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, securityAttribute, into: $0)
            }
            return result < 0 ? nil : NTACLAttribute.decode(Array(large[..<result]))
        }
    }
}

extension LinuxFile {
    func securityDescriptor(as user: Credentials) throws(NTStatus) -> [UInt8] {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        return try currentSecurityDescriptor(descriptor).encoded
    }

    /// The one that a client has set, or else what owner, group and mode amount to.
    private func currentSecurityDescriptor(_ descriptor: CInt) throws(NTStatus) -> SecurityDescriptor {
        if let kept = store.keptSecurityDescriptor(descriptor, isPathOnly: handle.isPathOnly) { return kept }
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        return SecurityDescriptor(status)
    }

    func setSecurityDescriptor(_ descriptor: [UInt8], parts: UInt32, as user: Credentials) throws(NTStatus) {
        let new = try SecurityDescriptor(descriptor[...])
        try store.identity.act(as: user)
        let file = try handle.begin()
        defer { handle.end() }
        var updated = try currentSecurityDescriptor(file)
        updated.take(parts, from: new)
        try keep(updated, file)
    }

    private func keep(_ security: SecurityDescriptor, _ file: CInt) throws(NTStatus) {
        let value = NTACLAttribute.encode(security)
        let result = store.identity.insisting { Linux.setAttribute(file, store.securityAttribute, value) }
        // Said to be done only if it is kept.
        if result.failed(EOPNOTSUPP) { throw .notSupported }
        try result.orThrow()
    }

    /// For a new file: what the client gives along, over what the folder hands on, over what the mode amounts to.
    func setInitialSecurityDescriptor(
        _ given: [UInt8]?, folder: SecurityDescriptor?, _ status: apus_statx
    ) throws(NTStatus) {
        let initial = SecurityDescriptor(status)
        var security = initial
        var isKept = false
        if let folder, let owner = initial.owner, let group = initial.group,
            let (control, list) = folder.inheritedList(isDirectory: isDirectory, owner: owner, group: group)
        {
            security.control = control
            security.discretionaryList = list
            isKept = true
        }
        if let given {
            let new = try SecurityDescriptor(given[...])
            let parts = new.parts
            if parts != 0 { isKept = true }
            security.take(parts, from: new)
        }
        guard isKept else { return }
        let file = try handle.begin()
        defer { handle.end() }
        try keep(security, file)
    }
}

extension SecurityDescriptor {
    /// Which parts it has, as SECURITY_INFORMATION, [MS-DTYP] 2.4.7.
    fileprivate var parts: UInt32 {
        (owner == nil ? 0 : 0x1) | (group == nil ? 0 : 0x2) | (control & Self.discretionaryListPresent == 0 ? 0 : 0x4)
            | (control & Self.systemListPresent == 0 ? 0 : 0x8)
    }
}

extension SecurityDescriptor {
    /// Owner, group and everybody else with what the mode gives them.
    init(_ status: apus_statx) {
        self.init()
        control = Self.discretionaryListPresent
        let owner = SecurityIdentifier.user(status.user_id)
        let group = SecurityIdentifier.group(status.group_id)
        self.owner = owner
        self.group = group
        let mode = UInt32(status.mode)
        let isDirectory = status.isDirectory
        discretionaryList = Self.list([
            (owner, PermissionBits.rights(mode >> 6, isOwner: true, isDirectory: isDirectory)),
            (group, PermissionBits.rights(mode >> 3, isOwner: false, isDirectory: isDirectory)),
            (.everyone, PermissionBits.rights(mode, isOwner: false, isDirectory: isDirectory)),
        ])
    }
}
