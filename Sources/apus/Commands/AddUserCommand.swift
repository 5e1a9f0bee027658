import ArgumentParser
import Configuration
import Glibc
import SMBCrypto

/// ksmbd.adduser(8): adds, changes and deletes users in ksmbdpwd.db.
struct AddUserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ksmbd.adduser", abstract: "Add, update or delete a user of the user database.",
        discussion: "Without -a, -u or -d the user is added, or updated if it is there.")

    @Flag(name: .shortAndLong, help: "Add the user.") var addUser = false
    @Flag(name: .shortAndLong, help: "Update the user.") var updateUser = false
    @Flag(name: .shortAndLong, help: "Delete the user.") var deleteUser = false
    @Option(name: .shortAndLong, help: "The password, instead of being asked for it.") var password: String?
    @Option(name: [.customShort("P"), .customLong("pwddb")], help: "The user database.")
    var database = "/etc/ksmbd/ksmbdpwd.db"
    @Option(name: [.customShort("C"), .customLong("config")], help: "The configuration.")
    var config = "/etc/ksmbd/ksmbd.conf"
    @Flag(name: .shortAndLong, help: "Say more.") var verbose = false
    @Flag(name: [.customShort("V"), .customLong("version")], help: "Print the version.") var version = false
    @Argument(help: "The user's name.") var user: String?

    func run() throws {
        if version {
            print("apus: ksmbd.adduser 0.1.0")
            return
        }
        guard let user else { throw ValidationError("No user was given") }
        guard [addUser, updateUser, deleteUser].count(where: \.self) <= 1 else {
            throw ValidationError("Only one of -a, -u and -d")
        }
        guard UserDatabase.isValidName(user) else {
            throw ValidationError("A user's name is UTF-8 of 1 to 47 bytes without ':'")
        }
        do { try change(user) } catch let failure as TextFile.Failure {
            StandardError.write("\(failure)\n")
            throw ExitCode(1)
        } catch let failure as ConfigurationError {
            StandardError.write("\(failure)\n")
            throw ExitCode(1)
        }
    }

    private func change(_ user: String) throws {
        var users = try UserDatabase(path: database, text: TextFile.read(database) ?? "")
        let exists = users.users.contains { $0.name == user }
        if addUser, exists { try fail("User `\(user)' already exists") }
        if updateUser || deleteUser, !exists { try fail("User `\(user)' does not exist") }
        if deleteUser {
            try refuseIfUsed(user)
            _ = users.remove(user)
        } else {
            guard let password = password ?? Self.askTwice() else { try fail("The passwords differ") }
            guard password.utf8.count < 129 else { try fail("A password has at most 128 bytes") }
            users.set(UserDatabase.User(name: user, passwordHash: MD4.hash(password.utf16LittleEndian)))
        }
        try TextFile.replace(database, with: users.text, mode: 0o600)
        let word = deleteUser ? "Deleted" : exists ? "Updated" : "Added"
        print("\(word) user `\(user)'")
    }

    /// A user that the configuration names stays.
    private func refuseIfUsed(_ user: String) throws {
        guard let text = try TextFile.read(config) else { return }
        let configuration = try ServerConfiguration.load(path: config, text: text).configuration
        let isUsed =
            configuration.guestAccount == user
            || configuration.shares.contains { share in
                [share.validUsers, share.invalidUsers, share.readList, share.writeList, share.adminUsers]
                    .contains { $0.contains(user) } || share.forceUser == user || share.guestAccount == user
            }
        if isUsed { try fail("User `\(user)' is used in \(config)") }
    }

    private func fail(_ message: String) throws -> Never {
        StandardError.write(message + "\n")
        throw ExitCode(1)
    }

    /// nil when the two answers differ.
    private static func askTwice() -> String? {
        func ask(_ prompt: String) -> String {
            StandardError.write(prompt)
            var old = termios()
            // SAFETY: both calls only fill or read the local structure.
            let isTerminal = unsafe tcgetattr(0, &old) == 0
            if isTerminal {
                var silent = old
                silent.c_lflag &= ~tcflag_t(ECHO)
                // SAFETY: the structure outlives the calls.
                unsafe tcsetattr(0, TCSANOW, &silent)
            }
            defer {
                // SAFETY: the structure outlives the calls.
                if isTerminal { unsafe tcsetattr(0, TCSANOW, &old) }
                StandardError.write("\n")
            }
            return readLine(strippingNewline: true) ?? ""
        }
        let first = ask("New password:")
        return first == ask("Retype new password:") ? first : nil
    }
}

extension String {
    var utf16LittleEndian: [UInt8] { utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } }
}

/// `apus user`: the same under a plainer name.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Manage users.", subcommands: [AddUserCommand.self])
}
