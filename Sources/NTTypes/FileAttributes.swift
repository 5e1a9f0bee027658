/// File attributes, [MS-FSCC] 2.6.
public struct FileAttributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var readOnly: Self { .init(rawValue: 0x1) }
    @inlinable public static var hidden: Self { .init(rawValue: 0x2) }
    @inlinable public static var system: Self { .init(rawValue: 0x4) }
    @inlinable public static var directory: Self { .init(rawValue: 0x10) }
    @inlinable public static var archive: Self { .init(rawValue: 0x20) }
    @inlinable public static var normal: Self { .init(rawValue: 0x80) }
    @inlinable public static var temporary: Self { .init(rawValue: 0x100) }
    @inlinable public static var sparseFile: Self { .init(rawValue: 0x200) }
    @inlinable public static var reparsePoint: Self { .init(rawValue: 0x400) }
    @inlinable public static var compressed: Self { .init(rawValue: 0x800) }
    @inlinable public static var offline: Self { .init(rawValue: 0x1000) }
    @inlinable public static var notContentIndexed: Self { .init(rawValue: 0x2000) }
    @inlinable public static var encrypted: Self { .init(rawValue: 0x4000) }
    @inlinable public static var integrityStream: Self { .init(rawValue: 0x8000) }
    @inlinable public static var noScrubData: Self { .init(rawValue: 0x2_0000) }
}

/// How an open shares the file with others, [MS-SMB2] 2.2.13.
public struct ShareAccess: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var read: Self { .init(rawValue: 0x1) }
    @inlinable public static var write: Self { .init(rawValue: 0x2) }
    @inlinable public static var delete: Self { .init(rawValue: 0x4) }
}

/// What to do when the file exists, and when it does not, [MS-SMB2] 2.2.13.
public enum CreateDisposition: UInt32, Sendable {
    case supersede = 0
    case open = 1
    case create = 2
    case openIf = 3
    case overwrite = 4
    case overwriteIf = 5
}

/// What became of the file, [MS-SMB2] 2.2.14.
public enum CreateAction: UInt32, Sendable {
    case superseded = 0
    case opened = 1
    case created = 2
    case overwritten = 3
}

/// Options of an open, [MS-SMB2] 2.2.13.
public struct CreateOptions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var directoryFile: Self { .init(rawValue: 0x1) }
    @inlinable public static var writeThrough: Self { .init(rawValue: 0x2) }
    @inlinable public static var sequentialOnly: Self { .init(rawValue: 0x4) }
    @inlinable public static var noIntermediateBuffering: Self { .init(rawValue: 0x8) }
    @inlinable public static var synchronousIOAlert: Self { .init(rawValue: 0x10) }
    @inlinable public static var synchronousIONonalert: Self { .init(rawValue: 0x20) }
    @inlinable public static var nonDirectoryFile: Self { .init(rawValue: 0x40) }
    @inlinable public static var completeIfOplocked: Self { .init(rawValue: 0x100) }
    @inlinable public static var noExtendedAttributeKnowledge: Self { .init(rawValue: 0x200) }
    @inlinable public static var randomAccess: Self { .init(rawValue: 0x800) }
    @inlinable public static var deleteOnClose: Self { .init(rawValue: 0x1000) }
    @inlinable public static var openByFileID: Self { .init(rawValue: 0x2000) }
    @inlinable public static var openForBackupIntent: Self { .init(rawValue: 0x4000) }
    @inlinable public static var noCompression: Self { .init(rawValue: 0x8000) }
    @inlinable public static var openRemoteInstance: Self { .init(rawValue: 0x400) }
    @inlinable public static var openRequiringOplock: Self { .init(rawValue: 0x1_0000) }
    @inlinable public static var disallowExclusive: Self { .init(rawValue: 0x2_0000) }
    @inlinable public static var reserveOpfilter: Self { .init(rawValue: 0x10_0000) }
    @inlinable public static var openReparsePoint: Self { .init(rawValue: 0x20_0000) }
    @inlinable public static var openNoRecall: Self { .init(rawValue: 0x40_0000) }
    @inlinable public static var openForFreeSpaceQuery: Self { .init(rawValue: 0x80_0000) }
}
