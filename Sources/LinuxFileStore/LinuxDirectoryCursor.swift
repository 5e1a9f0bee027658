import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFile {
    func makeDirectoryCursor(as user: Credentials) throws(NTStatus) -> any DirectoryCursor {
        guard isDirectory else { throw .invalidParameter }
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        let result =
            isByList
            ? store.identity.insisting { Linux.reopenFolder(descriptor) } : Linux.reopenFolder(descriptor)
        let reopened = OwnedDescriptor(try result.orThrow())
        return LinuxDirectoryCursor(
            store: store, user: user, components: path.components,
            showsLinks: isPOSIX || store.options.showsSymbolicLinks, reopened)
    }
}

/// Goes through a folder. What the file system lists is looked at only if its name is wanted.
final class LinuxDirectoryCursor: DirectoryCursor {
    private let store: LinuxFileStore
    private let user: Credentials
    private let components: [NTName]
    private var reader: DirectoryReader
    /// "." and "..", in this order, before all else, wherever the file system lists them.
    private var dotEntriesGiven = 0
    private var pushedBack: DirectoryEntry?
    /// Links are entries like others.
    private let showsLinks: Bool

    init(
        store: LinuxFileStore, user: Credentials, components: [NTName], showsLinks: Bool,
        _ descriptor: consuming OwnedDescriptor
    ) {
        self.store = store
        self.user = user
        self.components = components
        self.showsLinks = showsLinks
        reader = DirectoryReader(descriptor)
    }

    func pushBack(_ entry: DirectoryEntry) { pushedBack = entry }

    func rewind() throws(NTStatus) {
        try reader.rewind()
        dotEntriesGiven = 0
        pushedBack = nil
    }

    func next(matches: (NTName) -> Bool, wantsInformation: Bool) throws(NTStatus) -> DirectoryEntry? {
        if let entry = pushedBack.take() { return entry }
        try store.identity.act(as: user)
        while dotEntriesGiven < 2 {
            dotEntriesGiven += 1
            let name = NTName(dotEntriesGiven == 1 ? "." : "..")
            if matches(name) { return try dotEntry(name, isParent: dotEntriesGiven == 2) }
        }
        while try reader.advance() {
            guard !reader.isDotEntry else { continue }
            let name = reader.name
            guard matches(name), !store.options.isVetoed(name), !store.options.hidesUnreadable || isReadable(name),
                let information = try information(of: name, wantsInformation)
            else { continue }
            return DirectoryEntry(name: name, information: information)
        }
        return nil
    }

    /// `hide unreadable`.
    private func isReadable(_ name: NTName) -> Bool {
        guard let path = try? SystemPath(name) else { return false }
        let result = Linux.openBeneath(
            reader.rawDescriptor, path, flags: LinuxFileStore.pathOnly | O_NOFOLLOW, resolve: store.resolve)
        guard result >= 0 else { return false }
        let found = OwnedDescriptor(result)
        var status = apus_statx()
        guard Linux.status(found.raw, into: &status) >= 0 else { return false }
        return AccessCheck(
            store: store, user: user, status: status, descriptor: found.raw, isPathOnly: true, attributes: [],
            components: []
        ).mayBeSeen
    }

