import Glibc

/// libFuzzer's own main. SwiftPM calls an executable's entry by a name of its own, so that libFuzzer's is out of reach.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

public typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

nonisolated(unsafe) private var body: ([UInt8]) -> Void = { _ in }

/// What every target's main does: hands inputs to `run` until libFuzzer has had enough. With `--seeds FOLDER` as
/// arguments it writes the inputs to begin with instead.
/// - Parameters:
///   - seeds: by the names of their files.
///   - run: must end the process if something is wrong.
/// - Returns: the process's exit status.
public func fuzz(
    _ count: CInt, _ arguments: Arguments, seeds: () -> [String: [UInt8]] = { [:] }, run: @escaping ([UInt8]) -> Void
) -> CInt {
    if count == 3, let option = arguments[1], String(cString: option) == "--seeds", let folder = arguments[2] {
        return write(seeds(), to: String(cString: folder))
    }
    var count = count
    var arguments = arguments
    body = run
    return runFuzzer(&count, &arguments) { start, count in
        body(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
}

private func write(_ seeds: [String: [UInt8]], to folder: String) -> CInt {
    for (name, bytes) in seeds {
        let descriptor = open("\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else { return 1 }
        close(descriptor)
    }
    return 0
}
