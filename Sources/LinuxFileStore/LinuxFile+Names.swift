import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// Where a file's name is.
struct Place: ~Copyable {
    let folder: FoundFolder
    let name: NTName
    let systemName: SystemPath
}

extension LinuxFile {
    /// The folder this file's name is in and that name, which was this file's a moment ago: what acts on it must not
    /// meet another file that has come to its place, see `requireStill`.
    ///
    /// The name this handle knows may be out of date: another handle, or a local process, has renamed the file or a
    /// folder above it. Then the kernel is asked, and its answer checked in the same way.
    func locate() throws(NTStatus) -> Place {
        let known = path
        do throws(NTStatus) {
            return try locate(known.components)
        } catch {
            guard [.objectNameNotFound, .objectPathNotFound].contains(error), let now = currentComponents() else {
                throw error
            }
            let place = try locate(now)
            path = NTPath(components: now, stream: known.stream)
            return place
        }
    }

    private func currentComponents() -> [NTName]? {
        guard let descriptor = try? handle.begin() else { return nil }
        defer { handle.end() }
        guard let root = Linux.location(store.rootDescriptor), let mine = Linux.location(descriptor) else { return nil }
        let slash = UInt8(ascii: "/")
        let prefix = root == [slash] ? root : root + [slash]
        guard mine.starts(with: prefix) else { return nil }
        return mine.dropFirst(prefix.count).split(separator: slash).map { NTName(utf8: Array($0)) }
    }

    private func locate(_ components: [NTName]) throws(NTStatus) -> Place {
        guard let last = components.last else { throw .accessDenied.because(.shareRoot) }
        let folder = try store.openParent(of: components, caseSensitive: true)
        let name = try SystemPath(last)
        var status = apus_statx()
        try Linux.status(folder.descriptor.raw, name, into: &status).orThrow()
        guard status.identity == replacedIdentity.withLock({ $0 }) ?? identity else { throw .objectNameNotFound }
        return Place(folder: folder, name: last, systemName: name)
    }

    /// Called with the name held, `NameClaims`: until it is let go, nobody else whom this process serves changes it.
    func requireStill(_ place: borrowing Place) throws(NTStatus) {
        guard isStill(place.systemName, in: place.folder.descriptor.raw) else { throw .objectNameNotFound }
    }

    /// The name is still this file's.
    private func isStill(_ name: SystemPath, in folder: CInt) -> Bool {
        (replacedIdentity.withLock { $0 } ?? identity).has(name, in: folder)
    }

    func checkRemovable(as user: Credentials, ignoresReadOnly: Bool) throws(NTStatus) {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        let (information, _, status) = try readInformation(descriptor)
        // [MS-FSA] 2.1.5.15.3.
        if information.attributes.contains(.readOnly), !ignoresReadOnly {
            throw .cannotDelete.because(.readOnlyAttribute)
        }
        let components = path.components
        // The root of the share stays.
        guard !components.isEmpty else { throw .accessDenied.because(.shareRoot) }
        if isDirectory {
            guard try isEmptyFolder(descriptor) else { throw .directoryNotEmpty }
        }
        let folder = try store.openParent(of: components, caseSensitive: true)
        guard
            store.mayDelete(ownedBy: status.user_id, in: folder.descriptor.raw, as: user)
                || store.mayDeleteByList(
                    descriptor, isPathOnly: handle.isPathOnly, in: folder.descriptor.raw, as: user)
        else { throw .accessDenied.because(.undeletable) }
    }

    func isEmptyFolder(_ descriptor: CInt) throws(NTStatus) -> Bool {
        // Whether it is empty is no secret: taking it away would tell.
        let reopened = store.identity.insisting { Linux.reopenFolder(descriptor) }
        var reader = DirectoryReader(OwnedDescriptor(try reopened.orThrow()))
        while try reader.advance() {
            if !reader.isDotEntry { return false }
        }
        return true
    }

    func removeFile(as user: Credentials) throws(NTStatus) { try remove(as: user) }

    func remove(as user: Credentials) throws(NTStatus) {
        try store.identity.act(as: user)
        let place = try locate()
        try store.claims.take(place.name) { () throws(NTStatus) in
            try requireStill(place)
            try remove(place, as: user)
        }
    }

