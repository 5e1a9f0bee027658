import NTTypes

/// What a file system can do beyond the minimum; decides what the server announces ([MS-FSCC] 2.5.1) and offers.
public struct FileStoreCapabilities: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static var namedStreams: Self { .init(rawValue: 1) }
    public static var extendedAttributes: Self { .init(rawValue: 2) }
    /// Attributes and creation time can be kept.
    public static var dosAttributes: Self { .init(rawValue: 4) }
    public static var sparseFiles: Self { .init(rawValue: 8) }
    public static var securityDescriptors: Self { .init(rawValue: 16) }
    public static var blockCloning: Self { .init(rawValue: 32) }
    public static var compression: Self { .init(rawValue: 64) }
    public static var reparsePoints: Self { .init(rawValue: 128) }
    public static var trim: Self { .init(rawValue: 256) }
}

/// What an open asks of the store: [MS-FSA] 2.1.5.1 less the arbitration between opens, which is the engine's.
public struct OpenParameters: Sendable {
    /// Generic rights already expanded. `.maximumAllowed` may be among them.
    public var desiredAccess: AccessMask
    public var disposition: CreateDisposition
    public var options: CreateOptions
    /// For a file that is created.
    public var attributes: FileAttributes
    /// For a file that is created: bytes to set aside.
    public var allocationSize: UInt64 = 0
    /// For a file that is created: self-relative, [MS-DTYP] 2.4.6. nil: inherited.
    public var securityDescriptor: [UInt8]?
    /// For a file that is created.
    public var extendedAttributes: [ExtendedAttribute] = []
    /// The POSIX context's mode for a file that is created.
    public var mode: UInt32?
    /// Whose a file that is created is to be, as far as its maker may say so; nil: the maker's, its group's.
    public var userID: UInt32?
    public var groupID: UInt32?
    /// The POSIX context was there: names match exactly, and links are opened themselves.
    public var isPOSIX = false
    /// Names match exactly: the share or the POSIX context says so.
    public var isCaseSensitive = false
    /// The client asked what it might be granted at most (MxAc, or a response that carries it).
    public var wantsMaximalAccess = false

    public init(
        desiredAccess: AccessMask, disposition: CreateDisposition, options: CreateOptions, attributes: FileAttributes
    ) {
        self.desiredAccess = desiredAccess
        self.disposition = disposition
        self.options = options
        self.attributes = attributes
    }
}

/// An open that succeeded in the store.
public struct OpenedFile {
    public let file: any StoreFile
    /// `.opened` or `.created` only. An existing file is not touched: whether to overwrite is decided once the engine
    /// knows that no other open forbids it (`StoreFile.overwrite`).
    public let action: CreateAction
    public var information: FileInformation
    /// The desired access, `.maximumAllowed` replaced by what it came to.
    public let grantedAccess: AccessMask
    /// All that this user might be granted; equals `grantedAccess` where nobody asked.
    public let maximalAccess: AccessMask
    /// Why it could not be given what its maker asked for: an empty file of that name is there, which the caller takes
    /// away again unless somebody else uses it.
    public private(set) var failure: NTStatus?

    /// A file that was made, and could not be given all that it was to have.
    public init(unfinished file: any StoreFile, _ information: FileInformation, _ failure: NTStatus) {
        self.init(file: file, action: .created, information: information, grantedAccess: [], maximalAccess: [])
        self.failure = failure
    }

    public init(
        file: any StoreFile, action: CreateAction, information: FileInformation, grantedAccess: AccessMask,
        maximalAccess: AccessMask
    ) {
        self.file = file
        self.action = action
        self.information = information
        self.grantedAccess = grantedAccess
        self.maximalAccess = maximalAccess
    }
}

/// The contract with a file system, in NT verbs. One store for each share. All calls may block, may come from any
/// thread, and act as `user`. The only error is `NTStatus`.
public protocol FileStore: AnyObject, Sendable {
    var capabilities: FileStoreCapabilities { get }

    /// Finds or creates a file and opens it, with the checks of [MS-FSA] 2.1.5.1 that need no other open: name and path
    /// errors (objectNameNotFound for the last component, objectPathNotFound before it), type against
    /// `.directoryFile` / `.nonDirectoryFile`, read-only attribute against write access and delete-on-close, and the
    /// access check. With `.create` an existing name is objectNameCollision; with `.open` and `.overwrite` a missing
    /// one is objectNameNotFound. Two clients that create at once: exactly one gets `.created`. What was made and
    /// cannot be given what it was to have is returned with its `failure`.
    func open(_ path: NTPath, _ parameters: OpenParameters, as user: Credentials) throws(NTStatus) -> OpenedFile

    /// Where a path meets the link that made `open` throw `.stoppedOnSymlink`.
    func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink

    /// Watches a folder, which `user` must be allowed to list, for changes that others than this process make to its
    /// entries.
    /// - Parameter receiver: called for each in their order, on a thread that may block, from the time this returns on.
    /// - Throws: `.insufficientResources` at the system's limit, `.notSupported` where others' changes cannot be seen.
    func watch(
        _ folder: NTPath, as user: Credentials, _ receiver: @escaping @Sendable (LocalChange) -> Void
    ) throws(NTStatus) -> any LocalWatch

    /// What is known now of a file's rules, for the words of a refusal; nil where nothing is.
    func accessFacts(of path: NTPath, as user: Credentials) -> AccessFacts?

    /// Free and total space, as `user` sees it.
    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation
}

extension FileStore {
    public func accessFacts(of path: NTPath, as user: Credentials) -> AccessFacts? { nil }
}

