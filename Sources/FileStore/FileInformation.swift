import NTTypes

/// Which file, over all names it has: [MS-FSA] calls it File; two opens of the same file have equal identities.
public struct FileIdentity: Hashable, Sendable {
    public var device: UInt64
    /// Unique on the device while the file exists: FileInternalInformation's IndexNumber, [MS-FSCC] 2.4.22.
    public var index: UInt64
    public init(device: UInt64, index: UInt64) {
        self.device = device
        self.index = index
    }
}

/// What SMB asks of a file or of a stream of it: one snapshot serves every information class of [MS-FSCC] 2.4.
public struct FileInformation: Sendable {
    public var identity = FileIdentity(device: 0, index: 0)
    public var creationTime = FileTime(rawValue: 0)
    public var lastAccessTime = FileTime(rawValue: 0)
    public var lastWriteTime = FileTime(rawValue: 0)
    public var changeTime = FileTime(rawValue: 0)
    /// Bytes; of the stream that is open. 0 for a directory.
    public var endOfFile: UInt64 = 0
    /// Bytes set aside. Never raw st_blocks: metadata blocks are not the file's (an empty file says 0).
    public var allocationSize: UInt64 = 0
    /// As SMB shows them; never empty (`.normal` stands for none).
    public var attributes: FileAttributes = .normal
    public var linkCount: UInt32 = 1
    /// What FileEaInformation reports, [MS-FSCC] 2.4.13; 0 without extended attributes.
    public var extendedAttributeSize: UInt32 = 0
    /// 0 if not a reparse point.
    public var reparseTag: UInt32 = 0
    // What the POSIX extensions and the mapping to security descriptors need.
    public var mode: UInt32 = 0
    public var userID: UInt32 = 0
    public var groupID: UInt32 = 0
    public var deviceNumber: UInt64 = 0
    public init() {}
    public var isDirectory: Bool { attributes.contains(.directory) }
}

/// A change to times and attributes; nil leaves a value alone. [MS-FSCC] 2.4.7, sentinel values already resolved.
public struct BasicInformationChange: Sendable {
    public var creationTime: FileTime?
    public var lastAccessTime: FileTime?
    public var lastWriteTime: FileTime?
    public var changeTime: FileTime?
    public var attributes: FileAttributes?
    public init() {}
}

/// One entry of a folder.
public struct DirectoryEntry: Sendable {
    public var name: NTName
    public var information: FileInformation
    public init(name: NTName, information: FileInformation) {
        self.name = name
        self.information = information
    }
}

/// The file system behind a share, [MS-FSCC] 2.5.
public struct VolumeInformation: Sendable {
    public var totalByteCount: UInt64 = 0
    /// Free for the asking user.
    public var availableByteCount: UInt64 = 0
    /// Free with what is reserved for root.
    public var freeByteCount: UInt64 = 0
    /// Bytes in an allocation unit; a power of two.
    public var blockByteCount: UInt32 = 4096
    public var nameByteCountMax: UInt32 = 255
    public var creationTime = FileTime(rawValue: 0)
    public var serialNumber: UInt32 = 0
    public var totalFileCount: UInt64 = 0
    public var freeFileCount: UInt64 = 0
    public var isReadOnly = false
    public init() {}
}

/// One named stream, [MS-FSCC] 2.4.49; name without ":" and type; empty for the unnamed stream.
public struct StreamInformation: Sendable {
    public var name: NTName
    public var endOfFile: UInt64
    public var allocationSize: UInt64
    public init(name: NTName, endOfFile: UInt64, allocationSize: UInt64) {
        self.name = name
        self.endOfFile = endOfFile
        self.allocationSize = allocationSize
    }
}

/// One extended attribute, [MS-FSCC] 2.4.16. Names are ASCII, without regard to case.
public struct ExtendedAttribute: Sendable {
    /// FILE_NEED_EA and nothing else.
    public var flags: UInt8
    public var name: [UInt8]
    /// Empty: delete it.
    public var value: [UInt8]
    public init(flags: UInt8 = 0, name: [UInt8], value: [UInt8]) {
        self.flags = flags
        self.name = name
        self.value = value
    }
}
