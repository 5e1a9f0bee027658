import ArgumentParser

/// One binary, several names: called as ksmbd.adduser and the like it behaves as ksmbd-tools do.
@main
enum Apus {
    static func main() {
        let arguments = CommandLine.arguments
        let name = arguments.first?.split(separator: "/").last.map(String.init) ?? "apus"
        switch name {
        case "ksmbd.adduser": AddUserTool.main()
        case "ksmbd.addshare": AddShareTool.main()
        case "ksmbd.control": ControlTool.main()
        case "ksmbd.mountd": MountTool.main()
        default: ApusCommand.main(Array(arguments.dropFirst()))
        }
    }
}

struct ApusCommand: ParsableCommand {
    static let versionText = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "apus", abstract: "An SMB3 file server.", version: versionText,
        subcommands: [
            ServeCommand.self, StatusCommand.self, TopCommand.self, TraceCommand.self, WhoCommand.self,
            WhyCommand.self, DenialsCommand.self, DoctorCommand.self, SessionCommand.self, FileCommand.self,
            ReloadCommand.self, LogCommand.self,
            CheckCommand.self, UserCommand.self, ShareCommand.self, ImportCommand.self, ManualCommand.self,
            ControlPlaneCommand.self, DiscoveryCommand.self,
        ],
        defaultSubcommand: nil)
}
