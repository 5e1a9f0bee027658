/// An SMB1 NEGOTIATE request that may offer SMB2, [MS-SMB2] 3.3.5.3 and [MS-CIFS] 2.2.4.52.1: all that is read of SMB1.
public struct SMB1Negotiate: Equatable, Sendable {
    /// 0xFF 'S' 'M' 'B'.
    public static var protocolID: UInt32 { 0x424D_53FF }
    /// "SMB 2.002" is among the dialects.
    public private(set) var offersSMB202 = false
    /// "SMB 2.???" is among the dialects.
    public private(set) var offersSMB2Wildcard = false

    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.read(UInt32.self) == Self.protocolID else { throw .invalid("Protocol") }
        guard try reader.read(UInt8.self) == 0x72 else { throw .invalid("Command") }
        try reader.skip(27)
        let wordCount = try reader.read(UInt8.self)
        try reader.skip(Int(wordCount) * 2)
        let byteCount = try reader.read(UInt16.self)
        let end = reader.offset + Int(byteCount)
        guard end <= reader.bytes.byteCount else { throw .truncated(at: reader.offset) }
        while reader.offset < end {
            // Each dialect: a byte 2, then a string that ends with a zero byte.
            guard try reader.read(UInt8.self) == 2 else { throw .invalid("BufferFormat") }
            var name: [UInt8] = []
            while true {
                let byte = try reader.read(UInt8.self)
                if byte == 0 { break }
                name.append(byte)
            }
            if name == Array("SMB 2.002".utf8) { offersSMB202 = true }
            if name == Array("SMB 2.???".utf8) { offersSMB2Wildcard = true }
        }
    }
}
