import NTTypes

/// What another program on this machine, or another server, has done in a folder that is watched.
public enum LocalChange: Sendable, Equatable {
    case added(NTName, isDirectory: Bool)
    case removed(NTName, isDirectory: Bool)
    case renamed(from: NTName, to: NTName, isDirectory: Bool)
    /// A file was closed that had been open for writing.
    case written(NTName)
    /// Attributes, times, rights, extended attributes: the system does not say which.
    case attributes(NTName)
    /// More happened than could be kept: anything may have changed.
    case lost
}

/// A folder or file that is being watched, until `end`.
public protocol LocalWatch: Sendable {
    func end()
}

extension FileStore {
    /// A store that sees nothing of the kind.
    public func watch(
        _ folder: NTPath, as user: Credentials, _ receiver: @escaping @Sendable (LocalChange) -> Void
    ) throws(NTStatus) -> any LocalWatch {
        throw .notSupported
    }
}
