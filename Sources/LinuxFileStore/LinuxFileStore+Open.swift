import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFileStore {
    /// [MS-FSA] 2.1.5.1.
    public func open(
        _ path: NTPath, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        try refuseVetoed(path.components)
        try identity.act(as: user)
        if let stream = path.stream { return try openStream(stream, of: path, parameters, as: user) }
        return try openFile(path, parameters, as: user)
    }

    func openFile(_ path: NTPath, _ parameters: OpenParameters, as user: Credentials) throws(NTStatus) -> OpenedFile {
        // Whoever finds a file that was not there when it wanted to create, or none where there was one, looks again.
        for _ in 0..<16 {
            do throws(NTStatus) {
                guard parameters.disposition != .create else { return try createNew(path, parameters, as: user) }
                let look = parameters.disposition.createsFile ? path.components.last.map(claims.look) : nil
                do throws(NTStatus) {
                    switch try find(path, parameters, as: user) {
                    case .file(let found): return try openExisting(found, parameters, as: user)
                    case .nothing(in: let parent, isFree: let isFree):
                        guard parameters.disposition.createsFile else { throw .objectNameNotFound }
                        return try createNew(path, in: parent, free: isFree ? look : nil, parameters, as: user)
                    }
                } catch .objectNameNotFound where parameters.disposition.createsFile {
                    // A link that nobody sees, say: its name is taken.
                    return try createNew(path, parameters, as: user)
                }
            } catch .objectNameCollision where parameters.disposition != .create {
                continue
            }
        }
        throw .objectNameCollision
    }

    // MARK: an existing file

    /// A file that was found, with the least rights that serve.
    private struct Found: ~Copyable {
        var descriptor: OwnedDescriptor
        var rights: OpenHandle.Rights
        var components: [NTName]
    }

    /// What a name was found to mean.
    private enum Sought: ~Copyable {
        case file(Found)
        /// - isFree: nor is there an entry in the folder that differs in case only.
        case nothing(in: FoundFolder, isFree: Bool)
    }

    private func openExisting(
        _ found: consuming Found, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        var status = apus_statx()
        try Linux.status(found.descriptor.raw, into: &status).orThrow()
        let showsLinks = parameters.isPOSIX || options.showsSymbolicLinks
        if status.isSymbolicLink {
            guard showsLinks else { throw .objectNameNotFound }
            guard parameters.options.contains(.openReparsePoint) || parameters.meansTheLink else {
                throw .stoppedOnSymlink
            }
        }
        let kept = dosAttributes(found.descriptor.raw, isPathOnly: found.rights.isEmpty)
        var information = FileInformation(
            status, kept, announcedAllocation: announcedAllocations.byteCount(for: status.identity))
        if information.lacksTag, !parameters.options.contains(.openReparsePoint) {
            throw refusal(of: found.descriptor.raw, isPathOnly: found.rights.isEmpty)
        }
        try Self.checkType(isDirectory: status.isDirectory, parameters.options)
        try Self.checkAttributes(information, parameters)
        if parameters.options.contains(.noExtendedAttributeKnowledge) {
            try requireNoNeededAttributes(found.descriptor.raw, isPathOnly: found.rights.isEmpty)
        }
        let check = AccessCheck(
            store: self, user: user, status: status, descriptor: found.descriptor.raw,
            isPathOnly: found.rights.isEmpty, attributes: information.attributes, components: found.components)
        let implied = Self.impliedAccess(parameters)
        if !implied.isEmpty { _ = try check.granted(implied) }
        let granted = try check.granted(parameters.desiredAccess)
        let maximal = parameters.wantsMaximalAccess ? check.maximalAccess() : granted
        let components = found.components
        let rights = found.rights
        let handle = OpenHandle(found.descriptor, rights: rights)
        let file = LinuxFile(
            store: self, status: status, user: user, handle: handle, path: NTPath(components: components),
            isByList: check.kept?.isVerified == true, isPOSIX: parameters.isPOSIX)
        if information.lacksTag {
            let descriptor = try handle.begin()
            defer { handle.end() }
            information.reparseTag = file.reparseTag(descriptor)
        }
        return OpenedFile(
            file: file, action: .opened, information: information, grantedAccess: granted, maximalAccess: maximal)
    }

    /// [MS-FSA] 2.1.5.1.2: who knows nothing of EAs cannot make sense of a file that has some which must be known.
    private func requireNoNeededAttributes(_ descriptor: CInt, isPathOnly: Bool) throws(NTStatus) {
        let name = try SystemPath(attribute: AttributeName.neededAttributes)
        // SAFETY: an empty buffer asks for the size.
        let result = identity.insisting {
            unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, name, into: .init(start: nil, count: 0))
        }
        if result > 0 { throw .accessDenied.because(.request) }
    }

    /// [MS-FSA] 2.1.5.1: a reparse point that was met without FILE_OPEN_REPARSE_POINT. A link's target is the client's
    /// to find, [MS-SMB2] 3.3.5.9.
    private func refusal(of descriptor: CInt, isPathOnly: Bool) -> NTStatus {
        // SAFETY: the buffer is valid through the call.
        let tag = unsafe identity.reparseTag {
            unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, LinuxFile.reparseAttribute, into: $0)
        }
        return tag == ReparseBuffer.symbolicLinkTag ? .stoppedOnSymlink : .ioReparseTagNotHandled
    }

    /// [MS-FSA] 2.1.5.1: what kind of thing the client said it wants.
    static func checkType(isDirectory: Bool, _ options: CreateOptions) throws(NTStatus) {
        if isDirectory, options.contains(.nonDirectoryFile) { throw .fileIsADirectory }
        if !isDirectory, options.contains(.directoryFile) { throw .notADirectory }
    }

    private static func checkAttributes(
        _ information: FileInformation, _ parameters: OpenParameters
    ) throws(NTStatus) {
        let attributes = information.attributes
        // [MS-FSA] 2.1.5.1.2: a read-only file cannot be deleted, on close either.
        if parameters.options.contains(.deleteOnClose), attributes.contains(.readOnly) {
            throw .cannotDelete.because(.readOnlyAttribute)
        }
        guard parameters.disposition.replacesData else { return }
        // [MS-FSA] 2.1.5.1.2: a folder has no data to replace.
        if information.isDirectory { throw .objectNameCollision }
        if attributes.contains(.readOnly) { throw .accessDenied.because(.readOnlyAttribute) }
        // [MS-FSA] 2.1.5.1.2: who overwrites a hidden or system file must know that it is one.
        if parameters.disposition != .supersede,
            !attributes.intersection([.hidden, .system]).isSubset(of: parameters.attributes)
        {
            throw .accessDenied.because(.hiddenAttribute)
        }
    }

    /// [MS-FSA] 2.1.5.1.2: rights that a disposition needs whether or not the client asks for them.
    private static func impliedAccess(_ parameters: OpenParameters) -> AccessMask {
        switch parameters.disposition {
        case .open, .create, .openIf: []
        case .overwrite, .overwriteIf: [.writeData, .writeExtendedAttributes, .writeAttributes]
        // A file that is superseded is another one, yet what others have open is written over.
        case .supersede: [.delete, .writeData]
        }
    }

    private func find(
        _ path: NTPath, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> Sought {
        let exact = try SystemPath(path.components)
        let (result, rights) = openLeast(exact, parameters, as: user)
        if result >= 0 {
            return .file(
                Found(descriptor: OwnedDescriptor(result), rights: rights, components: path.components))
        }
        guard result.failed(ENOENT) || result.failed(ENOTDIR), let name = path.components.last else {
            if result.failed(ELOOP), parameters.isPOSIX || options.showsSymbolicLinks { throw .stoppedOnSymlink }
            throw openError(result, path, parameters, as: user)
        }
        // Not there by this name. In which folder would it be, and by which other spelling?
        let caseSensitive = isCaseSensitive(parameters)
        let parent = try openParentForOpen(of: path.components, parameters)
        guard !caseSensitive else { return .nothing(in: parent, isFree: true) }
        guard let spelling = try otherSpelling(of: name, in: parent.descriptor.raw) else {
            return .nothing(in: parent, isFree: true)
        }
        guard !options.isVetoed(spelling) else { return .nothing(in: parent, isFree: false) }
        let components = parent.components + [spelling]
        let (second, secondRights) = openLeast(try SystemPath(components), parameters, as: user)
        guard second >= 0 else { throw openError(second, NTPath(components: components), parameters, as: user) }
        return .file(Found(descriptor: OwnedDescriptor(second), rights: secondRights, components: components))
    }

    /// Opens with what the desired access needs of the kernel, and nothing more. Nothing here waits: a fifo or a
    /// device is opened as a name only.
    private func openLeast(
        _ path: SystemPath, _ parameters: OpenParameters, as user: Credentials
    ) -> (Int, OpenHandle.Rights) {
        let desired = parameters.desiredAccess
        let writes = !desired.isDisjoint(with: AccessCheck.writing) && !parameters.options.contains(.directoryFile)
        let reads = !desired.isDisjoint(with: [.readData, .execute])
        // A device does something when it is opened: Linux clients, which may well have some, only want to look at it.
        if parameters.isPOSIX, !writes, !reads { return (openBeneath(path, flags: Self.pathOnly | O_NOFOLLOW), []) }
        let rights: OpenHandle.Rights = writes ? (reads ? [.read, .write] : .write) : .read
        let mode = writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY
        let showsLinks = parameters.isPOSIX || options.showsSymbolicLinks
        let unblocked = O_NONBLOCK | O_NOCTTY | (showsLinks ? O_NOFOLLOW : 0)
        var result = openBeneath(path, flags: mode | unblocked)
        if showsLinks, result.failed(ELOOP) { return (openBeneath(path, flags: Self.pathOnly | O_NOFOLLOW), []) }
        if result.failed(EISDIR) {
            result = openBeneath(path, flags: O_RDONLY | unblocked)
            return (result, .read)
        }
        // Somebody holds a lease on the file (fcntl(2), F_SETLEASE): the kernel asks for it back and this open waits.
        if result.failed(EAGAIN) { result = openBeneath(path, flags: mode | O_NOCTTY) }
        // A socket or a fifo without reader; a program that runs; a file whose data the user may not read or write.
        // What asks for no data still gets to know about it.
        let asksForNoData = !writes && !reads
        if result.failed(ENXIO) || result.failed(ENODEV) || (asksForNoData && result.failed(EACCES)) {
            return (openBeneath(path, flags: Self.pathOnly), [])
        }
        if result.failed(EACCES), let opened = openByList(path, flags: mode | unblocked, desired, as: user) {
            return (opened, rights)
        }
        return (result, rights)
    }

    /// A POSIX ACL cannot say all that a descriptor does: that somebody has the rights of several entries together, or
    /// may run a file and not read it. While owner, mode and POSIX ACL are just what the file's descriptor was made
    /// into, the descriptor is the whole truth and they are its shadow: what it gives is opened with root's power.
    /// Folders on the way stay the kernel's to judge.
    /// - Returns: nil where the descriptor does not give it either.
    private func openByList(
        _ path: SystemPath, flags: CInt, _ desired: AccessMask, as user: Credentials
    ) -> Int? {
        guard identity.switches, !hasRootPower(user) else { return nil }
        let result = openBeneath(path, flags: Self.pathOnly)
        guard result >= 0 else { return nil }
        let found = OwnedDescriptor(result)
        // What is opened is the very file behind this descriptor, wherever its name leads by now; and no device.
        var status = apus_statx()
        guard Linux.status(found.raw, into: &status) >= 0, status.isRegular || status.isDirectory else { return nil }
        guard let kept = keptSecurityDescriptor(found.raw, isPathOnly: true, status), kept.isVerified else {
            return nil
        }
        let data = desired.intersection([.readData, .writeData, .appendData, .execute])
        guard data.isSubset(of: kept.descriptor.rights(of: identifiers(of: user))) else { return nil }
        let opened = identity.insisting { Linux.reopen(found.raw, flags: flags) }
        return opened >= 0 ? opened : nil
    }

    private func openError(
        _ result: Int, _ path: NTPath, _ parameters: OpenParameters, as user: Credentials
    ) -> NTStatus {
        let status: NTStatus
        switch CInt(truncatingIfNeeded: -result) {
        case ELOOP, EXDEV:
            // A link. Which component it is decides between name and path.
            status =
                (try? openParent(of: path.components, caseSensitive: true)) == nil
                ? .objectPathNotFound : .objectNameNotFound
        default: status = NTStatus(result: result)
        }
        return explained(status, result, path.components, parameters.desiredAccess, as: user)
    }

    /// The file's DOSATTRIB; nil where there is none, or none that makes sense.
    func dosAttributes(_ descriptor: CInt, isPathOnly: Bool) -> DOSAttributes? {
        guard options.keepsDOSAttributes else { return nil }
        // SAFETY: the buffer is valid through the call.
        return unsafe identity.decoding {
            unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, DOSAttributes.attributeName, into: $0)
        }
    }
}

