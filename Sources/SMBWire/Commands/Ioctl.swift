import Platform

/// SMB2 IOCTL Request, [MS-SMB2] 2.2.31.
public struct IoctlRequest: ~Escapable {
    public static var structureSize: UInt16 { 57 }
    /// Raw: FSCTL_*.
    public let controlCode: UInt32
    public let fileID: FileID
    public let maxInputResponse: UInt32
    public let maxOutputResponse: UInt32
    /// SMB2_0_IOCTL_IS_FSCTL; anything else is not supported.
    public let isFileSystemControl: Bool
    public let input: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(2)
        controlCode = try reader.read()
        fileID = try FileID(from: &reader)
        let inputOffset = try reader.read(UInt32.self)
        let inputCount = try reader.read(UInt32.self)
        maxInputResponse = try reader.read()
        try reader.skip(8)
        maxOutputResponse = try reader.read()
        isFileSystemControl = try reader.read(UInt32.self) == 1
        try reader.skip(4)
        guard inputCount == 0 || Int(inputOffset) >= reader.offset else { throw .invalid("InputOffset") }
        input = try reader.slice(offset: Int(inputOffset), length: Int(inputCount))
    }

    /// For a client.
    public static func encode(
        controlCode: UInt32, fileID: FileID, maxOutputResponse: UInt32, input: [UInt8], into buffer: PDUBuffer
    ) {
        buffer.append(structureSize)
        buffer.append(0 as UInt16)
        buffer.append(controlCode)
        buffer.append(fileID)
        buffer.append(UInt32(SMB2Header.byteCount + 56))
        buffer.append(UInt32(input.count))
        buffer.append(0 as UInt32)
        buffer.append(0 as UInt32)
        buffer.append(0 as UInt32)
        buffer.append(maxOutputResponse)
        buffer.append(1 as UInt32)
        buffer.append(0 as UInt32)
        buffer.append(input)
        if input.isEmpty { buffer.append(0 as UInt8) }
    }
}
/// SMB2 IOCTL Response, [MS-SMB2] 2.2.32.
public struct IoctlResponse: Equatable, Sendable {
    public static var structureSize: UInt16 { 49 }
    public var controlCode: UInt32
    public var fileID: FileID
    public var output: [UInt8]
    public init(controlCode: UInt32, fileID: FileID, output: [UInt8]) {
        self.controlCode = controlCode
        self.fileID = fileID
        self.output = output
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(2)
        controlCode = try reader.read()
        fileID = try FileID(from: &reader)
        try reader.skip(8)
        let offset = try reader.read(UInt32.self)
        let count = try reader.read(UInt32.self)
        try reader.skip(8)
        output = try reader.slice(offset: Int(offset), length: Int(count)).array
    }
    /// - Parameter headerStart: of the SMB2 header in `buffer`.
    public func encode(into buffer: PDUBuffer, headerStart: Int) {
        let dataStart = UInt32(buffer.count + 48 - headerStart)
        buffer.append(Self.structureSize)
        buffer.append(0 as UInt16)
        buffer.append(controlCode)
        buffer.append(fileID)
        // Windows gives the input's offset even though it returns none.
        buffer.append(dataStart)
        buffer.append(0 as UInt32)
        buffer.append(dataStart)
        buffer.append(UInt32(output.count))
        buffer.append(0 as UInt64)
        buffer.append(output)
        if output.isEmpty { buffer.append(0 as UInt8) }
    }
}
