import Configuration
import Glibc
import SMBCrypto

/// ksmbd.adduser(8): adds, changes and deletes users in ksmbdpwd.db.
enum AddUserTool {
    private typealias Bytes = [UInt8]

    private static let tool = Tool(
        name: "ksmbd.adduser", usage: ["ksmbd.adduser [-v] [-P PWDDB] [-C CONF] [-a | -u | -d] [-p PWD] USER"],
        help: """
            Adds USER to the user database, or gives it another password if it is there.
            USER is UTF-8 of 1 to 47 bytes without a colon.

              -a, --add             only add USER
              -u, --update          only change USER
              -d, --delete          delete USER
              -p, --password=PWD    the password, UTF-8 of at most 128 bytes, instead of being asked for it
              -P, --pwddb=PWDDB     the user database (/etc/ksmbd/ksmbdpwd.db)
              -C, --config=CONF     the configuration (/etc/ksmbd/ksmbd.conf): whom it names is not deleted
              -v, --verbose         say more
              -V, --version         print the version
              -h, --help            print this

            """)

    static func main() -> Never { Tool.main(tool, run) }

    private static func run(_ tool: inout Tool, _ arguments: [String]) throws(Tool.Exit) {
        let edit = try ToolEdit(arguments, own: .init("p", "password", .required), &tool)
        let (user, password) = (edit.name, edit.values.last)
        let name = Array(user.utf8)
        guard ToolUsers.isUserName(name) else { throw tool.fail("Invalid user name `\(user)'") }
        var users = try tool.loadUsers(edit.database, makes: true)
        let configuration = try tool.loadConfiguration(edit.config, makes: false)
        let guests = guests(configuration)
        let exists = users[name] != nil || guests.contains(name)
        switch edit.command ?? (exists ? .update : .add) {
        case .add:
            guard !exists else { throw tool.fail("User `\(user)' already exists") }
            users[name] = try hash(password, tool)
        case .update:
            guard exists else { throw tool.fail("User `\(user)' does not exist") }
            users[name] = try hash(password, tool)
        case .delete:
            guard exists else { throw tool.fail("User `\(user)' does not exist") }
            try refuseIfNeeded(name, users, configuration, tool)
            users[name] = nil
        }
        try tool.replace(edit.database, with: users.text(without: guests), mode: 0o600)
        let isDeleted = edit.command == .delete
        tool.info("\(isDeleted ? "Deleted" : exists ? "Updated" : "Added") user `\(user)'")
        tool.notifyServer()
    }

    /// The accounts that guests act as are users without a password.
    private static func guests(_ configuration: ToolConfiguration) -> Set<Bytes> {
        let server = configuration.section("global")?.value("guest account") ?? Array("nobody".utf8)
        return Set([server] + shares(configuration).compactMap { $0.value("guest account") })
    }

    private static func shares(_ configuration: ToolConfiguration) -> [ToolConfiguration.Section] {
        configuration.sections.filter { ToolConfiguration.folded($0.name) != "global" }
    }

    /// Whom the configuration relies on stays.
    private static func refuseIfNeeded(
        _ name: Bytes, _ users: ToolUsers, _ configuration: ToolConfiguration, _ tool: Tool
    ) throws(Tool.Exit) {
        let global = configuration.section("global")
        let user = String(decoding: name, as: UTF8.self)
        if name == global?.value("guest account") ?? Array("nobody".utf8) {
            throw tool.fail("Server requires user `\(user)'")
        }
        for share in shares(configuration) {
            let lists = ["write list", "valid users"].compactMap { share.value($0) ?? global?.value($0) }
            do {
                guard try share.value("guest account") == name || lists.contains(where: { try contains($0, name) })
                else {
                    continue
                }
            } catch { throw tool.fail("\(error)") }
            throw tool.fail("Share `\(String(decoding: share.name, as: UTF8.self))' requires user `\(user)'")
        }
    }

    private static func contains(_ list: Bytes, _ name: Bytes) throws -> Bool {
        let words = list.split { ToolConfiguration.isBlank($0) || $0 == UInt8(ascii: ",") }.map { Array($0) }
        return try words.contains { word in
            guard word.first == UInt8(ascii: "@") else { return word == name }
            let group = String(decoding: word.dropFirst(), as: UTF8.self)
            return try UnixAccounts.isMember(String(decoding: name, as: UTF8.self), of: group)
        }
    }

    /// - Parameter password: nil to ask for it.
    private static func hash(_ password: String?, _ tool: Tool) throws(Tool.Exit) -> Bytes {
        if password == nil { tool.info("Prompting for password") }
        guard let password = password ?? PasswordPrompt.ask() else { throw .failure }
        guard password.utf8.count <= PasswordPrompt.byteCountMax else {
            throw tool.fail("Password exceeds \(PasswordPrompt.byteCountMax) bytes")
        }
        if password.isEmpty { tool.info("Password is empty") }
        return Array(UserDatabase.hashText(MD4.hash(password.utf16LittleEndian)).utf8)
    }
}

extension UnixAccounts {
    /// Whether the group is the user's main one or lists it.
    static func isMember(_ user: String, of group: String) throws(Failure) -> Bool {
        guard let identity = try identity(of: user), let number = try groupID(of: group) else { return false }
        return identity.groupID == number || identity.groups.contains(number)
    }
}

extension String {
    var utf16LittleEndian: [UInt8] { utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } }
}
