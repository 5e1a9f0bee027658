import Administration
import ArgumentParser
import Glibc

/// Where the commands find the server.
struct AdminOptions: ParsableArguments {
    @Option(help: "The server's admin socket.", completion: .file()) var socket = AdminSide.usualPath

    /// Asks, and hands over each line of the answer.
    func ask(_ request: JSON, each: (JSON) throws(AdminError) -> Bool) throws {
        do throws(AdminError) {
            try AdminClient.ask(socket, request, each: each)
        } catch {
            Progress.endAll()
            StandardError.write("apus: \(error)\n")
            throw ExitCode(1)
        }
    }

    /// The lines' objects by their kind, in one object of lists; what is but one stays alone.
    func collect(_ request: JSON, alone: [String] = []) throws -> JSON {
        var kinds: [JSON.Member] = []
        var lists: [String: [JSON]] = [:]
        try ask(request) { line in
            for member in line.members {
                if alone.contains(member.name) {
                    kinds.append(member)
                } else {
                    lists[member.name, default: []].append(member.value)
                }
            }
            return true
        }
        return .object(kinds + lists.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .array($0.value)) })
    }
}

/// `apus status`: who is connected, and what is open.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show connections, sessions, shares in use, open files, leases and locks.")

    @OptionGroup var admin: AdminOptions
    @Flag(help: "As JSON, for programs.") var json = false
    @Flag(help: "Again and again, with what each client and share moves meanwhile.") var watch = false
    @Option(help: "Seconds between two looks with --watch.") var interval = 2.0

    func validate() throws {
        guard interval >= 0.1, interval <= 3600 else { throw ValidationError("--interval is 0.1 to 3600 seconds") }
    }

    func run() throws {
        guard watch else { return show(try look()) }
        var before: JSON?
        while true {
            let status = try look()
            if json {
                print(status.text)
            } else {
                let text = StatusTables.text(status) + StatusTables.throughput(from: before, to: status)
                // The cursor goes home, and what is below the text goes away.
                print("\u{1B}[H\u{1B}[J" + text, terminator: "")
            }
            fflush(nil)
            before = status
            usleep(UInt32(interval * 1_000_000))
        }
    }

    private func look() throws -> JSON { try admin.collect(["verb": "status"], alone: ["server"]) }

    private func show(_ status: JSON) {
        print(json ? status.pretty : StatusTables.text(status), terminator: "")
    }
}

/// The status in tables.
enum StatusTables {
    static func text(_ status: JSON) -> String {
        let server = status["server"] ?? .null
        var text =
            "\(word(server, "name")): Apus \(word(server, "version")), up \(duration(server["uptime"]?.integer ?? 0)), "
            + "\(word(server, "connections")) connections, \(word(server, "sessions")) sessions, "
            + "\(word(server, "opens")) opens\n"
        func list(_ title: String, _ kind: String, _ table: Table, _ row: (JSON) -> [String]) {
            let entries = status[kind]?.array ?? []
            guard !entries.isEmpty else { return }
            var table = table
            for entry in entries { table.add(row(entry)) }
            text += "\n\(title)\n\(table.text)"
        }
        list("Connections", "connection", Table("id", "client", "dialect", "signing", "cipher", "sessions", "age")) {
            row($0, "id", "client", "dialect", "signing", "cipher", "sessions") + [duration($0["age"]?.integer ?? 0)]
        }
        list("Sessions", "session", Table("id", "user", "client", "dialect", "protection", "trees", "opens", "age")) {
            row($0, "id", "user", "client", "dialect") + [protection($0)] + row($0, "trees", "opens")
                + [duration($0["age"]?.integer ?? 0)]
        }
        list("Shares in use", "tree", Table("session", "share", "user", "client", "writable", "opens")) {
            row($0, "session", "share", "user", "client", "writable", "opens")
        }
        list(
            "Open files", "open",
            Table("id", "user", "client", "since", "access", "others may", "caching", "locks", "path")
        ) { open($0) }
        list("Leases", "lease", Table("client", "caching", "breaking to", "opens", "path")) {
            row($0, "client_guid", "caching", "breaking_to", "opens") + [place($0)]
        }
        list("Locks", "lock", Table("open", "user", "offset", "length", "exclusive", "path")) {
            row($0, "open", "user", "offset", "length", "exclusive") + [place($0)]
        }
        return text
    }

    static func open(_ open: JSON) -> [String] {
        let caching = word(open, "caching")
        let kind = caching.isEmpty ? "-" : caching + (open["lease"]?.boolean == true ? " lease" : " oplock")
        return row(open, "id", "user", "client", "since", "access", "share_access") + [kind]
            + row(open, "locks") + [place(open)]
    }

    private static func row(_ entry: JSON, _ names: String...) -> [String] { names.map { word(entry, $0) } }

    private static func word(_ entry: JSON, _ name: String) -> String {
        switch entry[name] {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let flag): flag ? "yes" : "no"
        default: "-"
        }
    }

    private static func place(_ entry: JSON) -> String { "\(word(entry, "share"))\\\(word(entry, "path"))" }

    private static func protection(_ session: JSON) -> String {
        if session["guest"]?.boolean == true { return "guest" }
        if session["anonymous"]?.boolean == true { return "anonymous" }
        if session["encrypted"]?.boolean == true { return "sealed" }
        return session["signed"]?.boolean == true ? "signed" : "none"
    }

    /// Two units at most.
    static func duration(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: "\(seconds / 3600)h \(seconds / 60 % 60)m"
        default: "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
        }
    }

    /// What was moved between two looks, for each tree connect; empty where nothing was.
    static func throughput(from before: JSON?, to now: JSON) -> String {
        let earlier = Dictionary(
            (before?["tree"]?.array ?? []).map { ($0["id"]?.integer ?? 0, $0) }, uniquingKeysWith: { first, _ in first }
        )
        let elapsed =
            Double((now["server"]?["clock"]?.integer ?? 0) - (before?["server"]?["clock"]?.integer ?? 0)) / 1e9
        guard before != nil, elapsed > 0 else { return "" }
        var table = Table("client", "user", "share", "read/s", "written/s", "requests/s")
        for tree in now["tree"]?.array ?? [] {
            guard let old = earlier[tree["id"]?.integer ?? 0] else { continue }
            let rates = ["read_bytes", "written_bytes", "requests"].map { name in
                max(0, Double((tree[name]?.integer ?? 0) - (old[name]?.integer ?? 0)) / elapsed)
            }
            guard rates.contains(where: { $0 > 0 }) else { continue }
            table.add(row(tree, "client", "user", "share") + [bytes(rates[0]), bytes(rates[1]), "\(Int(rates[2]))"])
        }
        return table.isEmpty ? "" : "\nMoved since the last look\n\(table.text)"
    }

    static func bytes(_ count: Double) -> String {
        var (count, unit) = (count, 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while count >= 1024, unit < units.count - 1 { (count, unit) = (count / 1024, unit + 1) }
        return "\(Int(count.rounded())) \(units[unit])"
    }
}
