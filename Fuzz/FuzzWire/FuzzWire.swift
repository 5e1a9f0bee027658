import Platform
import SMBWire

/// libFuzzer's own main; see FuzzLogin.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("FuzzWire_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, fuzzWire)
}

/// One message, decoded by its header in the way the tests do; a second round of decoding and encoding must change
/// nothing.
private func fuzzWire(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    switch input.first {
    case 0xFD:
        var reader = WireReader(input.span.bytes)
        _ = try? TransformHeader(from: &reader)
    case 0xFF:
        var reader = WireReader(input.span.bytes)
        _ = try? SMB1Negotiate(from: &reader)
    default:
        guard let encoded = try? decode(input) else { return 0 }
        // A create context with a name of no known length is read, and cannot be written.
        guard let again = try? decode(encoded) else { return 0 }
        precondition(again == encoded, "a second round differs from the first")
    }
    return 0
}
