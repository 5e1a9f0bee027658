import NTTypes
import Platform

/// SMB2 CLOSE Request, [MS-SMB2] 2.2.15.
public struct CloseRequest: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 24 }

    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB: the response is to carry the attributes.
        @inlinable public static var postQueryAttributes: Self { .init(rawValue: 1) }
    }
    public var flags: Flags
    public var fileID: FileID

    @inlinable public init(flags: Flags = [], fileID: FileID) {
        self.flags = flags
        self.fileID = fileID
    }

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        flags = Flags(rawValue: try reader.read())
        try reader.skip(4)
        fileID = try FileID(from: &reader)
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(flags.rawValue)
        buffer.append(0 as UInt32)
        buffer.append(fileID)
    }
}

/// SMB2 CLOSE Response, [MS-SMB2] 2.2.16.
public struct CloseResponse: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 60 }
    public var flags: CloseRequest.Flags = []
    public var information = NetworkOpenInformation()

    @inlinable public init() {}

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        flags = CloseRequest.Flags(rawValue: try reader.read())
        try reader.skip(4)
        information = try NetworkOpenInformation(from: &reader)
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(flags.rawValue)
        buffer.append(0 as UInt32)
        information.encode(into: buffer)
    }
}
