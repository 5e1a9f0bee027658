import NTTypes
import Platform
import SMBWire

/// One response, cut out of the message it came in.
public struct TestReply: Sendable {
    public let header: SMB2Header
    /// From the header to the end, the padding before the next response included.
    public let bytes: [UInt8]
    /// The message came sealed, and was opened.
    public let isSealed: Bool
    /// Whether its signature is right; nil if it is not signed, or there is no key to check it with.
    public let hasGoodSignature: Bool?

    public var status: NTStatus { header.status }
    public var isInterim: Bool { status == .pending && header.flags.contains(.asyncCommand) }

    /// Reads the body with one of SMBWire's decoders.
    public func decode<Value>(
        _ read: (inout WireReader) throws(WireError) -> Value
    ) throws(TestClientError) -> Value {
        do {
            let buffer = PDUBuffer(capacity: bytes.count)
            buffer.append(bytes)
            var reader = WireReader(buffer.span(0..<buffer.count), at: SMB2Header.byteCount)
            return try read(&reader)
        } catch { throw .malformedReply("command \(header.command): \(error)") }
    }

    /// The body of an error response, [MS-SMB2] 2.2.2.
    public var isErrorBody: Bool {
        (try? decode { reader throws(WireError) in try ErrorResponse(from: &reader) }) != nil
    }
}
