import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFile {
    func setMode(_ mode: UInt32?, userID: UInt32?, groupID: UInt32?, as user: Credentials) throws(NTStatus) {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        // Who may is the kernel's to say, as it would be for a local program. The owner first: chown takes set-ID bits
        // away.
        if userID != nil || groupID != nil {
            try Linux.setOwner(descriptor, user: userID ?? .max, group: groupID ?? .max).orThrow()
        }
        if let mode { try Linux.setMode(descriptor, mode & 0o7777).orThrow() }
    }

    func renameReplacing(to path: NTPath, as user: Credentials) throws(NTStatus) {
        try store.refuseVetoed(path.components)
        guard let newName = path.components.last, !self.path.isRoot else { throw .accessDenied }
        try store.identity.act(as: user)
        let source = try locate()
        let target = try store.openParent(of: path.components, caseSensitive: true)
        let systemName = try SystemPath(newName)
        let result = try store.claims.give(store.claims.look(for: newName), taking: [source.name]) {
            _ throws(NTStatus) in
            try requireStill(source)
            return Linux.rename(
                source.folder.descriptor.raw, source.systemName, to: target.descriptor.raw, systemName, replaces: true)
        }
        if result.failed(EXDEV) { throw .notSameDevice }
        if result.failed(EEXIST) { throw .directoryNotEmpty }
        if result.failed(ENOTDIR) { throw .notADirectory }
        try result.orThrow()
        self.path = NTPath(components: target.components + [newName], stream: self.path.stream)
    }
}

extension LinuxFileStore {
    /// Whose a new file is to be. What its maker may not give away stays the maker's, and the answer tells so.
    func own(_ descriptor: CInt, _ parameters: OpenParameters) {
        let result = Linux.setOwner(descriptor, user: parameters.userID ?? .max, group: parameters.groupID ?? .max)
        // chown(2) takes set-ID bits away.
        if result >= 0, let mode = parameters.mode, mode & 0o6000 != 0 { _ = Linux.setMode(descriptor, mode) }
    }
}
