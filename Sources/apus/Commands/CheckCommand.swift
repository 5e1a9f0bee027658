import Administration
import ArgumentParser
import CLinux
import Configuration
import Glibc

/// The files that a command works on.
struct FileOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration, ksmbd.conf or smb.conf.", completion: .file())
    var config = UsualFiles.config
    @Option(name: .shortAndLong, help: "The user database.", completion: .file())
    var users = UsualFiles.users

    /// Ends the command with a message.
    static func fail(_ message: String) -> ExitCode {
        Progress.endAll()
        StandardError.write("apus: \(message)\n")
        return ExitCode(1)
    }

    func loadUsers() throws -> UserDatabase {
        do { return try UserDatabase(path: users, text: TextFile.read(users) ?? "") } catch {
            throw Self.fail("\(error)")
        }
    }

    func save(_ database: UserDatabase) throws {
        UsualFiles.makeFolder(of: users)
        do { try TextFile.replace(users, with: database.text, mode: 0o600) } catch { throw Self.fail("\(error)") }
    }

    func loadText() throws -> String? {
        do { return try TextFile.read(config) } catch { throw Self.fail("\(error)") }
    }

    func saveText(_ text: String) throws {
        UsualFiles.makeFolder(of: config)
        do { try TextFile.rewrite(config, with: Array(text.utf8), modeOfNew: 0o644) } catch {
            throw Self.fail("\(error)")
        }
    }

    /// Has a server that runs here read the files again. That there is none is no mistake; that it does not follow, one
    /// that may be elsewhere in the files.
    func notifyServer(_ socket: String) {
        let progress = Progress("the server reads its files")
        defer { progress.end() }
        do throws(AdminError) { try AdminReload.ask(socket) } catch {
            progress.end()
            if !error.isUnreachable { return StandardError.write("warning: the server did not follow: \(error)\n") }
            if let process = LockFile.holder { kill(process, SIGHUP) }
        }
    }
}

/// `apus check`: whether the configuration is good, what it says, and where it says so.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration; show each value and where it comes from.")

    @OptionGroup var files: FileOptions
    @OptionGroup var progress: ProgressOptions
    @Flag(help: "Also what holds because nothing is said, and what each parameter means.") var all = false

    func run() throws {
        guard let text = try files.loadText() else {
            throw FileOptions.fail("\(files.config): there is no such file; apus share add FOLDER makes it")
        }
        let progress = progress.begin("reading \(files.config)")
        defer { progress.end() }
        let (configuration, file, warnings) = try load(text)
        let doubts = doubts(configuration, file, progress)
        progress.end()
        for warning in warnings + doubts { StandardError.write("warning: \(warning)\n") }
        var section: String?
        var table = Table("parameter", "value", "from", "")
        func flush() {
            if let section { print("[\(section)]\n\(table.text(withTitles: false))") }
            table = Table("parameter", "value", "from", "")
        }
        for value in file.explain(includesDefaults: all) {
            if value.section != section { flush() }
            section = value.section
            table.add(["  \(value.name) =", value.value, origin(value), all ? value.meaning : ""])
        }
        flush()
        print("\(files.config): good; \(configuration.shares.count) shares")
    }

    private func load(_ text: String) throws -> (ServerConfiguration, ConfigurationFile, [String]) {
        do {
            let (configuration, warnings) = try ServerConfiguration.load(path: files.config, text: text)
            return (configuration, try ConfigurationFile(path: files.config, text: text), warnings)
        } catch {
            throw FileOptions.fail("\(error)")
        }
    }

    private func origin(_ value: ExplainedValue) -> String {
        let alias = value.writtenAs.map { ", as `\($0)`" } ?? ""
        return switch value.origin {
        case .line(let line): "line \(line)\(alias)"
        case .global(let line): "[global], line \(line)\(alias)"
        case .standard: "default"
        }
    }

    /// - Parameters:
    ///   - none: what follows where there is certainly no such account.
    ///   - look: looks for it.
    private func doubt<Found>(
        _ place: String, _ none: String, _ look: (String) throws(UnixAccounts.Failure) -> Found?, _ name: String
    ) -> [String] {
        do throws(UnixAccounts.Failure) {
            return try look(name) == nil ? ["\(place): \(none)"] : []
        } catch { return ["\(place): \(error)"] }
    }

    /// What can be read, and will not do what it seems to.
    private func doubts(
        _ configuration: ServerConfiguration, _ file: ConfigurationFile, _ progress: Progress
    ) -> [String] {
        let known = Set((try? files.loadUsers())?.users.map { $0.name.lowercased() } ?? [])
        progress.stage("looking at shares", of: configuration.shares.count)
        return configuration.shares.flatMap { share -> [String] in
            progress.advance()
            let place = "\(files.config):\(share.line): [\(share.name)]"
            var doubts: [String] = []
            var status = stat()
            // SAFETY: the path is a terminated string for the length of the call, and the structure outlives it.
            if unsafe stat(share.path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR {
                doubts.append("\(place): \(share.path) is no folder")
            }
            var names: [String] = []
            for name in [share.validUsers, share.invalidUsers, share.readList, share.writeList, share.adminUsers]
                .joined() where !names.contains(name)
            {
                names.append(name)
                if name.hasPrefix("@") {
                    let group = String(name.dropFirst())
                    doubts += doubt(place, "there is no group '\(group)'", UnixAccounts.groupID, group)
                } else if !known.contains(name.lowercased()) {
                    doubts.append("\(place): '\(name)' is not among the users of \(files.users)")
                }
            }
            if !share.forceUser.isEmpty {
                let none = "there is no account '\(share.forceUser)': nobody gets in"
                doubts += doubt(place, none, UnixAccounts.identity, share.forceUser)
            }
            if !share.forceGroup.isEmpty {
                let none = "there is no group '\(share.forceGroup)': nobody gets in"
                doubts += doubt(place, none, UnixAccounts.groupID, share.forceGroup)
            }
            return doubts
        }
    }
}
