import ArgumentParser
import Glibc

/// One binary, several names: called as ksmbd.adduser and the like it behaves as ksmbd-tools do.
@main
enum Apus {
    static func main() {
        let arguments = CommandLine.arguments
        let name = arguments.first?.split(separator: "/").last.map(String.init) ?? "apus"
        let rest = Array(arguments.dropFirst())
        switch name {
        case "ksmbd.adduser": AddUserCommand.main(rest)
        case "ksmbd.mountd": MountdCommand.main(rest)
        case "ksmbd.addshare", "ksmbd.control": NotYetCommand.refuse(name)
        default: ApusCommand.main(rest)
        }
    }
}

struct ApusCommand: ParsableCommand {
    static let versionText = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "apus", abstract: "An SMB3 file server.", version: versionText,
        subcommands: [
            ServeCommand.self, StatusCommand.self, WhyCommand.self, DenialsCommand.self, UserCommand.self,
            ManualCommand.self, ControlPlaneCommand.self,
        ],
        defaultSubcommand: nil)
}

/// Names that exist for ksmbd's sake and have no program behind them yet.
enum NotYetCommand {
    static func refuse(_ name: String) -> Never {
        StandardError.write("\(name): not there yet\n")
        Glibc.exit(1)
    }
}
