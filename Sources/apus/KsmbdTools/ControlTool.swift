import Administration
import CLinux
import Glibc

/// ksmbd.control(8): ends the server, has it read its files again, lists its shares.
enum ControlTool {
    /// Parts of ksmbd whose messages can be switched; ours are switched together.
    private static let components = ["all", "smb", "auth", "vfs", "oplock", "ipc", "conn", "rdma"]
    private static let listMilliseconds: CInt = 5000

    private static let tool = Tool(
        name: "ksmbd.control",
        usage: [
            "ksmbd.control [-v] -s", "ksmbd.control [-v] -r", "ksmbd.control [-v] -l",
            "ksmbd.control [-v] -d COMPONENT", "ksmbd.control [-v] -c",
        ],
        help: """
              -s, --shutdown           end the server
              -r, --reload             have the server read its files again
              -l, --list               list the server's shares
              -d, --debug=COMPONENT    switch the server's detailed messages on or off; COMPONENT is all, smb, auth,
                                       vfs, oplock, ipc, conn or rdma, and what is on is shown in brackets ([])
              -c, --ksmbd-version      print the server's version
              -v, --verbose            say more
              -V, --version            print the version
              -h, --help               print this

            """)
    private static let options: [ToolArguments.Option] =
        [
            .init("s", "shutdown"), .init("r", "reload"), .init("l", "list"), .init("d", "debug", .required),
            .init("c", "ksmbd-version"),
        ] + Tool.commonOptions

    static func main() -> Never { Tool.main(tool, run) }

    /// The first option that says what to do is done, and nothing after it.
    private static func run(_ tool: inout Tool, _ arguments: [String]) throws(Tool.Exit) {
        for item in ToolArguments(arguments, options).items {
            if try tool.handle(item) { continue }
            switch item {
            case .option("s", _):
                return try send(SIGTERM, tool, done: "Terminated mountd", failed: "Can't terminate mountd")
            case .option("r", _): return try send(SIGHUP, tool, done: "Notified mountd", failed: "Can't notify mountd")
            case .option("l", _): return try list(tool)
            case .option("d", let component): return try debug(component ?? "", tool)
            case .option("c", _): return tool.info("ksmbd version : Apus \(ApusCommand.versionText)")
            default: break
            }
        }
        throw tool.explain(.failure)
    }

    private static func send(_ signal: CInt, _ tool: Tool, done: String, failed: String) throws(Tool.Exit) {
        guard let process = LockFile.holder, kill(process, signal) == 0 else { throw tool.fail(failed) }
        tool.info(done)
    }

    /// The server writes its shares into a fifo that bears the number of the process that signals it.
    private static func list(_ tool: Tool) throws(Tool.Exit) {
        let path = "\(ShareList.fifoPath).\(getpid())"
        // SAFETY: the path is a terminated string for the length of the calls.
        guard unsafe mkfifo(path, 0o600) == 0 else {
            throw tool.fail("Can't list mountd shares: \(systemMessage(errno))")
        }
        defer { _ = unsafe unlink(path) }
        // SAFETY: as above.
        let fifo = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard fifo >= 0, let process = LockFile.holder, kill(process, SIGUSR1) == 0, copy(fifo) else {
            throw tool.fail("Can't list mountd shares")
        }
        tool.info("Listed mountd shares")
    }

    /// - Returns: false when the server does not write.
    private static func copy(_ fifo: CInt) -> Bool {
        defer { close(fifo) }
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var entry = pollfd(fd: fifo, events: Int16(POLLIN), revents: 0)
            // SAFETY: the entry and the array live through the calls, and the array's size is said.
            guard unsafe poll(&entry, 1, listMilliseconds) > 0 else { return false }
            let count = unsafe read(fifo, &chunk, chunk.count)
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { return count == 0 }
            Tool.write(String(decoding: chunk[..<count], as: UTF8.self))
        }
    }

    private static func debug(_ component: String, _ tool: Tool) throws(Tool.Exit) {
        guard components.contains(component) else { throw tool.fail("There is no component `\(component)'") }
        var level: String?
        do throws(AdminError) {
            try AdminClient.ask(AdminSide.usualPath, ["verb": "log-level", "level": "toggle"]) { answer in
                level = answer["level"]?.string
                return true
            }
        } catch {
            tool.debug("\(error)")
        }
        guard let level else { throw tool.fail("Can't toggle ksmbd debug component") }
        Tool.write(components.map { level == "debug" ? "[\($0)]" : $0 }.joined(separator: " ") + "\n")
    }
}

/// The server's half of `ksmbd.control -l`.
enum ShareList {
    static let fifoPath = "/run/ksmbd.fifo"

    /// - Parameters:
    ///   - shares: names and comments.
    ///   - process: who has asked, by a signal. A fifo that nobody reads is left alone.
    static func write(_ shares: [(name: String, comment: String)], for process: pid_t) {
        // SAFETY: the path is a terminated string for the length of the call.
        let fifo = unsafe open("\(fifoPath).\(process)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard fifo >= 0 else { return }
        defer { close(fifo) }
        func line(_ name: String, _ comment: String) -> String {
            String(repeating: " ", count: max(0, 28 - name.unicodeScalars.count)) + name + "    " + comment
        }
        var text = "\u{1B}[1m" + line("Name", "Comment") + "\u{1B}[m\n"
        for share in shares { text += line(share.name, share.comment) + "\n" }
        // What does not fit into the pipe at once is waited for, not for long.
        var bytes = Array(text.utf8)[...]
        for _ in 0..<100 where !bytes.isEmpty {
            // SAFETY: the slice lives through the call.
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(fifo, $0.baseAddress, $0.count) }
            if count > 0 { bytes = bytes.dropFirst(count) } else if errno == EAGAIN { usleep(10_000) } else { return }
        }
    }
}
