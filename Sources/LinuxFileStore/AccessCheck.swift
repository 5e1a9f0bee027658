import CLinux
import FileStore
import Glibc
import NTTypes

/// What a user may do with a file, [MS-FSA] 2.1.5.1.2.1. The mode bits (and, through the
/// kernel, POSIX ACLs) must allow it, and so must the security descriptor, if a client has set one.
///
/// Read, write and execute for the user are translated into NT rights so that an owner with all three has all of NT's.
struct AccessCheck {
    let store: LinuxFileStore
    let user: Credentials
    let status: apus_statx
    /// Any descriptor of the file.
    let descriptor: CInt
    let isPathOnly: Bool
    let attributes: FileAttributes
    /// Where the file is; for the right to delete, which is the folder's to give.
    let components: [NTName]

    static let always: AccessMask = [.readAttributes, .readControl, .synchronize]
    static let writing: AccessMask = [.writeData, .appendData]

    /// What the list gives; looked up once.
    private lazy var listed = listedRights()

    init(
        store: LinuxFileStore, user: Credentials, status: apus_statx, descriptor: CInt, isPathOnly: Bool,
        attributes: FileAttributes, components: [NTName]
    ) {
        self.store = store
        self.user = user
        self.status = status
        self.descriptor = descriptor
        self.isPathOnly = isPathOnly
        self.attributes = attributes
        self.components = components
    }

    /// What the kept security descriptor gives to the user; everything where there is none.
    private func listedRights() -> AccessMask {
        guard !isRoot, let kept = store.keptSecurityDescriptor(descriptor, isPathOnly: isPathOnly) else {
            return .fileAllAccess
        }
        // Who can see the name can see the attributes: the folder's right to list includes them.
        return kept.rights(of: store.identifiers(of: user))?.union(.readAttributes) ?? .fileAllAccess
    }

    /// The rights of `desired`, `.maximumAllowed` replaced by all that the user might have.
    mutating func granted(_ desired: AccessMask) throws(NTStatus) -> AccessMask {
        var wanted = desired.subtracting(.maximumAllowed)
        // [MS-FSA] 2.1.5.1.2.1: SACLs are for those who hold SE_SECURITY_PRIVILEGE; nobody does here.
        if wanted.contains(.accessSystemSecurity) { throw .privilegeNotHeld }
        if isReadOnlyFile, !wanted.isDisjoint(with: Self.writing) { throw .accessDenied }
        guard wanted.isSubset(of: listed.union(.delete)) else { throw .accessDenied }
        if desired.contains(.maximumAllowed) {
            let maximal = maximalAccess()
            guard wanted.isSubset(of: maximal) else { throw .accessDenied }
            return wanted.union(maximal)
        }
        // The right to delete comes from the file's list or from its folder.
        wanted.subtract(rights(permissionBits).intersection(listed))
        if wanted.contains(.delete), mayDeleteInFolder() { wanted.remove(.delete) }
        guard !wanted.isEmpty else { return desired }
        // The mode bits do not tell all when there is a POSIX ACL: the kernel does.
        wanted.subtract(rights(kernelPermissionBits()).intersection(listed))
        guard wanted.isEmpty else { throw .accessDenied }
        return desired
    }

    /// All that the user might be granted. A read-only file cannot be written by anyone.
    mutating func maximalAccess() -> AccessMask {
        var rights = listed.intersection(allowedByMode())
        if !rights.contains(.delete), mayDeleteInFolder() { rights.insert(.delete) }
        return isReadOnlyFile ? rights.subtracting(Self.writing) : rights
    }

    private func allowedByMode() -> AccessMask {
        rights(isOwner || isRoot ? permissionBits : permissionBits | kernelPermissionBits())
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
        PermissionBits.rights(bits, isOwner: isOwner || isRoot, isDirectory: status.isDirectory)
    }

    /// Whether the folder gives what the file itself does not: the right to delete, [MS-FSA] 2.1.5.1.2.1.
    func mayDeleteInFolder() -> Bool {
        guard !components.isEmpty, let folder = try? store.openParent(of: components, caseSensitive: true) else {
            return false
        }
        return store.mayDelete(ownedBy: status.user_id, in: folder.descriptor.raw, as: user)
            && store.listedRights(ofFolder: folder.descriptor.raw, user).contains(.deleteChild)
    }
}

/// What read, write and execute of a class of users amount to in NT rights.
enum PermissionBits {
    /// - Parameter bits: rwx in the lowest three; the others are not looked at.
    static func rights(_ bits: UInt32, isOwner: Bool, isDirectory: Bool) -> AccessMask {
        if isOwner, bits & 0o6 == 0o6 { return .fileAllAccess }
        var rights = AccessCheck.always
        if isOwner { rights.formUnion([.writeDAC, .writeOwner, .writeAttributes]) }
        // Who can read a program can run it from a copy: no x bit is asked of a file that only Windows will run.
        if bits & 0o4 != 0 { rights.formUnion([.readData, .readExtendedAttributes]) }
        if bits & 0o4 != 0, !isDirectory { rights.insert(.execute) }
        if bits & 0o1 != 0 { rights.insert(.execute) }
        if bits & 0o2 != 0 {
            rights.formUnion([.writeData, .appendData, .writeExtendedAttributes, .writeAttributes])
            if isDirectory { rights.insert(.deleteChild) }
        }
        return rights
    }
}

extension LinuxFileStore {
    /// The SIDs that stand for the user.
    func identifiers(of user: Credentials) -> Set<SecurityIdentifier> {
        var identifiers: Set<SecurityIdentifier> = [.everyone, .network, .authenticatedUsers]
        identifiers.insert(.user(identity.switches ? user.userID : geteuid()))
        identifiers.insert(.group(identity.switches ? user.groupID : getegid()))
        if identity.switches { for group in user.groups { identifiers.insert(.group(group)) } }
        return identifiers
    }

    /// What a folder's kept security descriptor gives to the user; everything where there is none, and to root.
    func listedRights(
        ofFolder folder: CInt, _ user: Credentials, _ kept: SecurityDescriptor? = nil
    ) -> AccessMask {
        guard (identity.switches ? user.userID : geteuid()) != 0,
            let kept = kept ?? keptSecurityDescriptor(folder, isPathOnly: true)
        else { return .fileAllAccess }
        return kept.rights(of: identifiers(of: user)) ?? .fileAllAccess
    }

    /// Linux's rule for taking a name away: write and search the folder, and, in a sticky one, own the file or it.
    func mayDelete(ownedBy owner: UInt32, in folder: CInt, as user: Credentials) -> Bool {
        guard Linux.access(folder, mode: W_OK | X_OK) == 0 else { return false }
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0 else { return false }
        let me = identity.switches ? user.userID : geteuid()
        return status.mode & 0o1000 == 0 || me == 0 || me == owner || me == status.user_id
    }
}
