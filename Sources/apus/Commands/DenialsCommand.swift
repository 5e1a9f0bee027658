import Administration
import ArgumentParser

/// `apus denials`: what the running server refused last, and why.
struct DenialsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denials", abstract: "Show the requests that were refused last, and why.")

    @OptionGroup var admin: AdminOptions
    @Option(help: "How many at most.") var last = 20
    @Flag(help: "As JSON, for programs.") var json = false

    func run() throws {
        let request: JSON = ["verb": "denials", "limit": JSON(max(last, 0))]
        if json { return print(try admin.collect(request).pretty, terminator: "") }
        var isAny = false
        try admin.ask(request) { line in
            guard let denial = line["denial"] else { return true }
            isAny = true
            print(text(denial))
            return true
        }
        if !isAny { print("nothing was refused since the server started") }
    }

    private func text(_ denial: JSON) -> String {
        func value(_ name: String) -> String { denial[name]?.string ?? "" }
        let user = value("user").isEmpty ? "somebody" : value("user")
        let count = denial["count"]?.integer ?? 1
        let path = value("path").isEmpty ? "" : "/" + value("path").split(separator: "\\").joined(separator: "/")
        let subject = value("share").isEmpty ? "" : " [\(value("share"))]\(path)"
        return """
            \(value("time"))  \(user) from \(value("client")): \(value("command"))\(subject): \(value("status"))\
            \(count > 1 ? ", \(count) times" : "")
              stage     \(value("stage"))
              because   \(value("reason"))
              allow it  \(value("remedy"))
            """
    }
}
