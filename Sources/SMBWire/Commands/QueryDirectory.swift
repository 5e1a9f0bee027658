import NTTypes
import Platform

/// SMB2 QUERY_DIRECTORY Request, [MS-SMB2] 2.2.33.
public struct QueryDirectoryRequest: ~Escapable {
    public static var structureSize: UInt16 { 33 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        @inlinable public static var restartScans: Self { .init(rawValue: 0x01) }
        @inlinable public static var returnSingleEntry: Self { .init(rawValue: 0x02) }
        @inlinable public static var indexSpecified: Self { .init(rawValue: 0x04) }
        @inlinable public static var reopen: Self { .init(rawValue: 0x10) }
    }
    /// Raw: FileInformationClass.
    public let informationClass: UInt8
    public let flags: Flags
    public let fileIndex: UInt32
    public let fileID: FileID
    /// The search pattern in UTF-16LE.
    public let fileName: RawSpan
    public let outputBufferLength: UInt32

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        informationClass = try reader.read()
        flags = Flags(rawValue: try reader.read())
        fileIndex = try reader.read()
        fileID = try FileID(from: &reader)
        let offset = try reader.read(UInt16.self)
        let length = try reader.read(UInt16.self)
        outputBufferLength = try reader.read()
        fileName = try reader.slice(offset: Int(offset), length: Int(length))
    }

    /// For a client.
    public static func encode(
        informationClass: UInt8, flags: Flags = [], fileID: FileID, pattern: NTName, outputBufferLength: UInt32,
        into buffer: PDUBuffer
    ) {
        let start = buffer.count
        buffer.append(structureSize)
        buffer.append(informationClass)
        buffer.append(flags.rawValue)
        buffer.append(0 as UInt32)
        buffer.append(fileID)
        buffer.append(UInt16(SMB2Header.byteCount + 32))
        buffer.append(0 as UInt16)
        buffer.append(outputBufferLength)
        buffer.append(utf16: pattern)
        buffer.patch(UInt16(buffer.count - start - 32), at: start + 26)
    }
}

/// The response of QUERY_DIRECTORY, QUERY_INFO and CHANGE_NOTIFY, [MS-SMB2] 2.2.34, 2.2.36, 2.2.38: a buffer. The
/// server writes it in place; this is the client's side.
public struct BufferResponse: Equatable, Sendable {
    public static var structureSize: UInt16 { 9 }
    public var buffer: [UInt8]
    public init(buffer: [UInt8]) { self.buffer = buffer }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        let offset = try reader.read(UInt16.self)
        let length = try reader.read(UInt32.self)
        buffer = try reader.slice(offset: Int(offset), length: Int(length)).array
    }
    /// - Parameter headerStart: of the SMB2 header in `output`.
    public func encode(into output: PDUBuffer, headerStart: Int) {
        let start = output.count
        output.append(Self.structureSize)
        output.append(UInt16(start + 8 - headerStart))
        output.append(UInt32(buffer.count))
        output.append(buffer)
        if buffer.isEmpty { output.append(0 as UInt8) }
    }
}
