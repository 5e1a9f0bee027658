import Platform

/// SMB2 QUERY_INFO Request, [MS-SMB2] 2.2.37. Its response is a `BufferResponse`, 2.2.38.
public struct QueryInfoRequest: ~Escapable {
    public static var structureSize: UInt16 { 41 }
    /// 1 file, 2 file system, 3 security, 4 quota.
    public let infoType: UInt8
    public let informationClass: UInt8
    public let outputBufferLength: UInt32
    /// SECURITY_INFORMATION bits, or where to begin in a list of extended attributes.
    public let additionalInformation: UInt32
    public let flags: UInt32
    public let fileID: FileID
    public let input: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        infoType = try reader.read()
        informationClass = try reader.read()
        outputBufferLength = try reader.read()
        let offset = try reader.read(UInt16.self)
        try reader.skip(2)
        let length = try reader.read(UInt32.self)
        additionalInformation = try reader.read()
        flags = try reader.read()
        fileID = try FileID(from: &reader)
        input = try reader.slice(offset: Int(offset), length: Int(length))
    }

    /// For a client.
    public static func encode(
        infoType: UInt8, informationClass: UInt8, outputBufferLength: UInt32, additionalInformation: UInt32 = 0,
        flags: UInt32 = 0, fileID: FileID, input: [UInt8] = [], into buffer: PDUBuffer
    ) {
        buffer.append(structureSize)
        buffer.append(infoType)
        buffer.append(informationClass)
        buffer.append(outputBufferLength)
        buffer.append(UInt16(input.isEmpty ? 0 : SMB2Header.byteCount + 40))
        buffer.append(0 as UInt16)
        buffer.append(UInt32(input.count))
        buffer.append(additionalInformation)
        buffer.append(flags)
        buffer.append(fileID)
        buffer.append(input)
        if input.isEmpty { buffer.append(0 as UInt8) }
    }
}
