import Administration
import ArgumentParser
import Configuration
import SMBCrypto

/// `apus reload` without a word about a server that is not there.
enum AdminReload {
    static func ask(_ socket: String) throws(AdminError) {
        try AdminClient.ask(socket, ["verb": "reload"]) { _ in true }
    }
}

/// `apus user`: who may log in with a password.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Manage the users who log in with a password.",
        subcommands: [Add.self, Remove.self, List.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add a user, or give one another password.")
        @OptionGroup var files: FileOptions
        @OptionGroup var admin: AdminOptions
        @Flag(help: "Read the password from standard input, one line, instead of asking for it twice.")
        var passwordFromStdin = false
        @Argument(help: "The user's name.") var name: String

        func run() throws {
            try files.setUser(name) { passwordFromStdin ? readLine(strippingNewline: true) : PasswordPrompt.ask() }
            files.notifyServer(admin.socket)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a user.")
        @OptionGroup var files: FileOptions
        @OptionGroup var admin: AdminOptions
        @Argument(help: "The user's name.") var name: String

        func run() throws {
            var database = try files.loadUsers()
            guard database.remove(name) else { throw FileOptions.fail("there is no user '\(name)' in \(files.users)") }
            try files.save(database)
            files.notifyServer(admin.socket)
            print("\(name) is no user any more")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the users.")
        @OptionGroup var files: FileOptions

        func run() throws { for user in try files.loadUsers().users { print(user.name.printable) } }
    }
}

extension FileOptions {
    /// Adds a user, or gives one another password, and says so.
    /// - Parameter password: asks for it; nil when there is no answer.
    func setUser(_ name: String, password: () -> String?) throws {
        guard UserDatabase.isValidName(name) else {
            throw Self.fail("a user's name is UTF-8 of 1 to 47 bytes without ':'")
        }
        var database = try loadUsers()
        let isNew = !database.has(name)
        guard let password = password() else { throw Self.fail("no password was given; no user is changed") }
        guard password.utf8.count <= PasswordPrompt.byteCountMax else {
            throw Self.fail("a password has at most \(PasswordPrompt.byteCountMax) bytes")
        }
        database.set(UserDatabase.User(name: name, passwordHash: MD4.hash(password.utf16LittleEndian)))
        try save(database)
        print("\(name) \(isNew ? "is a user now" : "has another password now")")
        do {
            guard try UnixAccounts.identity(of: name) == nil else { return }
            StandardError.write(
                "warning: this system has no account '\(name)', as which its files would be touched "
                    + "(useradd -M \(name))\n")
        } catch { StandardError.write("warning: \(error)\n") }
    }
}
