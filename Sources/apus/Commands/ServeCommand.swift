import ArgumentParser
import Configuration
import Glibc

/// `apus serve`: the server in the foreground.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Serve the configured shares.")

    @Option(name: .shortAndLong, help: "The configuration, ksmbd.conf or smb.conf.") var config =
        "/etc/ksmbd/ksmbd.conf"
    @Option(name: .shortAndLong, help: "The user database.") var users = "/etc/ksmbd/ksmbdpwd.db"
    @Option(name: .shortAndLong, help: "The TCP port, instead of the configured one.") var port: UInt16?
    @Flag(name: .shortAndLong, help: "Log more.") var verbose = false

    func run() throws { try Service.run(config: config, users: users, port: port, isVerbose: verbose) }
}

/// ksmbd.mountd(8): the same server under the name and with the options of ksmbd-tools.
struct MountdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ksmbd.mountd", abstract: "Serve the configured shares.")

    @Option(name: .shortAndLong, help: "The TCP port.") var port: UInt16?
    @Flag(name: .shortAndLong, help: "Stay in the foreground (it always does).") var nodetach = false
    @Option(name: [.customShort("C"), .customLong("config")], help: "The configuration.")
    var config = "/etc/ksmbd/ksmbd.conf"
    @Option(name: [.customShort("P"), .customLong("pwddb")], help: "The user database.")
    var users = "/etc/ksmbd/ksmbdpwd.db"
    @Flag(name: .shortAndLong, help: "Log more.") var verbose = false

    func run() throws { try Service.run(config: config, users: users, port: port, isVerbose: verbose) }
}
