import Platform

/// SMB2 TREE_DISCONNECT Request, [MS-SMB2] 2.2.11.
public struct TreeDisconnectRequest: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
/// SMB2 TREE_DISCONNECT Response, [MS-SMB2] 2.2.12.
public struct TreeDisconnectResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
