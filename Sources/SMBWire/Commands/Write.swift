import Platform

/// SMB2 WRITE Request, [MS-SMB2] 2.2.21.
public struct WriteRequest: ~Escapable {
    @inlinable public static var structureSize: UInt16 { 49 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
        @inlinable public static var writeThrough: Self { .init(rawValue: 1) }
        @inlinable public static var writeUnbuffered: Self { .init(rawValue: 2) }
    }
    public let offset: UInt64
    public let fileID: FileID
    public let channel: UInt32
    public let remainingBytes: UInt32
    public let channelInfoLength: UInt16
    public let flags: Flags
    public let data: RawSpan

    @inlinable
    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        let dataOffset = try reader.read(UInt16.self)
        let length = try reader.read(UInt32.self)
        offset = try reader.read()
        fileID = try FileID(from: &reader)
        channel = try reader.read()
        remainingBytes = try reader.read()
        try reader.skip(2)
        channelInfoLength = try reader.read()
        flags = Flags(rawValue: try reader.read())
        // Data before the end of the fixed part would be header bytes written to a file.
        guard length == 0 || Int(dataOffset) >= reader.offset else { throw .invalid("DataOffset") }
        data = try reader.slice(offset: Int(dataOffset), length: Int(length))
    }

    /// For a client.
    public static func encode(
        _ data: [UInt8], offset: UInt64, fileID: FileID, flags: Flags = [], into buffer: PDUBuffer
    ) {
        buffer.append(structureSize)
        buffer.append(UInt16(SMB2Header.byteCount + 48))
        buffer.append(UInt32(data.count))
        buffer.append(offset)
        buffer.append(fileID)
        buffer.append(0 as UInt32)
        buffer.append(0 as UInt32)
        buffer.append(0 as UInt32)
        buffer.append(flags.rawValue)
        buffer.append(data)
        if data.isEmpty { buffer.append(0 as UInt8) }
    }
}

/// SMB2 WRITE Response, [MS-SMB2] 2.2.22.
public struct WriteResponse: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 17 }
    public var count: UInt32
    @inlinable public init(count: UInt32) { self.count = count }
    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(2)
        count = try reader.read()
        try reader.skip(8)
    }
    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(0 as UInt16)
        buffer.append(count)
        buffer.append(0 as UInt64)
    }
}