    private func remove(_ place: borrowing Place, as user: Credentials) throws(NTStatus) {
        let folder = place.folder.descriptor.raw
        let isDirectory = isDirectory && replacedIdentity.withLock { $0 == nil }
        var result = Linux.unlink(folder, place.systemName, isDirectory: isDirectory)
        if result.failed(EACCES) || result.failed(EPERM), isByList {
            // The folder's mode has nothing to say if the file itself may be deleted.
            let descriptor = try handle.begin()
            defer { handle.end() }
            if store.mayDeleteByList(descriptor, isPathOnly: handle.isPathOnly, in: folder, as: user) {
                result = store.identity.insisting {
                    // Once more: root's power takes whatever a local program has put there by now.
                    isStill(place.systemName, in: folder)
                        ? Linux.unlink(folder, place.systemName, isDirectory: isDirectory) : -Int(EACCES)
                }
            }
        }
        // Some file systems say so of a folder with entries.
        if isDirectory, result.failed(EEXIST) { throw .directoryNotEmpty }
        try result.orThrow()
    }

    /// [MS-FSA] 2.1.5.15.11.
    func rename(to path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus) {
        try store.refuseVetoed(path.components)
        // The root of a share has no name in it.
        guard let newName = path.components.last, !self.path.isRoot else { throw .accessDenied.because(.shareRoot) }
        try store.identity.act(as: user)
        let source = try locate()
        let caseSensitive = isPOSIX || store.options.isCaseSensitive
        let target = try store.openParent(of: path.components, caseSensitive: caseSensitive)
        try store.requireOrdinary(target)
        try store.checkAdding(isDirectory: isDirectory, to: target.descriptor.raw, as: user)
        let look = store.claims.look(for: newName)
        let folder = target.descriptor.raw
        if let present = try store.spelling(of: newName, in: folder, caseSensitive: caseSensitive) {
            try rename(source, to: newName, in: target, onto: present, foundBy: look, replacing, as: user)
        } else {
            let systemName = try SystemPath(newName)
            try store.give(
                newName, in: folder, foundFreeBy: look, taking: [source.name], caseSensitive: caseSensitive
            ) { () throws(NTStatus) in
                try requireStill(source)
                try move(source.folder.descriptor.raw, source.systemName, to: folder, systemName, replaces: false)
            }
        }
        self.path = NTPath(components: target.components + [newName], stream: self.path.stream)
    }

    /// - Parameter present: what the new name means to clients: another file, which goes, or this one, by another
    ///   spelling or name.
    /// - Throws: `.objectNameCollision` if that has come to be another file since it was looked at.
    private func rename(
        _ source: borrowing Place, to newName: NTName, in target: borrowing FoundFolder, onto present: NTName,
        foundBy look: NameClaims.Look, _ replacing: Replacing, as user: Credentials
    ) throws(NTStatus) {
        let folder = target.descriptor.raw
        let (systemName, presentName) = (try SystemPath(newName), try SystemPath(present))
        var status = apus_statx()
        try Linux.status(folder, presentName, into: &status).orThrow()
        let isSameFile = status.identity == identity
        if !isSameFile { try checkReplaceable(status, present, in: target, replacing, as: user) }
        try store.claims.give(look, taking: [source.name, present]) { _ throws(NTStatus) in
            try requireStill(source)
            guard status.identity.has(presentName, in: folder) else { throw .objectNameCollision }
            // Onto the name that is there first: so the file it stood for goes, and at no time is there none.
            let first = isSameFile ? systemName : presentName
            try move(source.folder.descriptor.raw, source.systemName, to: folder, first, replaces: true)
            if !isSameFile, present != newName {
                try move(folder, presentName, to: folder, systemName, replaces: true)
            }
        }
    }

    /// Whether the file that has the new name may give way.
    private func checkReplaceable(
        _ status: apus_statx, _ name: NTName, in folder: borrowing FoundFolder, _ replacing: Replacing,
        as user: Credentials
    ) throws(NTStatus) {
        guard replacing.contains(.files) else { throw .objectNameCollision }
        // [MS-FSA] 2.1.5.15.11: no folder is replaced, and no file that is read-only. With POSIX semantics NTFS has an
        // empty folder give way to a folder; rename(2) sees to it that it is empty.
        if status.isDirectory, !(isDirectory && replacing.contains(.emptyFolders)) { throw .accessDenied }
        let found = OwnedDescriptor(
            try Linux.openBeneath(
                folder.descriptor.raw, try SystemPath(name), flags: LinuxFileStore.pathOnly | O_NOFOLLOW,
                resolve: store.resolve
            ).orThrow())
        let kept = store.dosAttributes(found.raw, isPathOnly: true)
        if kept?.attributes.contains(.readOnly) == true, !replacing.contains(.readOnly) {
            throw .accessDenied.because(.readOnlyAttribute)
        }
        // The user must be allowed to delete it.
        let check = AccessCheck(
            store: store, user: user, status: status, descriptor: found.raw, isPathOnly: true,
            attributes: kept?.attributes ?? [], components: folder.components + [name])
        _ = try check.granted(.delete)
    }

