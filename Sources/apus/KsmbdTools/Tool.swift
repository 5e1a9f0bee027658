import CLinux
import Glibc

/// One of ksmbd's tools: how it speaks, ends, and finds the server.
struct Tool {
    /// Ends the tool with this status; why has been said.
    struct Exit: Error {
        let status: CInt
        static let success = Exit(status: 0)
        static let failure = Exit(status: 1)
    }
    /// What ksmbd-tools is that these tools stand in for.
    static let replacedVersion = "3.5.7"

    let name: String
    let usage: [String]
    let help: String
    var isVerbose = false

    // MARK: speaking, as ksmbd-tools do, on standard output

    func info(_ text: String) { Self.write("[\(name)/\(getpid())]: INFO: \(text)\n") }
    func error(_ text: String) { Self.write("[\(name)/\(getpid())]: ERROR: \(text)\n") }
    func debug(_ text: String) { if isVerbose { Self.write("[\(name)/\(getpid())]: DEBUG: \(text)\n") } }

    /// As it is, at once.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            // SAFETY: the slice lives through the call.
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    func fail(_ text: String) -> Exit {
        error(text)
        return .failure
    }

    /// How it is called; after a mistake in short.
    func explain(_ exit: Exit) -> Exit {
        for (index, line) in usage.enumerated() { Self.write((index == 0 ? "Usage: " : "       ") + line + "\n") }
        Self.write(exit.status == 0 ? "\n" + help : "\(name) --help explains the options.\n")
        return exit
    }

    // MARK: running

    /// Runs the tool that the program was called as, and ends the process with its status.
    /// - Parameter body: is given the arguments.
    static func main(_ tool: Tool, _ body: (inout Tool, [String]) throws(Exit) -> Void) -> Never {
        var tool = tool
        do throws(Exit) {
            try body(&tool, try tool.arguments())
        } catch {
            exit(error.status)
        }
        exit(0)
    }

    /// Swift mends what is no UTF-8; here that is a mistake of the caller.
    private func arguments() throws(Exit) -> [String] {
        var arguments: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            // SAFETY: the list has argc terminated strings, which live as long as the process.
            guard let text = unsafe CommandLine.unsafeArgv[index].flatMap({ unsafe String(validatingCString: $0) })
            else { throw fail("Argument \(index) is not UTF-8") }
            arguments.append(text)
        }
        return arguments
    }

    /// The options that all tools have in common: -v, -V, -h, and mistakes.
    /// - Returns: true if `item` was one of them.
    mutating func handle(_ item: ToolArguments.Item) throws(Exit) -> Bool {
        switch item {
        case .mistake(let text):
            StandardError.write("\(name): \(text)\n")
            throw explain(.failure)
        case .option("v", _):
            isVerbose = true
            return true
        case .option("V", _):
            info("ksmbd-tools version : \(Self.replacedVersion) (Apus \(ApusCommand.versionText))")
            throw .success
        case .option("h", _): throw explain(.success)
        default: return false
        }
    }

    static let commonOptions: [ToolArguments.Option] = [
        .init("v", "verbose"), .init("V", "version"), .init("h", "help"),
    ]

    // MARK: the server

    /// After a change: the server reads its files again. That there may be none is no failure.
    func notifyServer() {
        guard let process = LockFile.holder else {
            // SAFETY: a literal path.
            if unsafe access(LockFile.path, F_OK) == 0 { error("\(LockFile.path) names no process that runs") }
            return info("Ignored lock file")
        }
        guard kill(process, SIGHUP) == 0 else { return debug("PID \(process): \(systemMessage(errno))") }
        info("Notified mountd")
    }
}

/// ksmbd.lock: the number of the process that serves, and a line's end.
enum LockFile {
    static let path = "/run/ksmbd.lock"

    /// nil where the file is missing, is no number, or the process has ended.
    static var holder: pid_t? {
        guard let bytes = try? TextFile.readBytes(path),
            let line = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).first,
            line.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let process = pid_t(String(decoding: line, as: UTF8.self)), process > 1, kill(process, 0) == 0
        else { return nil }
        return process
    }

    /// - Throws: if another process serves, or the file cannot be written.
    static func take() throws {
        if let holder, holder != getpid() {
            throw Service.StartFailure(message: "\(path): process \(holder) serves already")
        }
        try TextFile.replace(path, with: "\(getpid())\n", mode: 0o640)
    }

    /// Only if it is this process's.
    static func release() {
        guard holder == getpid() else { return }
        // SAFETY: a literal path.
        _ = unsafe unlink(path)
    }
}
