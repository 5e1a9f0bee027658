import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFileStore {
    /// [MS-FSA] 2.1.5.1.1: a new file or folder.
    func createNew(
        _ path: NTPath, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        guard !path.isRoot else {
            try Self.checkType(isDirectory: true, parameters.options)
            throw .objectNameCollision
        }
        let parent = try openParentForOpen(of: path.components, parameters)
        return try createNew(path, in: parent, free: nil, parameters, as: user)
    }

    /// - Parameters:
    ///   - parent: the folder that it is made in.
    ///   - free: nothing there has that name in another spelling, as was found by this look; nil: nobody has looked.
    func createNew(
        _ path: NTPath, in parent: consuming FoundFolder, free: NameClaims.Look?, _ parameters: OpenParameters,
        as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        guard var name = path.components.last else { throw .objectNameCollision }
        let isDirectory = parameters.options.contains(.directoryFile)
        // [MS-FSA] 2.1.5.1.1: what is made read-only could not be deleted on close.
        if parameters.options.contains(.deleteOnClose), parameters.attributes.contains(.readOnly) {
            throw .cannotDelete.because(.readOnlyAttribute)
        }
        let caseSensitive = isCaseSensitive(parameters)
        var free = free
        if !caseSensitive, options.findsShortNames,
            let longName = tunnel.longName(of: name, in: parent.descriptor.raw)
        {
            name = longName
            free = nil
        }
        let systemName = try SystemPath(name)
        let look = free ?? claims.look(for: name)
        if free == nil, !caseSensitive, try otherSpelling(of: name, in: parent.descriptor.raw) != nil {
            throw .objectNameCollision
        }
        let folderSecurity = keptSecurityDescriptor(parent.descriptor.raw, isPathOnly: true)
        if let folderSecurity {
            try checkAdding(isDirectory: isDirectory, to: parent.descriptor.raw, as: user, folderSecurity)
        }
        let folder = parent.descriptor.raw
        let handle = try give(name, in: folder, foundFreeBy: look, caseSensitive: caseSensitive) {
            () throws(NTStatus) in
            try make(systemName, in: folder, isDirectory: isDirectory, parameters)
        }
        let components = parent.components + [name]
        do throws(NTStatus) {
            return try furnish(
                handle, in: parent.descriptor.raw, folderSecurity?.descriptor, components, parameters, as: user)
        } catch {
            // Half a file is none.
            _ = Linux.unlink(parent.descriptor.raw, systemName, isDirectory: isDirectory)
            throw error
        }
    }

    /// Exactly one of those who call at once succeeds; the others get objectNameCollision.
    private func make(
        _ name: SystemPath, in folder: CInt, isDirectory: Bool, _ parameters: OpenParameters
    ) throws(NTStatus) -> OpenHandle {
        let mask = isDirectory ? options.directoryMask : options.createMask
        let forced = isDirectory ? options.forceDirectoryMode : options.forceCreateMode
        let mode = parameters.mode.map { $0 & 0o7777 } ?? (0o777 & mask | forced)
        guard isDirectory else {
            let made = Linux.create(folder, name, mode: mode)
            if made.failed(ENOENT) { throw .objectPathNotFound }
            guard made >= 0 else { throw refusedAdding(made, to: folder) }
            let descriptor = OwnedDescriptor(made)
            try settle(mode, of: descriptor.raw, in: folder, isExact: parameters.mode != nil, forced: forced)
            return OpenHandle(descriptor, rights: [.read, .write])
        }
        let made = Linux.makeFolder(folder, name, mode: mode)
        if made.failed(ENOENT) { throw .objectPathNotFound }
        guard made >= 0 else { throw refusedAdding(made, to: folder) }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        var opened = Linux.openBeneath(folder, name, flags: flags, resolve: resolve)
        // The folder's default ACL may keep its maker from reading it.
        let isPathOnly = opened.failed(EACCES)
        if isPathOnly { opened = Linux.openBeneath(folder, name, flags: Self.pathOnly | flags, resolve: resolve) }
        let descriptor = OwnedDescriptor(try opened.orThrow())
        try settle(mode, of: descriptor.raw, in: folder, isExact: parameters.mode != nil, forced: forced)
        return OpenHandle(descriptor, rights: isPathOnly ? [] : .read)
    }

    /// Gives the file the permission bits that the process's umask, or mkdir's rules, kept from it. A default ACL of
    /// the folder may have kept others on purpose: then only what the client or the share insists on is made good.
    private func settle(
        _ mode: UInt32, of descriptor: CInt, in folder: CInt, isExact: Bool, forced: UInt32
    ) throws(NTStatus) {
        var wanted = isExact ? mode : forced
        if !isExact, mode & processMask != 0, !hasDefaultList(folder) { wanted |= mode & processMask }
        guard isExact || wanted != 0 else { return }
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        let present = UInt32(status.mode) & 0o7777
        // A folder hands its set-group-ID bit on.
        wanted |= isExact ? present & 0o2000 : present
        if wanted != present { try Linux.setMode(descriptor, wanted).orThrow() }
    }

    private func hasDefaultList(_ folder: CInt) -> Bool {
        // SAFETY: an empty buffer asks for the size.
        unsafe Linux.attribute(folder, isPathOnly: true, Self.defaultList, into: .init(start: nil, count: 0)) > 0
    }
    private static let defaultList = SystemPath(literal: "system.posix_acl_default")

    /// Owner, attributes, space and extended attributes of what was just made.
    private func furnish(
        _ handle: OpenHandle, in folder: CInt, _ folderSecurity: SecurityDescriptor?,
        _ components: [NTName], _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        let descriptor = try handle.begin()
        defer { handle.end() }
        var status = apus_statx()
        if options.inheritsOwner, identity.switches {
            try Linux.status(folder, into: &status).orThrow()
            let owner = status.user_id
            try Linux.status(descriptor, into: &status).orThrow()
            guard status.user_id == user.userID else { throw .accessDenied.because(.privilege) }
            try identity.insisting { Linux.setOwner(descriptor, user: owner, group: .max) }.orThrow()
        }
        if parameters.userID != nil || parameters.groupID != nil { own(descriptor, parameters) }
        try Linux.status(descriptor, into: &status).orThrow()
        // A new file is to be archived, [MS-FSA] 2.1.5.1.1; a folder only if the client says so.
        var attributes = parameters.attributes.intersection(DOSAttributes.settableAttributes)
        if status.isDirectory { attributes.remove(.temporary) } else { attributes.insert(.archive) }
        let kept = DOSAttributes(attributes: attributes, creationTime: FileTime(status.bestBirthTime))
        // A folder is made first and opened then: what somebody has put in its place meanwhile gets nothing from us.
        let isMine = !identity.switches || options.inheritsOwner || status.user_id == user.userID
        let isKept = isMine ? try keep(kept, on: descriptor) : false
        let isListed = folderSecurity != nil || parameters.securityDescriptor != nil
        let file = LinuxFile(
            store: self, status: status, user: user, handle: handle, path: NTPath(components: components),
            isByList: identity.switches && isListed && isMine, isPOSIX: parameters.isPOSIX)
        do throws(NTStatus) {
            // FILE_NO_COMPRESSION, [MS-FSA] 2.1.5.1.1: not even where the folder says so.
            if parameters.options.contains(.noCompression), status.isCompressed {
                try file.setCompressed(false)
                status.isCompressed = false
            }
            if !parameters.extendedAttributes.isEmpty {
                try file.setExtendedAttributes(parameters.extendedAttributes, as: user)
            }
            if isMine, isListed {
                try file.setInitialSecurityDescriptor(
                    parameters.securityDescriptor, folder: folderSecurity, status, as: user)
            }
            if parameters.allocationSize > 0, !status.isDirectory {
                try file.setAllocationSize(parameters.allocationSize)
            }
            // All of that has moved the change time on, and the client is to be told the one that stays.
            let descriptor = try handle.begin()
            defer { handle.end() }
            try Linux.status(descriptor, into: &status).orThrow()
        } catch {
            file.close()
            throw error
        }
        let information = FileInformation(
            status, isKept ? kept : nil, announcedAllocation: announcedAllocations.byteCount(for: status.identity))
        // Who makes a file has what it asked for, [MS-FSA] 2.1.5.1.1, whatever the file's own rules say to others.
        let maximal = AccessMask.fileAllAccess
        var granted = parameters.desiredAccess
        if granted.contains(.accessSystemSecurity), !identity.switches || !hasRootPower(user) {
            throw .privilegeNotHeld.because(.privilege)
        }
        if granted.contains(.maximumAllowed) { granted = granted.union(maximal).subtracting(.maximumAllowed) }
        return OpenedFile(
            file: file, action: .created, information: information, grantedAccess: granted, maximalAccess: maximal)
    }

    /// Writes DOSATTRIB.
    /// - Returns: false where the file system keeps none, which is not an error.
    @discardableResult
    func keep(_ attributes: DOSAttributes, on descriptor: CInt) throws(NTStatus) -> Bool {
        guard options.keepsDOSAttributes else { return false }
        let value = attributes.encoded
        let result = identity.insisting {
            Linux.setAttribute(descriptor, DOSAttributes.attributeName, value)
        }
        if result.failed(EOPNOTSUPP) {
            warnOfMissingAttributes()
            return false
        }
        // User attributes belong to files and folders; others, xattr(7), cannot have any.
        if result.failed(EPERM) { return false }
        try result.orThrow()
        return true
    }
}