    private func move(
        _ folder: CInt, _ name: SystemPath, to newFolder: CInt, _ newName: SystemPath, replaces: Bool
    ) throws(NTStatus) {
        var result = Linux.rename(folder, name, to: newFolder, newName, replaces: replaces)
        if !replaces, result.failed(EINVAL) || result.failed(ENOSYS) {
            // A file system without RENAME_NOREPLACE: the look above is all the protection there is. EINVAL may also
            // mean that a folder would come to be inside itself; then it is said again.
            var status = apus_statx()
            if Linux.status(newFolder, newName, into: &status) >= 0 { throw .objectNameCollision }
            result = Linux.rename(folder, name, to: newFolder, newName, replaces: true)
        }
        if replaces, result.failed(ENOTDIR) { result = exchange(folder, name, with: newFolder, newName) }
        if result.failed(EXDEV) { throw .notSameDevice }
        if result.failed(ENOTEMPTY) || result.failed(EEXIST), replaces { throw .directoryNotEmpty }
        if result.failed(EISDIR) { throw .accessDenied }
        if result.failed(EINVAL) { throw .invalidParameter }
        guard result >= 0 else { throw store.refusedAdding(result, to: newFolder) }
    }

    /// A folder takes a file's name, as on NTFS, and as rename(2) does not have it: they change places, so that at no
    /// time there is nothing of that name, and the file goes from where the folder was.
    private func exchange(
        _ folder: CInt, _ name: SystemPath, with newFolder: CInt, _ newName: SystemPath
    ) -> Int {
        let result = Linux.exchange(folder, name, with: newFolder, newName)
        guard result >= 0 else { return result.failed(EINVAL) ? -Int(EISDIR) : result }
        let gone = Linux.unlink(folder, name, isDirectory: false)
        if gone < 0 { _ = Linux.exchange(folder, name, with: newFolder, newName) }
        return gone
    }

    /// [MS-FSA] 2.1.5.15.6.
    func link(at path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus) -> NTPath {
        try store.refuseVetoed(path.components)
        guard let newName = path.components.last, path.stream == nil else { throw .objectNameInvalid }
        if isDirectory { throw .fileIsADirectory }
        try store.identity.act(as: user)
        let source = try locate()
        let caseSensitive = isPOSIX || store.options.isCaseSensitive
        let target = try store.openParent(of: path.components, caseSensitive: caseSensitive)
        try store.requireOrdinary(target)
        try store.checkAdding(isDirectory: isDirectory, to: target.descriptor.raw, as: user)
        let made = NTPath(components: target.components + [newName])
        let look = store.claims.look(for: newName)
        let present = try store.spelling(of: newName, in: target.descriptor.raw, caseSensitive: caseSensitive)
        if let present {
            let presentName = try SystemPath(present)
            var status = apus_statx()
            try Linux.status(target.descriptor.raw, presentName, into: &status).orThrow()
            try checkReplaceable(status, present, in: target, replacing, as: user)
            if status.identity == identity { return made }
            try store.claims.give(look, taking: [source.name, present]) { _ throws(NTStatus) in
                guard status.identity.has(presentName, in: target.descriptor.raw) else { throw .objectNameCollision }
                try linkReplacing(source, in: target.descriptor.raw, presentName, newName)
            }
            return made
        }
        let (folder, systemName) = (target.descriptor.raw, try SystemPath(newName))
        try store.give(
            newName, in: folder, foundFreeBy: look, taking: [source.name], caseSensitive: caseSensitive
        ) { () throws(NTStatus) in
            try link(source, to: folder, systemName)
        }
        return made
    }

    private func link(_ source: borrowing Place, to folder: CInt, _ name: SystemPath) throws(NTStatus) {
        try requireStill(source)
        let result = Linux.link(source.folder.descriptor.raw, source.systemName, to: folder, name)
        if result.failed(EXDEV) { throw .notSameDevice }
        try result.orThrow()
    }

    /// By way of a name of its own, so that at no time there is no file of that name, nor if it fails.
    private func linkReplacing(
        _ source: borrowing Place, in folder: CInt, _ present: SystemPath, _ newName: NTName
    ) throws(NTStatus) {
        let temporary = try SystemPath.temporary()
        try link(source, to: folder, temporary)
        do throws(NTStatus) {
            try move(folder, temporary, to: folder, present, replaces: true)
        } catch {
            _ = Linux.unlink(folder, temporary, isDirectory: false)
            throw error
        }
        // The spelling of the new name; the same one is no move.
        try move(folder, present, to: folder, try SystemPath(newName), replaces: true)
    }
}

extension FileIdentity {
    /// The name leads to this file now.
    fileprivate func has(_ name: SystemPath, in folder: CInt) -> Bool {
        var status = apus_statx()
        return Linux.status(folder, name, into: &status) >= 0 && status.identity == self
    }
}
