import Platform

/// SMB2 READ Request, [MS-SMB2] 2.2.19.
public struct ReadRequest: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 49 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        @inlinable public static var readUnbuffered: Self { .init(rawValue: 1) }
        @inlinable public static var requestCompressed: Self { .init(rawValue: 2) }
    }
    public var padding: UInt8 = 80
    public var flags: Flags = []
    public var length: UInt32
    public var offset: UInt64
    public var fileID: FileID
    public var minimumCount: UInt32 = 0
    public var channel: UInt32 = 0
    public var remainingBytes: UInt32 = 0
    /// Where the channel information lies in the message.
    public var channelInfoOffset: UInt16 = 0
    public var channelInfoLength: UInt16 = 0

    @inlinable public init(length: UInt32, offset: UInt64, fileID: FileID) {
        self.length = length
        self.offset = offset
        self.fileID = fileID
    }

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        padding = try reader.read()
        flags = Flags(rawValue: try reader.read())
        length = try reader.read()
        offset = try reader.read()
        fileID = try FileID(from: &reader)
        minimumCount = try reader.read()
        channel = try reader.read()
        remainingBytes = try reader.read()
        channelInfoOffset = try reader.read()
        channelInfoLength = try reader.read()
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(padding)
        buffer.append(flags.rawValue)
        buffer.append(length)
        buffer.append(offset)
        buffer.append(fileID)
        buffer.append(minimumCount)
        buffer.append(channel)
        buffer.append(remainingBytes)
        buffer.append(channelInfoOffset)
        buffer.append(channelInfoLength)
        buffer.append(0 as UInt8)
    }
}

/// SMB2 READ Response, [MS-SMB2] 2.2.20. The data follows its fixed part and is put there in place.
public struct ReadResponse: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 17 }
    /// Bytes before the data.
    @inlinable public static var fixedByteCount: Int { 16 }
    public var data: [UInt8]

    public init(data: [UInt8]) { self.data = data }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        let offset = try reader.read(UInt8.self)
        try reader.skip(1)
        let length = try reader.read(UInt32.self)
        try reader.skip(8)
        data = try reader.slice(offset: Int(offset), length: Int(length)).array
    }

    /// Writes the fixed part; the caller appends the data and then calls `finish`.
    @inlinable
    public static func begin(into buffer: PDUBuffer) -> Int {
        let marker = buffer.count
        buffer.append(structureSize)
        buffer.append(UInt8(SMB2Header.byteCount + fixedByteCount))
        buffer.append(0 as UInt8)
        buffer.append(0 as UInt32)
        buffer.append(0 as UInt64)
        return marker
    }
    /// - Parameter marker: what `begin` gave back.
    @inlinable
    public static func finish(_ marker: Int, in buffer: PDUBuffer) {
        buffer.patch(UInt32(buffer.count - marker - fixedByteCount), at: marker + 4)
    }
}
