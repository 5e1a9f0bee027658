import ArgumentParser
import Configuration
import Logging

/// The process that `apus serve` starts for the control plane; not for people.
struct ControlPlaneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "control-plane", shouldDisplay: false)

    @Option var config: String
    @Option var users: String
    @Option var channels: Int
    @Flag var restart = false
    @Flag var verbose = false

    func run() throws {
        // A configuration that cannot be read is said in what follows.
        let logsJSON = (try? ServerConfiguration.load(config))?.configuration.logsJSON ?? false
        let log = Service.makeLog(isVerbose: verbose, logsJSON: logsJSON)
        do {
            try ControlPlaneProcess.run(
                config: config, users: users, channelCount: channels, isRestart: restart, log: log)
        } catch {
            log("\(error)")
            throw ExitCode(1)
        }
    }
}
