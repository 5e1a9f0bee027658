import NTTypes

/// What the POSIX extensions of 3.1.1 ask of a file beyond what NT knows.
public protocol POSIXExtensions: AnyObject {
    /// Opened with the POSIX create context: names differ by case, links are themselves, and names go at once.
    var isPOSIX: Bool { get }
    /// chmod and chown; nil leaves a value alone. - Parameter mode: the lower twelve bits.
    func setMode(_ mode: UInt32?, userID: UInt32?, groupID: UInt32?, as user: Credentials) throws(NTStatus)
    /// rename(2): what has the new name gives way, an empty folder to a folder too, whoever has it open.
    func renameReplacing(to path: NTPath, as user: Credentials) throws(NTStatus)
}

extension POSIXExtensions where Self: StoreFile {
    public var isPOSIX: Bool { false }
    public func setMode(_ mode: UInt32?, userID: UInt32?, groupID: UInt32?, as user: Credentials) throws(NTStatus) {
        throw .notSupported
    }
    public func renameReplacing(to path: NTPath, as user: Credentials) throws(NTStatus) {
        try rename(to: path, replaceIfExists: true, as: user)
    }
}

/// Where a path meets a symbolic link that the client is to follow: STATUS_STOPPED_ON_SYMLINK, [MS-SMB2] 2.2.2.2.1.
public struct MetSymbolicLink: Sendable {
    /// Which of the path's components is the link.
    public var componentIndex: Int
    public var link: Link
    /// Where it leads.
    public enum Link: Sendable {
        /// A link of Linux: as it is on the disk.
        case target([UInt8])
        /// A reparse point that a client has set: its buffer, [MS-FSCC] 2.1.2.4.
        case buffer([UInt8])
    }
    public init(componentIndex: Int, link: Link) {
        self.componentIndex = componentIndex
        self.link = link
    }
}

extension FileStore {
    /// After `open` has thrown `.stoppedOnSymlink`.
    public func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink {
        throw .objectNameNotFound
    }
}
