import Platform

/// SMB2 FLUSH Request, [MS-SMB2] 2.2.17.
public struct FlushRequest: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 24 }
    public var fileID: FileID
    @inlinable public init(fileID: FileID) { self.fileID = fileID }
    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(6)
        fileID = try FileID(from: &reader)
    }
    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.appendZeros(6)
        buffer.append(fileID)
    }
}
/// SMB2 FLUSH Response, [MS-SMB2] 2.2.18.
public struct FlushResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
