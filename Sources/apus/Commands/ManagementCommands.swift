import Administration
import ArgumentParser

/// `apus session`: what can be done with a client's session.
struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Manage sessions.", subcommands: [Close.self])

    struct Close: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "close", abstract: "End a session, with all that is open in it.")
        @OptionGroup var admin: AdminOptions
        @Argument(help: "Its number, as `apus status` shows it.") var id: UInt64

        func run() throws {
            try admin.ask(["verb": "session-close", "id": JSON(id)]) { _ in true }
            print("session \(id) is closed")
        }
    }
}

/// `apus file`: what can be done with a file that a client has open.
struct FileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "file", abstract: "Manage open files.", subcommands: [Close.self])

    struct Close: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "close", abstract: "Close a file under its client's hands; what it has cached is lost.")
        @OptionGroup var admin: AdminOptions
        @Argument(help: "The open's number, as `apus status` and `apus who` show it.") var id: UInt64

        func run() throws {
            try admin.ask(["verb": "file-close", "id": JSON(id)]) { _ in true }
            print("open file \(id) is closed")
        }
    }
}

/// `apus reload`: the files are read again, and nobody is dropped.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have the server read its configuration and users again.",
        discussion: "Who is connected stays connected. SIGHUP does the same, but does not say what is wrong.")
    @OptionGroup var admin: AdminOptions
    @OptionGroup var progress: ProgressOptions

    func run() throws {
        let progress = progress.begin("the server reads its files")
        defer { progress.end() }
        try admin.ask(["verb": "reload"]) { answer in
            progress.end()
            if let warning = answer["warning"]?.string { StandardError.write("apus: \(warning)\n") }
            return true
        }
    }
}

/// `apus log`: how much the server says.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Manage the server's log.", subcommands: [Level.self])

    struct Level: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "level", abstract: "Show or set how much the server says, until it ends.")
        @OptionGroup var admin: AdminOptions
        @Argument(help: "debug or info.", completion: .list(LogLevel.allCases.map(\.name))) var level: String?

        func run() throws {
            var request: [JSON.Member] = [.init("verb", "log-level")]
            if let level { request.append(.init("level", .string(level))) }
            try admin.ask(.object(request)) { answer in
                print(answer["level"]?.string ?? "")
                return true
            }
        }
    }
}

/// `apus who PATH`: who has it open, and how.
struct WhoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "who", abstract: "Show who has a file or folder open, from where and how.",
        discussion: "PATH is one of this machine's file system, or SHARE/PATH, or //SERVER/SHARE/PATH.")
    @OptionGroup var admin: AdminOptions
    @Flag(help: "And what is open below it.") var beneath = false
    @Flag(help: "As JSON, for programs.") var json = false
    @Argument(help: "The file or folder.", completion: .file()) var path: String

    func run() throws {
        let answer = try admin.collect(
            ["verb": "who", "path": .string(Self.absolute(path)), "beneath": .boolean(beneath)])
        if json { return print(answer.pretty, terminator: "") }
        let opens = answer["open"]?.array ?? []
        guard !opens.isEmpty else { return print("nobody has it open") }
        var table = Table("id", "user", "client", "since", "access", "others may", "caching", "locks", "path")
        for open in opens { table.add(StatusTables.open(open)) }
        print(table.text, terminator: "")
    }

    /// A path that begins with a dot is one of the working folder; others may name a share.
    static func absolute(_ path: String) -> String {
        guard path == "." || path.hasPrefix("./") || path.hasPrefix("../") || path == ".." else { return path }
        return Paths.resolved(path) ?? path
    }
}
