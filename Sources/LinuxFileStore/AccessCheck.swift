import CLinux
import FileStore
import Glibc
import NTTypes

/// What a user may do with a file, [MS-FSA] 2.1.5.1.2.1. Today the mode bits (and, through the kernel, POSIX ACLs)
/// decide; the one place to put NT ACLs.
///
/// Read, write and execute for the user are translated into NT rights so that an owner with all three has all of NT's.
struct AccessCheck {
    let store: LinuxFileStore
    let user: Credentials
    let status: apus_statx
    /// Any descriptor of the file.
    let descriptor: CInt
    let attributes: FileAttributes
    /// Where the file is; for the right to delete, which is the folder's to give.
    let components: [NTName]

    static let always: AccessMask = [.readAttributes, .readControl, .synchronize]
    static let writing: AccessMask = [.writeData, .appendData]

    /// The rights of `desired`, `.maximumAllowed` replaced by all that the user might have.
    func granted(_ desired: AccessMask) throws(NTStatus) -> AccessMask {
        var wanted = desired.subtracting(.maximumAllowed)
        // [MS-FSA] 2.1.5.1.2.1: SACLs are for those who hold SE_SECURITY_PRIVILEGE; nobody does here.
        if wanted.contains(.accessSystemSecurity) { throw .privilegeNotHeld }
        if isReadOnlyFile, !wanted.isDisjoint(with: Self.writing) { throw .accessDenied }
        if desired.contains(.maximumAllowed) {
            let maximal = maximalAccess()
            guard wanted.isSubset(of: maximal) else { throw .accessDenied }
            return wanted.union(maximal)
        }
        wanted.subtract(rights(permissionBits))
        if wanted.contains(.delete), mayDeleteInFolder() { wanted.remove(.delete) }
        guard !wanted.isEmpty else { return desired }
        // The mode bits do not tell all when there is a POSIX ACL: the kernel does.
        wanted.subtract(rights(kernelPermissionBits()))
        guard wanted.isEmpty else { throw .accessDenied }
        return desired
    }

    /// All that the user might be granted. A read-only file cannot be written by anyone.
    func maximalAccess() -> AccessMask {
        var rights = rights(isOwner || isRoot ? permissionBits : permissionBits | kernelPermissionBits())
        if !rights.contains(.delete), mayDeleteInFolder() { rights.insert(.delete) }
        return isReadOnlyFile ? rights.subtracting(Self.writing) : rights
    }

    private var isReadOnlyFile: Bool { attributes.contains(.readOnly) && !status.isDirectory }

    private var effectiveUser: UInt32 { store.identity.switches ? user.userID : geteuid() }
    private var isRoot: Bool { effectiveUser == 0 }
    private var isOwner: Bool { effectiveUser == status.user_id }

    /// rwx of the class that the user is in.
    private var permissionBits: UInt32 {
        let mode = UInt32(status.mode)
        if isRoot { return 0o7 }
        if isOwner { return mode >> 6 & 0o7 }
        let group = store.identity.switches ? user.groupID : getegid()
        let isMember = group == status.group_id || (store.identity.switches && user.groups.contains(status.group_id))
        return isMember ? mode >> 3 & 0o7 : mode & 0o7
    }

    private func kernelPermissionBits() -> UInt32 {
        var bits: UInt32 = 0
        for bit in [R_OK, W_OK, X_OK] where Linux.access(descriptor, mode: bit) == 0 { bits |= UInt32(bit) }
        return bits
    }

    private func rights(_ bits: UInt32) -> AccessMask {
        if (isOwner || isRoot) && bits & 0o6 == 0o6 { return .fileAllAccess }
        var rights = Self.always
        if isOwner || isRoot { rights.formUnion([.writeDAC, .writeOwner, .writeAttributes]) }
        // Who can read a program can run it from a copy: no x bit is asked of a file that only Windows will run.
        if bits & 0o4 != 0 { rights.formUnion([.readData, .readExtendedAttributes]) }
        if bits & 0o4 != 0, !status.isDirectory { rights.insert(.execute) }
        if bits & 0o1 != 0 { rights.insert(.execute) }
        if bits & 0o2 != 0 {
            rights.formUnion([.writeData, .appendData, .writeExtendedAttributes, .writeAttributes])
            if status.isDirectory { rights.insert(.deleteChild) }
        }
        return rights
    }

    /// Linux's rule for taking a name away: write and search the folder, and, in a sticky one, own the file or the
    /// folder.
    func mayDeleteInFolder() -> Bool {
        guard !components.isEmpty, let folder = try? store.openParent(of: components, caseSensitive: true) else {
            return false
        }
        return store.mayDelete(ownedBy: status.user_id, in: folder.descriptor.raw, as: user)
    }
}

extension LinuxFileStore {
    func mayDelete(ownedBy owner: UInt32, in folder: CInt, as user: Credentials) -> Bool {
        guard Linux.access(folder, mode: W_OK | X_OK) == 0 else { return false }
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0 else { return false }
        let me = identity.switches ? user.userID : geteuid()
        return status.mode & 0o1000 == 0 || me == 0 || me == owner || me == status.user_id
    }
}
