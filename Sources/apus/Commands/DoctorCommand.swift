import Administration
import ArgumentParser
import Configuration
import Diagnosis
import Glibc

/// `apus doctor`: what on this machine will hurt, and its mend.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what on this machine will hurt, and say how to mend it.",
        discussion: """
            Looks at the configuration, the accounts, the machine and, where one runs, the server; nothing is changed. \
            Root sees more. Ends with 0 if all is well, 1 for warnings, 2 if something is broken.
            """)

    @OptionGroup var files: FileOptions
    @OptionGroup var admin: AdminOptions
    @Option(name: .shortAndLong, help: "The TCP port, if `serve` is given one.") var port: UInt16?
    @OptionGroup var progress: ProgressOptions
    @Flag(help: "Also what is well.") var all = false
    @Flag(help: "As JSON, for programs; with what is well.") var json = false

    func run() throws {
        let progress = progress.begin("asking the server")
        let findings = examine(progress)
        progress.end()
        if json {
            print(JSON.array(findings.map(Self.describe)).pretty, terminator: "")
        } else {
            for finding in findings where all || finding.severity > .fine { print(Self.text(finding)) }
            let counts = Finding.Severity.allCases.reversed().map { severity in
                "\(findings.count { $0.severity == severity }) \(severity.name)"
            }
            print("\(findings.count) looked at: " + counts.joined(separator: ", "))
        }
        guard findings.exitCode == 0 else { throw ExitCode(findings.exitCode) }
    }

    private func examine(_ progress: Progress) -> [Finding] {
        let server = RunningServer.ask(admin.socket)
        progress.stage("looking at the machine and its network")
        let machine = MachineSurvey.machine(server: server?.process)
        let (configuration, found) = load()
        var findings = found
        findings += MachineChecks.findings(
            machine, openCountMax: configuration.openCountMax, supportsKerberos: configuration.supportsKerberos)
        findings += NetworkChecks.findings(
            configuration,
            ports: MachineSurvey.ports(port.map { [$0] } ?? configuration.ports, server: server?.process),
            firewall: MachineSurvey.firewallRules, isKsmbdLoaded: machine.isKsmbdLoaded)
        progress.stage("looking at accounts")
        findings += AccountChecks.findings(
            configuration, AccountSurvey.look(configuration, users: files.users), isRoot: machine.isRoot)
        progress.stage("looking at shares", of: configuration.shares.count)
        for share in configuration.shares {
            findings += ShareChecks.findings(share, ShareSurvey.look(share))
            progress.advance()
        }
        return findings + ServerChecks.findings(server?.facts, configuration)
    }

    /// What cannot be read is a finding; the rest is judged by what holds where nothing is said.
    private func load() -> (ServerConfiguration, [Finding]) {
        func broken(_ seen: String, _ mend: String) -> (ServerConfiguration, [Finding]) {
            let reason = "the server does not start, and a reload changes nothing"
            return (ServerConfiguration(), [Finding("configuration", .broken, seen, because: reason, mend: mend)])
        }
        do {
            guard let text = try TextFile.read(files.config) else {
                return broken("there is no \(files.config)", "apus share add FOLDER makes it; or say --config FILE")
            }
            let (configuration, warnings) = try ServerConfiguration.load(path: files.config, text: text)
            let findings = warnings.map { warning in
                Finding(
                    "configuration", .warning, warning, because: "what it is meant to do is not done",
                    mend: "mend or remove it; docs/configuration.md lists all keys")
            }
            let fine = Finding("configuration", .fine, "\(files.config), \(configuration.shares.count) shares")
            return (configuration, findings.isEmpty ? [fine] : findings)
        } catch {
            return broken("\(error)", "mend that line; apus check says whether it is good")
        }
    }

    private static func text(_ finding: Finding) -> String {
        var text = "\(finding.severity.name): \(finding.check): \(finding.seen)"
        if !finding.reason.isEmpty { text += "\n  because  \(finding.reason)" }
        if !finding.mend.isEmpty { text += "\n  mend it  \(finding.mend)" }
        return text.split(separator: "\n").map { String($0).printable }.joined(separator: "\n")
    }

    private static func describe(_ finding: Finding) -> JSON {
        [
            "check": .string(finding.check), "severity": .string(finding.severity.name), "seen": .string(finding.seen),
            "reason": .string(finding.reason), "mend": .string(finding.mend),
        ]
    }
}

/// The server that answers at the admin socket, if there is one.
private struct RunningServer {
    var process: Int32?
    var facts: RunningServerFacts

    static func ask(_ socket: String) -> RunningServer? {
        var found: RunningServer?
        let request: JSON = ["verb": "status", "limit": 1000]
        _ = try? AdminClient.ask(socket, request) { line in
            if let server = line["server"] {
                var facts = RunningServerFacts()
                facts.version = server["version"]?.string ?? ""
                facts.toolVersion = ApusCommand.versionText
                facts.openCount = Int(server["opens"]?.integer ?? 0)
                facts.connectionCount = Int(server["connections"]?.integer ?? 0)
                facts.sessionCount = Int(server["sessions"]?.integer ?? 0)
                facts.shares = server["shares"]?.array.compactMap(\.string)
                found = RunningServer(process: server["process"]?.integer.map { Int32(clamping: $0) }, facts: facts)
            }
            if let session = line["session"] {
                let client = RunningServerFacts.Client(
                    user: session["user"]?.string ?? "", address: session["client"]?.string ?? "",
                    dialect: session["dialect"]?.string ?? "", isGuest: session["guest"]?.boolean ?? false)
                found?.facts.clients.append(client)
            }
            if let cipher = line["connection"]?["cipher"]?.string, cipher.hasSuffix("CCM") {
                found?.facts.clientsWithSlowCipher.append(line["connection"]?["client"]?.string ?? "")
            }
            return true
        }
        return found
    }
}