/// What may give way to a new name, [MS-FSCC] 2.4.43. Nothing, if empty.
public struct Replacing: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// FILE_RENAME_REPLACE_IF_EXISTS: a file, or a stream of the same file.
    public static var files: Self { .init(rawValue: 1) }
    /// FILE_RENAME_IGNORE_READONLY_ATTRIBUTE: a file also where it is read-only.
    public static var readOnly: Self { .init(rawValue: 2) }
    /// FILE_RENAME_POSIX_SEMANTICS: an empty folder, to a folder.
    public static var emptyFolders: Self { .init(rawValue: 4) }
}

/// An open file, directory or named stream. Reference counted: the last release closes it, but `close` says when.
/// Offsets and lengths are in bytes. Calls may come from several threads at once.
public protocol StoreFile: FileSpace, ReparsePoints, POSIXExtensions, LocalLocks, LocalOpens, Sendable {
    /// The file's, whichever stream is open.
    var identity: FileIdentity { get }
    var isDirectory: Bool { get }
    /// The name it was opened by, in the spelling found on disk; follows `rename` through this handle.
    var path: NTPath { get }
    /// Another handle has renamed the file: `path` is its name now.
    func follow(_ path: NTPath)

    func close()

    // MARK: data

    /// Reads at most `buffer.count` bytes; fewer only at the end of the file, 0 beyond it.
    /// - Parameter mayBlock: false asks for `.pending` rather than waiting for a disk, where the system can tell.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NTStatus) -> Int
    /// Writes all of `bytes`, or throws (diskFull, fileTooLarge as the system says).
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(NTStatus)
    /// The same at the end of the file, wherever others have moved it meanwhile.
    func append(_ bytes: UnsafeRawBufferPointer) throws(NTStatus)
    /// Data and what is needed to find it again are on stable storage when this returns.
    func flush() throws(NTStatus)
    func setEndOfFile(_ size: UInt64) throws(NTStatus)
    /// Sets space aside, or gives it back; the end of file shrinks with it, never grows. [MS-FSCC] 2.4.4.
    func setAllocationSize(_ size: UInt64) throws(NTStatus)

    // MARK: metadata

    func information() throws(NTStatus) -> FileInformation
    func setBasicInformation(_ change: BasicInformationChange, as user: Credentials) throws(NTStatus)
    /// What [MS-FSA] 2.1.5.1.2 does to an existing file on overwrite (attributes added) and supersede (attributes
    /// replaced): no data, no named streams, new extended attributes.
    func overwrite(
        supersede: Bool, attributes: FileAttributes, extendedAttributes: [ExtendedAttribute], allocationSize: UInt64,
        as user: Credentials
    ) throws(NTStatus) -> FileInformation
    func streams() throws(NTStatus) -> [StreamInformation]
    func extendedAttributes(as user: Credentials) throws(NTStatus) -> [ExtendedAttribute]
    func setExtendedAttributes(_ attributes: [ExtendedAttribute], as user: Credentials) throws(NTStatus)
    /// Self-relative, [MS-DTYP] 2.4.6, whole; the engine cuts out the parts that were asked for.
    func securityDescriptor(as user: Credentials) throws(NTStatus) -> [UInt8]
    /// - Parameter parts: SECURITY_INFORMATION bits of [MS-DTYP] 2.4.7 to take from `descriptor`.
    func setSecurityDescriptor(_ descriptor: [UInt8], parts: UInt32, as user: Credentials) throws(NTStatus)
    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation

    // MARK: names

    /// [MS-FSA] 2.1.5.15.11 less the arbitration: `path` is new parent and name; a different parent moves.
    func rename(to path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus)
    /// Another name for the file. - Returns: the name, its folder spelled as it is in the store.
    func link(at path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus) -> NTPath
    /// Takes the name (or the named stream) away. The handle stays usable. directoryNotEmpty for a folder with entries.
    func remove(as user: Credentials) throws(NTStatus)
    /// Takes the file's name away, also if this is one of its named streams.
    func removeFile(as user: Credentials) throws(NTStatus)
    /// Whether `remove` would succeed as far as contents and rights go: directoryNotEmpty, cannotDelete (read-only).
    func checkRemovable(as user: Credentials, ignoresReadOnly: Bool) throws(NTStatus)

    // MARK: folders

    /// A reader of this folder's entries; each has its own position.
    func makeDirectoryCursor(as user: Credentials) throws(NTStatus) -> any DirectoryCursor
}

extension StoreFile {
    public func rename(to path: NTPath, replaceIfExists: Bool, as user: Credentials) throws(NTStatus) {
        try rename(to: path, replacing: replaceIfExists ? .files : [], as: user)
    }
    @discardableResult
    public func link(at path: NTPath, replaceIfExists: Bool, as user: Credentials) throws(NTStatus) -> NTPath {
        try link(at: path, replacing: replaceIfExists ? .files : [], as: user)
    }

    public func checkRemovable(as user: Credentials) throws(NTStatus) {
        try checkRemovable(as: user, ignoresReadOnly: false)
    }
}

/// Goes through a folder's entries: ".", "..", then the others in the order of the file system. One thread at a time.
public protocol DirectoryCursor: AnyObject {
    /// The next entry whose name `matches`; nil at the end. Only then is the file looked at.
    /// - Parameter wantsInformation: false leaves everything but `identity` and the directory attribute at its default.
    func next(matches: (NTName) -> Bool, wantsInformation: Bool) throws(NTStatus) -> DirectoryEntry?
    /// Gives back the entry that `next` returned last: it comes again. For a reply that had no room for it.
    func pushBack(_ entry: DirectoryEntry)
    /// From the first entry again, with what the folder holds then.
    func rewind() throws(NTStatus)
}
