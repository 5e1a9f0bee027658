import NTTypes
import SMBWire

/// Receiving an SMB2 ECHO Request, [MS-SMB2] 3.3.5.17.
enum EchoHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        do { _ = try EchoRequest(from: &reader) } catch { throw .invalidParameter }
        EchoResponse().encode(into: context.reply)
    }
}
