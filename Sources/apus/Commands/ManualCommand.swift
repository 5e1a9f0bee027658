import ArgumentParser
import Configuration

/// `apus manual`: prints the parts of the documentation that are made from the parser's table.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the configuration's manual.", shouldDisplay: false)

    enum Form: String, ExpressibleByArgument, CaseIterable { case markdown, man }
    @Argument(help: "markdown for docs/configuration.md, man for apus.conf(5).") var form = Form.markdown

    func run() {
        print(form == .man ? ConfigurationManual.page : ConfigurationManual.markdown, terminator: "")
    }
}
