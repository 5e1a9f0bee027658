import Platform

/// SMB2 SET_INFO Request, [MS-SMB2] 2.2.39.
public struct SetInfoRequest: ~Escapable {
    public static var structureSize: UInt16 { 33 }
    /// 1 file, 2 file system, 3 security, 4 quota.
    public let infoType: UInt8
    public let informationClass: UInt8
    public let additionalInformation: UInt32
    public let fileID: FileID
    public let buffer: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        infoType = try reader.read()
        informationClass = try reader.read()
        let length = try reader.read(UInt32.self)
        let offset = try reader.read(UInt16.self)
        try reader.skip(2)
        additionalInformation = try reader.read()
        fileID = try FileID(from: &reader)
        buffer = try reader.slice(offset: Int(offset), length: Int(length))
    }

    /// For a client.
    public static func encode(
        infoType: UInt8, informationClass: UInt8, additionalInformation: UInt32 = 0, fileID: FileID, data: [UInt8],
        into output: PDUBuffer
    ) {
        output.append(structureSize)
        output.append(infoType)
        output.append(informationClass)
        output.append(UInt32(data.count))
        output.append(UInt16(SMB2Header.byteCount + 32))
        output.append(0 as UInt16)
        output.append(additionalInformation)
        output.append(fileID)
        output.append(data)
        if data.isEmpty { output.append(0 as UInt8) }
    }
}
/// SMB2 SET_INFO Response, [MS-SMB2] 2.2.40: nothing but its size.
public struct SetInfoResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.expectStructureSize(2) }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.append(2 as UInt16) }
}