    /// nil for what is not to be seen: a link that is not followed or leads nowhere, or an entry that has gone
    /// meanwhile.
    private func information(of name: NTName, _ wantsInformation: Bool) throws(NTStatus) -> FileInformation? {
        if reader.type == .symbolicLink, !showsLinks { return try informationOfLink(name) }
        if !wantsInformation, reader.type != .unknown { return briefInformation() }
        // A name that no path can hold cannot be looked at either.
        guard let systemName = try? SystemPath(name) else { return nil }
        var status = apus_statx()
        let result = Linux.status(reader.rawDescriptor, systemName, into: &status)
        // Who may list a folder but not search it sees names only.
        if result.failed(EACCES) { return briefInformation() }
        guard result >= 0 else { return nil }
        if status.isSymbolicLink, !showsLinks { return try informationOfLink(name) }
        guard wantsInformation else { return briefInformation() }
        let directory = reader.rawDescriptor
        let attributes = attributes(ofEntry: systemName)
        var kept: DOSAttributes?
        if store.options.keepsDOSAttributes, attributes.mayHoldDOSAttributes {
            // SAFETY: the buffer is valid through the call.
            kept = unsafe store.identity.decoding {
                unsafe Linux.attribute(ofEntry: systemName, in: directory, DOSAttributes.attributeName, into: $0)
            }
        }
        var information = FileInformation(
            status, kept, announcedAllocation: store.announcedAllocations.byteCount(for: status.identity))
        information.extendedAttributeSize = attributes.byteCount
        if information.lacksTag {
            // SAFETY: the buffer is valid through the call.
            information.reparseTag = unsafe store.identity.reparseTag {
                unsafe Linux.attribute(ofEntry: systemName, in: directory, LinuxFile.reparseAttribute, into: $0)
            }
        }
        return information
    }

    /// Whether it is worth asking for what the server keeps there, and the size of the others that clients are told.
    private func attributes(ofEntry entry: SystemPath) -> (mayHoldDOSAttributes: Bool, byteCount: UInt32) {
        let directory = reader.rawDescriptor
        // SAFETY: only the bytes that the system says it has written are read.
        let plain: Bool? = unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            // SAFETY: as above.
            let count = unsafe Linux.attributeNames(ofEntry: entry, in: directory, into: buffer)
            if count == 0 { return false }
            guard count > 0 else { return count.failed(ERANGE) ? nil : true }
            // SAFETY: as above.
            return unsafe buffer[..<count].elementsEqual(DOSAttributes.attributeList) ? true : nil
        }
        // Most files have no attributes, or only DOSATTRIB.
        if let plain { return (plain, 0) }
        var names = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
        // SAFETY: the array is touched by nothing else during the call.
        let count = unsafe names.withUnsafeMutableBytes {
            unsafe Linux.attributeNames(ofEntry: entry, in: directory, into: $0)
        }
        names.removeLast(names.count - max(0, count))
        let byteCount = AttributeName.extendedAttributeSize(names.split(separator: 0)) { name in
            store.identity.insisting {
                // SAFETY: an empty buffer asks for the size.
                unsafe Linux.attribute(
                    ofEntry: entry, in: directory, name, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            }
        }
        return (true, byteCount)
    }

    private func briefInformation() -> FileInformation {
        var information = FileInformation()
        information.identity = FileIdentity(device: 0, index: reader.inode)
        if reader.type == .directory { information.attributes = .directory }
        return information
    }

    /// A link that may be followed stands for what it leads to.
    private func informationOfLink(_ name: NTName) throws(NTStatus) -> FileInformation? {
        guard store.options.followsSymbolicLinks else { return nil }
        return try? informationByPath(components + [name])
    }

    /// The folder's own, and its parent's; the share's root is its own parent.
    private func dotEntry(_ name: NTName, isParent: Bool) throws(NTStatus) -> DirectoryEntry {
        if isParent, !components.isEmpty,
            let information = try? informationByPath(Array(components.dropLast()))
        {
            return DirectoryEntry(name: name, information: information)
        }
        return DirectoryEntry(name: name, information: try informationOf(reader.rawDescriptor, isPathOnly: false))
    }

    private func informationByPath(_ components: [NTName]) throws(NTStatus) -> FileInformation {
        let path = try SystemPath(components)
        let found = OwnedDescriptor(try store.openBeneath(path, flags: LinuxFileStore.pathOnly).orThrow())
        return try informationOf(found.raw, isPathOnly: true)
    }

    private func informationOf(_ descriptor: CInt, isPathOnly: Bool) throws(NTStatus) -> FileInformation {
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        let kept = store.dosAttributes(descriptor, isPathOnly: isPathOnly)
        return FileInformation(
            status, kept, announcedAllocation: store.announcedAllocations.byteCount(for: status.identity))
    }
}
