import Platform

/// SMB2 ECHO Request, [MS-SMB2] 2.2.28.
public struct EchoRequest: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
/// SMB2 ECHO Response, [MS-SMB2] 2.2.29.
public struct EchoResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}

/// A body of StructureSize 4 and two reserved bytes: all that many commands have.
extension WireReader {
    @inlinable
    @_lifetime(self: copy self)
    mutating func readFourByteBody() throws(WireError) {
        try expectStructureSize(4)
        try skip(2)
    }
}
extension PDUBuffer {
    @inlinable
    func appendFourByteBody() {
        append(4 as UInt16)
        append(0 as UInt16)
    }
}
