/// SMB2 FILEID, [MS-SMB2] 2.2.14.1.
public struct FileID: Hashable, Sendable {
    public var persistent: UInt64
    public var volatile: UInt64
    @inlinable public init(persistent: UInt64, volatile: UInt64) {
        self.persistent = persistent
        self.volatile = volatile
    }
    /// All ones: stands for the FileId of the request before this one in a related compound, [MS-SMB2] 3.3.5.2.7.2.
    @inlinable public static var compoundRelated: FileID { FileID(persistent: .max, volatile: .max) }

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        guard reader.remainingByteCount >= 16 else { throw .truncated(at: reader.offset) }
        persistent = try reader.read()
        volatile = try reader.read()
    }
}
