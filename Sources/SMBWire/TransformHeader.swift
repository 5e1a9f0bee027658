import Platform

/// SMB2 TRANSFORM_HEADER, [MS-SMB2] 2.2.41. Signature and nonce belong to the cipher, which reads and writes them in
/// place.
public struct TransformHeader: Equatable, Sendable {
    /// 0xFD 'S' 'M' 'B'.
    @inlinable public static var protocolID: UInt32 { 0x424D_53FD }
    @inlinable public static var byteCount: Int { 52 }
    public var originalMessageSize: UInt32
    /// Flags in 3.1.1, EncryptionAlgorithm before: 1 in both.
    public var flags: UInt16
    public var sessionID: UInt64

    @inlinable public init(originalMessageSize: UInt32, flags: UInt16, sessionID: UInt64) {
        self.originalMessageSize = originalMessageSize
        self.flags = flags
        self.sessionID = sessionID
    }

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.read(UInt32.self) == Self.protocolID else { throw .invalid("ProtocolId") }
        try reader.skip(32)
        originalMessageSize = try reader.read()
        try reader.skip(2)
        flags = try reader.read()
        sessionID = try reader.read()
    }

    /// Writes the header over 52 zero bytes at `offset`, all but signature and nonce.
    @inlinable
    public func write(into buffer: PDUBuffer, at offset: Int) {
        buffer.patch(Self.protocolID, at: offset)
        buffer.patch(originalMessageSize, at: offset + 36)
        buffer.patch(0 as UInt16, at: offset + 40)
        buffer.patch(flags, at: offset + 42)
        buffer.patch(sessionID, at: offset + 44)
    }
}
