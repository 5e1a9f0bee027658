import Platform

/// SMB2 LOGOFF Request, [MS-SMB2] 2.2.7.
public struct LogoffRequest: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
/// SMB2 LOGOFF Response, [MS-SMB2] 2.2.8.
public struct LogoffResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
