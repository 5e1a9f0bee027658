import Platform

/// SMB2 ERROR Response, [MS-SMB2] 2.2.2.
public struct ErrorResponse: Equatable, Sendable {
    @inlinable public static var structureSize: UInt16 { 9 }
    /// How many error contexts `data` holds; 3.1.1 only, 0 otherwise.
    public var contextCount: UInt8
    public var data: [UInt8]

    @inlinable public init(contextCount: UInt8 = 0, data: [UInt8] = []) {
        self.contextCount = contextCount
        self.data = data
    }

    /// One error context, [MS-SMB2] 2.2.2.1: what 3.1.1 wraps every error's data in.
    public init(context data: [UInt8], errorID: UInt32 = 0) {
        contextCount = 1
        let header = [UInt32(data.count), errorID]
        self.data = header.flatMap { value in [0, 8, 16, 24].map { UInt8(value >> $0 & 255) } } + data
    }

    /// What STATUS_BUFFER_TOO_SMALL carries: the size that would do, [MS-SMB2] 2.2.2.
    public init(requiredBufferLength: UInt32) {
        self.init(data: [0, 8, 16, 24].map { UInt8(requiredBufferLength >> $0 & 255) })
    }

    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        contextCount = try reader.read()
        try reader.skip(1)
        let byteCount = try reader.read(UInt32.self)
        data = try reader.read(byteCount: Int(byteCount)).array
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(contextCount)
        buffer.append(0 as UInt8)
        buffer.append(UInt32(data.count))
        // One byte of error data is there even when there is none.
        if data.isEmpty { buffer.append(0 as UInt8) } else { buffer.append(data) }
    }
}
