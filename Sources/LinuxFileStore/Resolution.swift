import CLinux
import FileStore
import Glibc
import NTTypes

/// A folder found beneath the root, with the spelling of its path on disk.
struct FoundFolder: ~Copyable {
    let descriptor: OwnedDescriptor
    let components: [NTName]
}

extension LinuxFileStore {
    static let pathOnly = CInt(APUS_O_PATH)

    /// Opens beneath the root. The one way from a path to a file.
    func openBeneath(_ path: SystemPath, flags: CInt) -> Int {
        var attempts = 0
        while true {
            let result = Linux.openBeneath(rootDescriptor, path, flags: flags, resolve: resolve)
            // openat2 says so when a rename disturbs it and it cannot tell whether it is still beneath (openat2(2));
            // it also says so for a file whose lease somebody else holds, which a few attempts do not cure.
            attempts += 1
            if result.failed(EAGAIN), attempts < 4 { continue }
            return result
        }
    }

    func isCaseSensitive(_ parameters: OpenParameters) -> Bool {
        options.isCaseSensitive || parameters.isCaseSensitive || parameters.isPOSIX
    }

    /// A vetoed name is nowhere: the last component is not found, one before it is no path.
    func refuseVetoed(_ components: [NTName]) throws(NTStatus) {
        for (index, name) in components.enumerated() where options.isVetoed(name) {
            let status: NTStatus = index == components.count - 1 ? .objectNameNotFound : .objectPathNotFound
            throw status.because(.vetoed(component: index))
        }
    }

    /// The folder `components` lead to; every failure to get there is objectPathNotFound.
    func openFolder(_ components: [NTName], caseSensitive: Bool) throws(NTStatus) -> FoundFolder {
        let flags = Self.pathOnly | O_DIRECTORY
        let result = openBeneath(try SystemPath(components), flags: flags)
        if result >= 0 { return FoundFolder(descriptor: OwnedDescriptor(result), components: components) }
        guard result.failed(ENOENT), !caseSensitive else { throw pathError(result, components) }
        return try openFolderIgnoringCase(components)
    }

    func pathError(_ result: Int, _ components: [NTName]) -> NTStatus {
        let status: NTStatus =
            switch CInt(truncatingIfNeeded: -result) {
            case ENOENT, ENOTDIR, ELOOP, EXDEV: .objectPathNotFound
            default: NTStatus(result: result)
            }
        return explained(status, result, components)
    }

    /// From the root down, component by component, each looked up by its exact name and then by its folded one.
    private func openFolderIgnoringCase(_ components: [NTName]) throws(NTStatus) -> FoundFolder {
        let flags = Self.pathOnly | O_DIRECTORY
        var spelled: [NTName] = []
        spelled.reserveCapacity(components.count)
        var folder = OwnedDescriptor(try openBeneath(.here, flags: flags).orThrow())
        for name in components {
            var result = openBeneath(try SystemPath(spelled + [name]), flags: flags)
            if result >= 0 {
                spelled.append(name)
            } else {
                guard result.failed(ENOENT), let found = try otherSpelling(of: name, in: folder.raw),
                    !options.isVetoed(found)
                else { throw pathError(result, spelled + [name]) }
                spelled.append(found)
                result = openBeneath(try SystemPath(spelled), flags: flags)
                guard result >= 0 else { throw pathError(result, spelled) }
            }
            folder = OwnedDescriptor(result)
        }
        return FoundFolder(descriptor: folder, components: spelled)
    }

    /// The folder that holds the last of `components`, which is not empty.
    func openParent(of components: [NTName], caseSensitive: Bool) throws(NTStatus) -> FoundFolder {
        try openFolder(Array(components.dropLast()), caseSensitive: caseSensitive)
    }

    /// The name on disk of `name` in `folder`: the exact one, or one that differs in case only; nil if there is none.
    func spelling(of name: NTName, in folder: CInt, caseSensitive: Bool) throws(NTStatus) -> NTName? {
        var status = apus_statx()
        let result = Linux.status(folder, try SystemPath(name), into: &status)
        if result >= 0 { return name }
        guard result.failed(ENOENT) else { throw NTStatus(result: result) }
        return caseSensitive ? nil : try otherSpelling(of: name, in: folder)
    }

    /// Gives a file a name that `look` has found to be free in any spelling; whoever makes the same in another waits.
    /// - Parameter taken: names that are taken away by the same.
    func give<Value>(
        _ name: NTName, in folder: CInt, foundFreeBy look: NameClaims.Look, taking taken: [NTName] = [],
        caseSensitive: Bool, _ give: () throws(NTStatus) -> Value
    ) throws(NTStatus) -> Value {
        try claims.give(look, taking: taken) { mayBeTaken throws(NTStatus) in
            if mayBeTaken, !caseSensitive, try otherSpelling(of: name, in: folder) != nil { throw .objectNameCollision }
            return try give()
        }
    }

    /// The name on disk of what `name` means although nothing is called just so: the same but for its case, or the long
    /// name of the 8.3 name that it is.
    func otherSpelling(of name: NTName, in folder: CInt) throws(NTStatus) -> NTName? {
        if let spelling = try foldedNames.spelling(of: name, in: folder) { return spelling }
        guard options.findsShortNames, ShortName.mayBeMangled(name) else { return nil }
        let reopened = Linux.reopenFolder(folder)
        if reopened.failed(EACCES) { return nil }
        var reader = DirectoryReader(OwnedDescriptor(try reopened.orThrow()))
        while try reader.advance() {
            guard !reader.isDotEntry, ShortName.isShort(name, of: reader.name) else { continue }
            tunnel.note(name, for: reader.name, in: folder)
            return reader.name
        }
        return nil
    }
}
