import EngineHost

/// libFuzzer's own main; see FuzzLogin.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// With `--seeds FOLDER` as arguments it writes the corpus to begin with.
@_cdecl("FuzzConnection_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    if count == 3, String(cString: arguments[1]!) == "--seeds" {
        return writeSeeds(to: String(cString: arguments[2]!))
    }
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, fuzzConnection)
}

/// A folder for the whole run; each input finds it empty.
nonisolated(unsafe) private let folder = try? ScratchFolder()

private func fuzzConnection(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let folder else { preconditionFailure("no folder in /dev/shm or /tmp") }
    Scenario.run(Array(UnsafeBufferPointer(start: start, count: count)), in: folder)
    return 0
}
