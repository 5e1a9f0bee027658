import CLinux
import Glibc

/// ksmbd.mountd(8): the server under the name and with the options of ksmbd-tools.
enum MountTool {
    private static let tool = Tool(
        name: "ksmbd.mountd", usage: ["ksmbd.mountd [-v] [-p PORT] [-n[WAY]] [-C CONF] [-P PWDDB]"],
        help: """
              -p, --port=PORT         the TCP port, instead of the configured one
              -n, --nodetach[=WAY]    stay in the foreground; WAY is 1 to lead a process group (as without WAY),
                                      or 0 to detach all the same
              -C, --config=CONF       the configuration (/etc/ksmbd/ksmbd.conf)
              -P, --pwddb=PWDDB       the user database (/etc/ksmbd/ksmbdpwd.db)
              -v, --verbose           say more
              -V, --version           print the version
              -h, --help              print this

            """)
    private static let options: [ToolArguments.Option] =
        [
            .init("p", "port", .required), .init("n", "nodetach", .optional), .init("C", "config", .required),
            .init("P", "pwddb", .required),
        ] + Tool.commonOptions

    static func main() -> Never { Tool.main(tool, run) }

    private static func run(_ tool: inout Tool, _ arguments: [String]) throws(Tool.Exit) {
        let arguments = ToolArguments(arguments, options)
        var (way, port): (CLong, UInt16?) = (0, nil)
        var (database, config) = ("/etc/ksmbd/ksmbdpwd.db", "/etc/ksmbd/ksmbd.conf")
        for item in arguments.items {
            if try tool.handle(item) { continue }
            switch item {
            // What is no number is 0, and 0 the configured port.
            case .option("p", let value): port = value.flatMap { UInt16(truncatingIfNeeded: number($0)) }
            case .option("n", let value): way = value.map(number) ?? 1
            case .option("P", let value): database = value ?? ""
            case .option("C", let value): config = value ?? ""
            default: break
            }
        }
        guard arguments.operands.isEmpty else { throw tool.explain(.failure) }
        if port == 0 { port = nil }
        guard way == 0 else {
            if way == 1 { setpgid(0, 0) }
            return try serve(config, database, port, tool)
        }
        try detach(config, database, port, tool)
    }

    /// As strtoul(3) reads it.
    private static func number(_ text: String) -> CLong {
        // SAFETY: the text is a terminated string for the length of the call.
        unsafe strtol(text, nil, 10)
    }

    private static func serve(
        _ config: String, _ database: String, _ port: UInt16?, _ tool: Tool
    ) throws(Tool.Exit) {
        do {
            try Service.run(config: config, users: database, port: port, isVerbose: tool.isVerbose, role: .mountd)
        } catch {
            throw .failure
        }
    }

    /// Passes on what a detached server says until it serves, which it tells by a zero.
    /// - Returns: false when it ended instead.
    private static func relay(_ descriptor: CInt) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            // SAFETY: the array lives through the call, and its size is said.
            let count = unsafe read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            let end = chunk[..<count].firstIndex(of: 0)
            Tool.write(String(decoding: chunk[..<(end ?? count)], as: UTF8.self))
            if end != nil { return true }
        }
    }

    /// Starts the server as a process of its own, and waits until it serves or has said why not.
    private static func detach(
        _ config: String, _ database: String, _ port: UInt16?, _ tool: Tool
    ) throws(Tool.Exit) {
        var ends: [CInt] = [-1, -1]
        // SAFETY: room for two descriptors.
        guard unsafe pipe(&ends) == 0 else { throw tool.fail("Can't create pipe: \(systemMessage(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var words = ["apus", "serve", "--config", config, "--users", database, "--detached"]
        if let port { words += ["--port", "\(port)"] }
        if tool.isVerbose { words.append("--verbose") }
        let process = ChildProcess.start(words, descriptors: [ends[1]])
        close(ends[1])
        guard process > 0 else { throw tool.fail("Can't start mountd: \(systemMessage(CInt(-process)))") }
        guard relay(ends[0]) else { throw tool.fail("Can't init manager") }
        tool.info("Started manager")
    }
}
