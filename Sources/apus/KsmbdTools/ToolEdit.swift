/// What ksmbd.addshare and ksmbd.adduser are told alike: what to do, to which name, in which files.
struct ToolEdit {
    enum Command { case add, update, delete }
    /// nil: add, or change what is there.
    private(set) var command: Command?
    private(set) var database = "/etc/ksmbd/ksmbdpwd.db"
    private(set) var config = "/etc/ksmbd/ksmbd.conf"
    /// The share or the user.
    let name: String
    /// Values of the tool's own option, in their order.
    private(set) var values: [String] = []

    static func options(own: ToolArguments.Option) -> [ToolArguments.Option] {
        [
            .init("a", "add"), .init("u", "update"), .init("d", "delete"), own, .init("C", "config", .required),
            .init("P", "pwddb", .required),
        ] + Tool.commonOptions
    }

    /// - Parameter own: the tool's own option, which takes a value.
    init(_ arguments: [String], own: ToolArguments.Option, _ tool: inout Tool) throws(Tool.Exit) {
        let arguments = ToolArguments(arguments, Self.options(own: own))
        for item in arguments.items {
            if try tool.handle(item) { continue }
            switch item {
            case .option("a", _): command = .add
            case .option("u", _): command = .update
            case .option("d", _): command = .delete
            case .option("P", let value): database = value ?? ""
            case .option("C", let value): config = value ?? ""
            case .option(own.letter, let value): values.append(value ?? "")
            default: break
            }
        }
        guard arguments.operands.count == 1, let name = arguments.operands.first else { throw tool.explain(.failure) }
        self.name = name
    }
}
