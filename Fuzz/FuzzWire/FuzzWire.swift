import FuzzDriver
import Platform
import SMBWire

@_cdecl("FuzzWire_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt { fuzz(count, arguments, run: fuzzWire) }

/// One message, decoded by its header in the way the tests do; a second round of decoding and encoding must change
/// nothing.
private func fuzzWire(_ input: [UInt8]) {
    switch input.first {
    case 0xFD:
        var reader = WireReader(input.span.bytes)
        _ = try? TransformHeader(from: &reader)
    case 0xFF:
        var reader = WireReader(input.span.bytes)
        _ = try? SMB1Negotiate(from: &reader)
    default:
        guard let encoded = try? decode(input) else { return }
        // A create context with a name of no known length is read, and cannot be written.
        guard let again = try? decode(encoded) else { return }
        precondition(again == encoded, "a second round differs from the first")
    }
}
