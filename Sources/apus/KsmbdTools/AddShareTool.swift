import Glibc

/// ksmbd.addshare(8): adds, changes and deletes shares in ksmbd.conf.
enum AddShareTool {
    private static let tool = Tool(
        name: "ksmbd.addshare",
        usage: ["ksmbd.addshare [-v] [-C CONF] [-P PWDDB] [-a | -u | -d] [-o OPT]... SHARE"],
        help: """
            Adds SHARE to the configuration, or changes it if it is there. Comments and order are not kept.
            SHARE is UTF-8 of 1 to 63 bytes; capitals and small letters are the same.

              -a, --add            only add SHARE
              -u, --update         only change SHARE
              -d, --delete         delete SHARE
              -o, --option=OPT     a parameter, `key = value', instead of being asked for all; may be repeated
              -C, --config=CONF    the configuration (/etc/ksmbd/ksmbd.conf)
              -P, --pwddb=PWDDB    the user database (/etc/ksmbd/ksmbdpwd.db)
              -v, --verbose        say more
              -V, --version        print the version
              -h, --help           print this

            """)

    static func main() -> Never { Tool.main(tool, run) }

    private static func run(_ tool: inout Tool, _ arguments: [String]) throws(Tool.Exit) {
        let edit = try ToolEdit(arguments, own: .init("o", "option", .required), &tool)
        let share = edit.name
        let parameters = edit.values.map { Array($0.utf8) }
        let name = Array(share.utf8)
        guard ToolConfiguration.isShareName(name) else { throw tool.fail("Invalid share name `\(share)'") }
        let users = try tool.loadUsers(edit.database, makes: false)
        var configuration = try tool.loadConfiguration(edit.config, makes: true)
        let exists = configuration.index(of: name) != nil
        let done: String
        switch edit.command ?? (exists ? .update : .add) {
        case .add:
            guard !exists else { throw tool.fail("Share `\(share)' already exists") }
            try change(name, parameters, &configuration, users, tool)
            done = "Added"
        case .update:
            guard exists else { throw tool.fail("Share `\(share)' does not exist") }
            try change(name, parameters, &configuration, users, tool)
            done = "Updated"
        case .delete:
            guard exists else { throw tool.fail("Share `\(share)' does not exist") }
            done = delete(name, &configuration, tool)
        }
        try tool.replace(edit.config, with: configuration.text, mode: 0o640)
        tool.info("\(done) share `\(share)'")
        tool.notifyServer()
    }

    private static func change(
        _ name: [UInt8], _ parameters: [[UInt8]], _ configuration: inout ToolConfiguration, _ users: ToolUsers,
        _ tool: Tool
    ) throws(Tool.Exit) {
        var parameters = parameters
        if parameters.isEmpty {
            tool.info("Prompting for options")
            let section = configuration.index(of: name).map { configuration.sections[$0] }
            let isGlobal = ToolConfiguration.folded(name) == "global"
            let root = configuration.section("global")?.value("root directory") ?? []
            var prompt = SharePrompt(section, isGlobal: isGlobal, users: users, rootDirectory: root)
            guard let answers = prompt.ask() else { throw .failure }
            parameters = answers
        }
        configuration.enter(name)
        set(parameters, &configuration, tool)
    }

    private static func set(_ parameters: [[UInt8]], _ configuration: inout ToolConfiguration, _ tool: Tool) {
        for parameter in parameters.map({ ToolConfiguration.withoutLeadingBlanks($0) })
        where !ToolConfiguration.isEnd(parameter.first) && !configuration.set(option: parameter) {
            tool.info("Ignored option `\(String(decoding: parameter, as: UTF8.self))'")
        }
    }

    /// [global] stays, without what it says of shares. - Returns: what was done.
    private static func delete(_ name: [UInt8], _ configuration: inout ToolConfiguration, _ tool: Tool) -> String {
        guard ToolConfiguration.folded(name) == "global" else {
            configuration.remove(name)
            return "Deleted"
        }
        configuration.enter(name)
        let shareWide = ToolShareParameter.all.filter { $0.isSettable(inGlobal: true) }
        set(shareWide.map { Array("\($0.name) = ".utf8) }, &configuration, tool)
        return "Updated"
    }
}
