import ArgumentParser
import Configuration
import Glibc

/// `apus serve`: the server in the foreground.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Serve the configured shares.")

    @Option(name: .shortAndLong, help: "The configuration, ksmbd.conf or smb.conf.") var config =
        UsualFiles.config
    @Option(name: .shortAndLong, help: "The user database.") var users = UsualFiles.users
    @Option(name: .shortAndLong, help: "The TCP port, instead of the configured one.") var port: UInt16?
    @Flag(name: .shortAndLong, help: "Log more.") var verbose = false
    /// As ksmbd.mountd starts it: descriptor 3 is told when clients are served.
    @Flag(help: .hidden) var detached = false

    func run() throws {
        try Service.run(
            config: config, users: users, port: port, isVerbose: verbose, role: detached ? .detachedMountd : .server)
    }
}