extension ThreadIdentity {
    /// DOSATTRIB as `read` gets it into a buffer: on the stack, since every open does this.
    @inline(__always)
    func decoding(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> DOSAttributes? {
        // SAFETY: only the bytes that the system says it has written are read.
        unsafe withUnsafeTemporaryAllocation(byteCount: DOSAttributes.byteCountMax, alignment: 8) { buffer in
            let count = insisting { unsafe read(buffer) }
            guard count > 0, count <= buffer.count else { return nil }
            let bytes = unsafe Span<UInt8>(
                _unsafeStart: buffer.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
            return DOSAttributes(bytes)
        }
    }
}

extension OpenParameters {
    /// Linux goes where a link leads by itself, and never has the server do it: whoever sets times, mode or owner there
    /// means the link, although such an open lacks FILE_OPEN_REPARSE_POINT. One that would look or read is told where
    /// the link leads.
    fileprivate var meansTheLink: Bool {
        let metadata: AccessMask = [.writeAttributes, .writeDAC, .writeOwner, .synchronize]
        return isPOSIX && disposition == .open && desiredAccess.isSubset(of: metadata)
    }
}

extension CreateDisposition {
    /// A file that is not there is made.
    fileprivate var createsFile: Bool {
        switch self {
        case .open, .overwrite: false
        case .create, .openIf, .overwriteIf, .supersede: true
        }
    }

    /// An existing file's data goes.
    var replacesData: Bool {
        switch self {
        case .open, .create, .openIf: false
        case .supersede, .overwrite, .overwriteIf: true
        }
    }
}
