import Platform

/// SMB2 CHANGE_NOTIFY Request, [MS-SMB2] 2.2.35. Its response is a `BufferResponse`, 2.2.36.
public struct ChangeNotifyRequest: Equatable, Sendable {
    public static var structureSize: UInt16 { 32 }
    /// SMB2_WATCH_TREE.
    public var watchesTree: Bool
    public var outputBufferLength: UInt32
    public var fileID: FileID
    /// FILE_NOTIFY_CHANGE_* bits.
    public var completionFilter: UInt32
    public init(watchesTree: Bool, outputBufferLength: UInt32, fileID: FileID, completionFilter: UInt32) {
        self.watchesTree = watchesTree
        self.outputBufferLength = outputBufferLength
        self.fileID = fileID
        self.completionFilter = completionFilter
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        watchesTree = try reader.read(UInt16.self) & 1 == 1
        outputBufferLength = try reader.read()
        fileID = try FileID(from: &reader)
        completionFilter = try reader.read()
        try reader.skip(4)
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append((watchesTree ? 1 : 0) as UInt16)
        buffer.append(outputBufferLength)
        buffer.append(fileID)
        buffer.append(completionFilter)
        buffer.append(0 as UInt32)
    }
}
