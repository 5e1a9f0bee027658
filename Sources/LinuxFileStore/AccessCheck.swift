import CLinux
import FileStore
import Glibc
import NTTypes

/// What a user may do with a file, [MS-FSA] 2.1.5.1.2.1. Looked at anew for each open.
///
/// Where a client has set a security descriptor, it decides, [MS-DTYP] 2.5.3. Otherwise the mode bits (and, through
/// the kernel, POSIX ACLs) do, translated into NT rights so that an owner who may read and write has all of NT's. Root
/// may do everything.
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
    /// The security descriptor, where a client has set one; what it gives to the user.
    let kept: KeptDescriptor?
    private let listed: AccessMask

    static let always: AccessMask = [.readAttributes, .readControl, .synchronize]
    static let writing: AccessMask = [.writeData, .appendData]
    /// What the read-only attribute keeps from everybody, [MS-FSA] 2.1.5.1.2.1.
    private static let refusedByReadOnly: AccessMask = [.writeData, .appendData, .deleteChild]

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
        kept =
            store.hasRootPower(user)
            ? nil : store.keptSecurityDescriptor(descriptor, isPathOnly: isPathOnly, status)
        // Who can see the name can see the attributes: the folder's right to list includes them.
        listed = kept?.descriptor.rights(of: store.identifiers(of: user)).union(.readAttributes) ?? .fileAllAccess
    }

    /// What the descriptor gives; no more than the mode bits do where they may be younger than it.
    private func given(_ permissionBits: UInt32) -> AccessMask {
        kept?.isVerified == true ? listed : listed.intersection(rights(permissionBits))
    }

    /// The rights of `desired`, `.maximumAllowed` replaced by all that the user might have.
    func granted(_ desired: AccessMask) throws(NTStatus) -> AccessMask {
        var wanted = desired.subtracting(.maximumAllowed)
        // [MS-FSA] 2.1.5.1.2.1: SACLs are for those who hold SE_SECURITY_PRIVILEGE: those who act as root.
        if wanted.contains(.accessSystemSecurity) {
            guard store.identity.switches, isRoot else { throw .privilegeNotHeld }
            wanted.remove(.accessSystemSecurity)
        }
        if isReadOnlyFile, !wanted.isDisjoint(with: Self.writing) { throw .accessDenied }
        if desired.contains(.maximumAllowed) {
            let maximal = maximalAccess().subtracting(isReadOnlyFile ? Self.refusedByReadOnly : [])
            guard wanted.isSubset(of: maximal) else { throw .accessDenied }
            return desired.subtracting(.maximumAllowed).union(maximal)
        }
        // Waiting for the file to be free needs no right of its own.
        wanted.remove(.synchronize)
        wanted.subtract(given(permissionBits))
        // The right to delete comes from the file's list or from its folder.
        if wanted.contains(.delete), mayDeleteInFolder() { wanted.remove(.delete) }
        guard !wanted.isEmpty else { return desired }
        // The mode bits do not tell all when there is a POSIX ACL: the kernel does.
        wanted.subtract(given(kernelPermissionBits()))
        guard wanted.isEmpty else { throw .accessDenied }
        return desired
    }

    /// All that the rules give to the user; what the read-only attribute takes away is not among them.
    func maximalAccess() -> AccessMask {
        var rights = given(isOwner || isRoot ? permissionBits : permissionBits | kernelPermissionBits())
        if !rights.contains(.delete), mayDeleteInFolder() { rights.insert(.delete) }
        return rights
    }

    /// All that reading takes is given, which the attributes too are part of here: for lists that leave out the rest.
    var mayBeSeen: Bool {
        let needed: AccessMask = [.readData, .readExtendedAttributes, .readAttributes, .readControl]
        guard let kept else { return isRoot || kernelPermissionBits() & 0o4 != 0 }
        return kept.descriptor.rights(of: store.identifiers(of: user)).isSuperset(of: needed)
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

extension LinuxFileStore {
    /// The user is root, so that nothing is kept from it.
    func hasRootPower(_ user: Credentials) -> Bool { (identity.switches ? user.userID : geteuid()) == 0 }

    /// The SIDs that stand for the user, [MS-DTYP] 2.5.2.
    func identifiers(of user: Credentials) -> Set<SecurityIdentifier> {
        var identifiers: Set<SecurityIdentifier> = [.everyone, .network]
        identifiers.insert(user.isGuest ? .guests : .authenticatedUsers)
        let mapping = options.identifiers
        identifiers.formUnion(mapping.identifiers(of: .user(identity.switches ? user.userID : geteuid())))
        identifiers.formUnion(mapping.identifiers(of: .group(identity.switches ? user.groupID : getegid())))
        if identity.switches {
            for group in user.groups { identifiers.formUnion(mapping.identifiers(of: .group(group))) }
        }
        return identifiers
    }

    /// What a folder's kept security descriptor gives to the user; everything where there is none, and to root.
    func listedRights(
        ofFolder folder: CInt, _ user: Credentials, _ kept: KeptDescriptor? = nil
    ) -> AccessMask {
        guard !hasRootPower(user), let kept = kept ?? keptSecurityDescriptor(folder, isPathOnly: true) else {
            return .fileAllAccess
        }
        return kept.descriptor.rights(of: identifiers(of: user))
    }

    /// FILE_ADD_FILE or FILE_ADD_SUBDIRECTORY as far as the folder's list goes, [MS-FSA] 2.1.5.1.1; the mode bits are
    /// the kernel's to check.
    func checkAdding(
        isDirectory: Bool, to folder: CInt, as user: Credentials, _ kept: KeptDescriptor? = nil
    ) throws(NTStatus) {
        let given = listedRights(ofFolder: folder, user, kept)
        guard given.contains(isDirectory ? .appendData : .writeData) else { throw .accessDenied }
    }

    /// Linux's rule for taking a name away: write and search the folder, and, in a sticky one, own the file or it.
    func mayDelete(ownedBy owner: UInt32, in folder: CInt, as user: Credentials) -> Bool {
        guard Linux.access(folder, mode: W_OK | X_OK) == 0 else { return false }
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0 else { return false }
        let me = identity.switches ? user.userID : geteuid()
        return status.mode & 0o1000 == 0 || me == 0 || me == owner || me == status.user_id
    }

    /// The file's own descriptor gives the right to delete it, whatever the mode of its folder: [MS-FSA] 2.1.5.1.2.1.
    /// But for a sticky folder, which is Linux's own word on who deletes what; and there others change names that the
    /// user cannot, so that the name could come to be somebody else's while root's power takes it away.
    func mayDeleteByList(_ descriptor: CInt, isPathOnly: Bool, in folder: CInt, as user: Credentials) -> Bool {
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0, status.mode & 0o1000 == 0 else { return false }
        guard let kept = keptSecurityDescriptor(descriptor, isPathOnly: isPathOnly), kept.isVerified else {
            return false
        }
        return kept.descriptor.rights(of: identifiers(of: user)).contains(.delete)
    }
}
