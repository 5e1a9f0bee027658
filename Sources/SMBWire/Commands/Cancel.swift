import Platform

/// SMB2 CANCEL Request, [MS-SMB2] 2.2.30. It has no response.
public struct CancelRequest: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
