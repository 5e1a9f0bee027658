import NTTypes

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

    /// rwx for these rights. Windows lets everybody pass through a folder, so whoever may do anything in one may. To
    /// Linux adding files and adding folders are the same.
    static func bits(_ rights: AccessMask, isDirectory: Bool) -> UInt32 {
        var bits: UInt32 = 0
        if rights.contains(.readData) { bits |= 0o4 }
        if rights.contains(.writeData) || isDirectory && rights.contains(.appendData) { bits |= 0o2 }
        if rights.contains(.execute) || isDirectory && bits != 0 { bits |= 0o1 }
        return bits
    }
}

extension SecurityDescriptor {
    /// What owner, group, mode and POSIX ACL amount to.
    init(_ state: PosixState) {
        self.init()
        control = .daclPresent
        let owner = SecurityIdentifier.user(state.owner)
        let group = SecurityIdentifier.group(state.group)
        self.owner = owner
        self.group = group
        var entries = Self.entries(state.access, owner: owner, group: group, [], isDirectory: state.isDirectory)
        if let inherited = state.inherited {
            entries += Self.entries(
                inherited, owner: .creatorOwner, group: .creatorGroup,
                [.objectInherit, .containerInherit, .inheritOnly], isDirectory: true)
        }
        // Linux lets nobody have a list of more; what does not fit would only give less.
        discretionaryList = AccessControlList(allowing: Array(entries.prefix(500)))
    }

    private static func entries(
        _ list: PosixAccessList, owner: SecurityIdentifier, group: SecurityIdentifier,
        _ flags: AccessControlEntry.Flags,
        isDirectory: Bool
    ) -> [(SecurityIdentifier, AccessMask, AccessControlEntry.Flags)] {
        list.entries.compactMap { entry in
            let identifier: SecurityIdentifier
            switch entry.tag {
            case .owner: identifier = owner
            case .user: identifier = .user(entry.number)
            case .owningGroup: identifier = group
            case .group: identifier = .group(entry.number)
            case .others: identifier = .everyone
            case .mask: return nil
            }
            let rights = PermissionBits.rights(
                list.effective(entry), isOwner: entry.tag == .owner, isDirectory: isDirectory)
            return (identifier, rights, flags)
        }
    }
}

extension PosixAccessList {
    /// The POSIX ACL that says what the list says, as far as one can: an entry for each user and group of Linux that
    /// the list speaks of, with what the list gives to somebody who is just that. It is for local users; this server
    /// goes by the list.
    /// - Parameters:
    ///   - owner, group: whom the file belongs to; `ownerIdentifier` and its like stand for them in the list.
    ///   - list: nil gives everything to everybody.
    init(
        _ list: AccessControlList?, owner: SecurityIdentifier, group: SecurityIdentifier, ownsByName: Bool,
        isDirectory: Bool, _ mapping: IdentifierMapping
    ) {
        let all: Set<SecurityIdentifier> = [.everyone, .authenticatedUsers]
        func bits(_ identifiers: [SecurityIdentifier], isOwner: Bool = false) -> UInt32 {
            guard let list else { return 0o7 }
            return PermissionBits.bits(
                list.rights(of: all.union(identifiers), isOwner: isOwner), isDirectory: isDirectory)
        }
        func everyName(_ identifier: SecurityIdentifier) -> [SecurityIdentifier] {
            mapping.unixIdentifier(of: identifier).map(mapping.identifiers) ?? [identifier]
        }
        var users: [UInt32: UInt32] = [:]
        var groups: [UInt32: UInt32] = [:]
        for entry in list ?? AccessControlList(allowing: []) where !entry.flags.contains(.inheritOnly) {
            guard let identifier = entry.identifier, let unix = mapping.unixIdentifier(of: identifier) else { continue }
            let names = mapping.identifiers(of: unix)
            if names.contains(owner) || names.contains(group) { continue }
            switch unix {
            case .user(let number): users[number] = bits(names)
            case .group(let number): groups[number] = bits(names)
            }
        }
        let groupBits = bits(everyName(group))
        entries = [Entry(tag: .owner, permissions: bits(everyName(owner), isOwner: ownsByName))]
        entries += users.sorted { $0.key < $1.key }.map { Entry(tag: .user, permissions: $0.value, number: $0.key) }
        entries.append(Entry(tag: .owningGroup, permissions: groupBits))
        entries += groups.sorted { $0.key < $1.key }.map { Entry(tag: .group, permissions: $0.value, number: $0.key) }
        if entries.count > 2 {
            let mask = (users.values.map(\.self) + groups.values).reduce(groupBits, |)
            entries.append(Entry(tag: .mask, permissions: mask))
        }
        entries.append(Entry(tag: .others, permissions: bits([])))
    }
}

extension SecurityDescriptor {
    /// Mode and POSIX ACL for a file that belongs to `state`'s owner and group and has this descriptor.
    func reflected(in state: PosixState, _ mapping: IdentifierMapping) -> PosixState {
        var new = state
        let owner = SecurityIdentifier.user(state.owner)
        let group = SecurityIdentifier.group(state.group)
        let ownsByName = self.owner.map { mapping.identifiers(of: .user(state.owner)).contains($0) } ?? false
        new.access = PosixAccessList(
            discretionaryList, owner: owner, group: group, ownsByName: ownsByName, isDirectory: state.isDirectory,
            mapping)
        new.mode = state.mode & ~0o777 | new.access.mode
        if state.isDirectory {
            // For what local users make in the folder: what the list hands on to files and folders alike.
            let handedOn = try? discretionaryList?.inherited(
                isDirectory: true, owner: .creatorOwner, group: .creatorGroup, isAutomatic: false)
            new.inherited =
                handedOn.map {
                    PosixAccessList(
                        $0, owner: .creatorOwner, group: .creatorGroup, ownsByName: false, isDirectory: true, mapping)
                } ?? PosixAccessList(entries: [])
        }
        return new
    }
}
