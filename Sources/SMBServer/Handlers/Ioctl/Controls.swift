import FileStore
import NTTypes
import Platform
import SMBWire

extension IoctlHandler {
    /// FSCTL_VALIDATE_NEGOTIATE_INFO, [MS-SMB2] 3.3.5.15.12: shows the client, signed, what was negotiated in the
    /// clear. Where that differs from what it saw, someone has been between them, and the connection ends without an
    /// answer.
    static func validateNegotiation(_ control: Control, in context: inout RequestContext) throws(NTStatus) -> [UInt8] {
        guard let negotiated = context.connection.negotiated, negotiated.dialect != .smb311,
            control.outputByteCountMax >= 24, control.input.count >= 24
        else { return try distrust(&context) }
        let input = control.input
        let dialectCount = Int(input.littleEndian16(at: 22))
        guard input.count >= 24 + 2 * dialectCount else { return try distrust(&context) }
        let settings = context.server.settings
        let best = (0..<dialectCount).compactMap { Dialect(rawValue: input.littleEndian16(at: 24 + 2 * $0)) }
            .filter { $0 >= settings.dialectMin && $0 <= settings.dialectMax }.max()
        let guid = GUID(low: input.littleEndian64(at: 4), high: input.littleEndian64(at: 12))
        guard input.littleEndian32(at: 0) == negotiated.clientCapabilities, guid == negotiated.clientGUID,
            input.littleEndian16(at: 20) == negotiated.clientSecurityMode, best == negotiated.dialect
        else { return try distrust(&context) }
        var output: [UInt8] = []
        output.appendLittleEndian(negotiated.serverCapabilities)
        output.appendLittleEndian(settings.serverGUID.low)
        output.appendLittleEndian(settings.serverGUID.high)
        output.appendLittleEndian(negotiated.serverSecurityMode)
        output.appendLittleEndian(negotiated.dialect.rawValue)
        return output
    }

    private static func distrust(_ context: inout RequestContext) throws(NTStatus) -> [UInt8] {
        context.disconnectReason = .protocolViolation("VALIDATE_NEGOTIATE_INFO differs from the negotiation")
        throw .accessDenied
    }

    /// FSCTL_CREATE_OR_GET_OBJECT_ID and FSCTL_GET_OBJECT_ID, [MS-FSCC] 2.3.1: every file has one already, made of its
    /// place on the disk; the birth identifiers of link tracking stay empty.
    static func objectID(
        _ control: Control, of open: Open, in context: inout RequestContext
    ) throws(NTStatus) -> [UInt8] {
        // [MS-FSA] 2.1.5.10.1.
        guard control.outputByteCountMax >= 64 else { throw .invalidParameter }
        var output: [UInt8] = []
        output.appendLittleEndian(open.file.identity.index)
        output.appendLittleEndian(open.file.identity.device)
        output.append(contentsOf: [UInt8](repeating: 0, count: 48))
        return output
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<Value: FixedWidthInteger>(_ value: Value) {
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }
}
