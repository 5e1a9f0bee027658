import Configuration

/// libFuzzer's own main; see FuzzLogin.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("FuzzConfiguration_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, fuzzConfiguration)
}

/// ksmbd.conf if the first byte is even, the user database if it is odd. A database that is read comes out the same
/// after it was written.
private func fuzzConfiguration(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first else { return 0 }
    let text = String(decoding: input.dropFirst(), as: UTF8.self)
    if first % 2 == 0 {
        _ = try? ServerConfiguration.load(path: "ksmbd.conf", text: text)
    } else if let users = try? UserDatabase(path: "ksmbdpwd.db", text: text) {
        let again = try? UserDatabase(path: "ksmbdpwd.db", text: users.text)
        precondition(again == users)
    }
    return 0
}
