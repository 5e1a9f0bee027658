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
        return try furnish(
            handle, in: folder, folderSecurity?.descriptor, parent.components + [name], parameters, as: user)
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

    /// Owner, attributes, space and extended attributes of what was just made. If it cannot have them, it is not taken
    /// away here: somebody may have opened it since, and only the engine knows.
    private func furnish(
        _ handle: OpenHandle, in folder: CInt, _ folderSecurity: SecurityDescriptor?,
        _ components: [NTName], _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        let descriptor = try handle.begin()
        defer { handle.end() }
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        // A folder is made first and opened then: what somebody has put in its place meanwhile gets nothing from us.
        let isMine = !identity.switches || status.user_id == user.userID
        let isListed = isMine && (folderSecurity != nil || parameters.securityDescriptor != nil)
        let file = LinuxFile(
            store: self, status: status, user: user, handle: handle, path: NTPath(components: components),
            isByList: identity.switches && isListed, isPOSIX: parameters.isPOSIX)
        do throws(NTStatus) {
            if try settleOwner(of: descriptor, in: folder, isMine: isMine, parameters) {
                try Linux.status(descriptor, into: &status).orThrow()
            }
            let kept = isMine ? try keepAttributes(parameters.attributes, on: descriptor, status) : nil
            // FILE_NO_COMPRESSION, [MS-FSA] 2.1.5.1.1: not even where the folder says so.
            if parameters.options.contains(.noCompression), status.isCompressed { try file.setCompressed(false) }
            if !parameters.extendedAttributes.isEmpty {
                try file.setExtendedAttributes(parameters.extendedAttributes, as: user)
            }
            if isListed {
                try file.setInitialSecurityDescriptor(
                    parameters.securityDescriptor, folder: folderSecurity, status, as: user)
            }
            if parameters.allocationSize > 0, !status.isDirectory {
                try file.setAllocationSize(parameters.allocationSize)
            }
            // All of that has moved the change time on, and the client is to be told the one that stays.
            try Linux.status(descriptor, into: &status).orThrow()
            let information = FileInformation(
                status, kept, announcedAllocation: announcedAllocations.byteCount(for: status.identity))
            // Who makes a file has what it asked for, [MS-FSA] 2.1.5.1.1, whatever the file's own rules say to others.
            return OpenedFile(
                file: file, action: .created, information: information,
                grantedAccess: try grantedToMaker(parameters.desiredAccess, user), maximalAccess: .fileAllAccess)
        } catch {
            try Linux.status(descriptor, into: &status).orThrow()
            return OpenedFile(unfinished: file, FileInformation(status, nil, announcedAllocation: 0), error)
        }
    }

    /// - Returns: whether anything was changed.
    private func settleOwner(
        of descriptor: CInt, in folder: CInt, isMine: Bool, _ parameters: OpenParameters
    ) throws(NTStatus) -> Bool {
        let inherits = options.inheritsOwner && identity.switches
        if inherits {
            guard isMine else { throw .accessDenied.because(.privilege) }
            var status = apus_statx()
            try Linux.status(folder, into: &status).orThrow()
            let owner = status.user_id
            try identity.insisting { Linux.setOwner(descriptor, user: owner, group: .max) }.orThrow()
        }
        let isNamed = parameters.userID != nil || parameters.groupID != nil
        if isNamed { own(descriptor, parameters) }
        return inherits || isNamed
    }

    /// - Returns: what is kept with the file; nil where the file system keeps nothing.
    private func keepAttributes(
        _ asked: FileAttributes, on descriptor: CInt, _ status: apus_statx
    ) throws(NTStatus) -> DOSAttributes? {
        // A new file is to be archived, [MS-FSA] 2.1.5.1.1; a folder only if the client says so.
        var attributes = asked.intersection(DOSAttributes.settableAttributes)
        if status.isDirectory { attributes.remove(.temporary) } else { attributes.insert(.archive) }
        let kept = DOSAttributes(attributes: attributes, creationTime: FileTime(status.bestBirthTime))
        return try keep(kept, on: descriptor) ? kept : nil
    }

    private func grantedToMaker(_ desired: AccessMask, _ user: Credentials) throws(NTStatus) -> AccessMask {
        if desired.contains(.accessSystemSecurity), !identity.switches || !hasRootPower(user) {
            throw .privilegeNotHeld.because(.privilege)
        }
        guard desired.contains(.maximumAllowed) else { return desired }
        return desired.union(.fileAllAccess).subtracting(.maximumAllowed)
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
