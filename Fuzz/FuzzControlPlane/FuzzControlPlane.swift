import ControlPlane

/// libFuzzer's own main; see FuzzLogin.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("FuzzControlPlane_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, fuzzControlPlane)
}

/// A request if the first byte is even, an answer if it is odd; what is read must be written the same way again, for
/// there is one encoding of each message.
private func fuzzControlPlane(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first else { return 0 }
    let message = Array(input.dropFirst())
    if first % 2 == 0 {
        if let request = ControlPlaneRequest(decoding: message) { precondition(request.encode() == message) }
    } else {
        if let answer = ControlPlaneAnswer(decoding: message) { precondition(answer.encode() == message) }
    }
    return 0
}
