import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFile {
    func securityDescriptor(as user: Credentials) throws(NTStatus) -> [UInt8] {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        return try currentSecurityDescriptor(descriptor).encoded()
    }

    /// The one that a client has set, or else what owner, group, mode and POSIX ACL amount to.
    private func currentSecurityDescriptor(_ descriptor: CInt) throws(NTStatus) -> SecurityDescriptor {
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        if let kept = store.keptSecurityDescriptor(descriptor, isPathOnly: handle.isPathOnly, status) {
            return kept.descriptor
        }
        return SecurityDescriptor(store.posixState(descriptor, isPathOnly: handle.isPathOnly, status))
    }

    /// [MS-FSA] 2.1.5.17. The caller has seen that the open was granted the right to change each of the parts.
    func setSecurityDescriptor(_ descriptor: [UInt8], parts: UInt32, as user: Credentials) throws(NTStatus) {
        var new = try SecurityDescriptor(descriptor[...])
        if !store.options.keepsInheritanceFlags { new.settleAutomaticInheritance() }
        try store.identity.act(as: user)
        let file = try handle.begin()
        defer { handle.end() }
        let parts = SecurityParts(rawValue: parts)
        var updated = try currentSecurityDescriptor(file)
        updated.take(parts, from: new)
        try check(parts, of: new, as: user)
        try changeOwners(parts, to: new, file)
        try keep(updated, file)
    }

    private func check(_ parts: SecurityParts, of new: SecurityDescriptor, as user: Credentials) throws(NTStatus) {
        // A list that gives everybody something and then denies it to everybody has no counterpart in a POSIX ACL, and
        // is nobody's intention: Samba refuses it too.
        if parts.contains(.dacl), new.discretionaryList?.contradictsItself == true { throw .accessDenied }
        guard !store.hasRootPower(user) else { return }
        // [MS-FSA] 2.1.5.17: who may take a file takes it for itself or a group of its own; giving it away needs a
        // privilege.
        let mine = store.identifiers(of: user)
        if parts.contains(.owner), let owner = new.owner, !mine.contains(owner) { throw .invalidOwner }
        if parts.contains(.group), let group = new.group,
            let unix = store.options.identifiers.unixIdentifier(of: group),
            !mine.contains(group), try !isOwning(unix)
        {
            throw .invalidOwner
        }
    }

    /// The file belongs to this group already.
    private func isOwning(_ unix: UnixIdentifier) throws(NTStatus) -> Bool {
        let descriptor = try handle.begin()
        defer { handle.end() }
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        return unix == .group(status.group_id) || unix == .user(status.user_id)
    }

    /// Where the new owner is a user of Linux and the new group a group, the file becomes theirs there too.
    private func changeOwners(_ parts: SecurityParts, to new: SecurityDescriptor, _ file: CInt) throws(NTStatus) {
        guard store.identity.switches else { return }
        var user = UInt32.max
        var group = UInt32.max
        let mapping = store.options.identifiers
        if parts.contains(.owner), let owner = new.owner, case .user(let number) = mapping.unixIdentifier(of: owner) {
            user = number
        }
        if parts.contains(.group), let owner = new.group, case .group(let number) = mapping.unixIdentifier(of: owner) {
            group = number
        }
        var status = apus_statx()
        try Linux.status(file, into: &status).orThrow()
        if user == status.user_id { user = .max }
        if group == status.group_id { group = .max }
        guard user != .max || group != .max else { return }
        try store.identity.insisting { Linux.setOwner(file, user: user, group: group) }.orThrow()
    }

    /// Makes mode and POSIX ACL say what the descriptor says, and writes it down with a hash of them.
    private func keep(_ security: SecurityDescriptor, _ file: CInt) throws(NTStatus) {
        var status = apus_statx()
        try Linux.status(file, into: &status).orThrow()
        var state = store.posixState(file, isPathOnly: handle.isPathOnly, status)
        // A server that acts as one user has nothing to say to Linux of others.
        if store.identity.switches {
            try reflect(security.reflected(in: state, store.options.identifiers), over: state, file)
            try Linux.status(file, into: &status).orThrow()
            state = store.posixState(file, isPathOnly: handle.isPathOnly, status)
        }
        let value = NTACLAttribute.encode(security, state)
        // An attribute holds no more.
        guard value.count <= AttributeName.valueByteCountMax else { throw .insufficientResources }
        let result = store.identity.insisting { Linux.setAttribute(file, store.securityAttribute, value) }
        // Said to be done only if it is kept.
        if result.failed(EOPNOTSUPP) { throw .notSupported }
        try result.orThrow()
    }

    private func reflect(_ new: PosixState, over old: PosixState, _ file: CInt) throws(NTStatus) {
        if new.access != old.access {
            var result = -Int(EOPNOTSUPP)
            if !new.access.isMinimal || !old.access.isMinimal {
                result = set(PosixAccessList.access, new.access, file)
            }
            // Where there are no POSIX ACLs, or no need for one, the mode says it.
            if result.failed(EOPNOTSUPP) {
                result = store.identity.insisting { Linux.setMode(file, new.mode & 0o7777) }
            }
            try result.orThrow()
        }
        if let inherited = new.inherited, inherited != old.inherited {
            let result =
                inherited.entries.isEmpty
                ? store.identity.insisting { Linux.removeAttribute(file, PosixAccessList.inherited) }
                : set(PosixAccessList.inherited, inherited, file)
            if !result.failed(EOPNOTSUPP), !result.failed(ENODATA) { try result.orThrow() }
        }
    }

    private func set(_ name: SystemPath, _ list: PosixAccessList, _ file: CInt) -> Int {
        store.identity.insisting { Linux.setAttribute(file, name, list.encoded) }
    }

    /// For a new file: what the client gives along, over what the folder hands on, over what the mode amounts to.
    func setInitialSecurityDescriptor(
        _ given: [UInt8]?, folder: SecurityDescriptor?, _ status: apus_statx, as user: Credentials
    ) throws(NTStatus) {
        let file = try handle.begin()
        defer { handle.end() }
        var security = SecurityDescriptor(store.posixState(file, isPathOnly: handle.isPathOnly, status))
        var isKept = false
        if let folder, let owner = security.owner, let group = security.group {
            let isAutomatic = folder.control.contains(.daclAutoInherited)
            if let list = try folder.discretionaryList?.inherited(
                isDirectory: isDirectory, owner: owner, group: group, isAutomatic: isAutomatic)
            {
                security.control = isAutomatic ? [.daclPresent, .daclAutoInherited] : .daclPresent
                security.discretionaryList = list
                isKept = true
            }
        }
        if let given {
            var new = try SecurityDescriptor(given[...])
            if !store.options.keepsInheritanceFlags { new.settleAutomaticInheritance() }
            try check(new.parts, of: new, as: user)
            if !new.parts.isEmpty { isKept = true }
            security.take(new.parts, from: new)
            try changeOwners(new.parts, to: new, file)
        }
        if isKept { try keep(security, file) }
    }
}
