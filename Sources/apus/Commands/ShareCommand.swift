import ArgumentParser
import CLinux
import Configuration
import Glibc

/// `apus share`: which folders are shared.
struct ShareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share", abstract: "Manage shares.", subcommands: [Add.self, Remove.self, List.self])

    /// What a share is for.
    enum Preset: String, CaseIterable, ExpressibleByArgument {
        case plain, archive, nfs, open
        case timeMachine = "time-machine"

        var entries: [(key: String, value: String)] {
            switch self {
            case .plain: [("read only", "no")]
            case .archive: [("read only", "yes")]
            case .nfs:
                [
                    ("read only", "no"), ("kernel oplocks", "yes"), ("posix locking", "yes"),
                    ("kernel change notify", "yes"),
                ]
            case .open: [("read only", "no"), ("guest ok", "yes")]
            case .timeMachine: [("read only", "no"), ("time machine", "yes")]
            }
        }
        /// What it gives and what it costs.
        var words: String {
            switch self {
            case .plain: "whoever logs in reads and writes, as the folder's permissions allow"
            case .archive: "whoever logs in reads; nobody writes"
            case .nfs:
                "as plain, for folders that NFS or programs here use too: they and the clients see each other's locks "
                    + "and changes, and wait until a client has written back what it caches of a file; each open costs "
                    + "more, and the server must run as root"
            case .open:
                "guests read and write, too, where `map to guest = bad user` lets them in; what guests send and get is "
                    + "neither signed nor sealed, and Windows 11 refuses it by default"
            case .timeMachine:
                "Macs of whoever logs in back up to it, and list it as a place for that where Avahi runs; best a "
                    + "folder that is used for nothing else. `time machine max size = 500G` in its section bounds it. "
                    + "Finder information and resource forks are kept as streams: of files that netatalk or Samba's "
                    + "vfs_fruit wrote they are not found"
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Share a folder.",
            discussion: Preset.allCases.map { "\($0.rawValue): \($0.words)." }.joined(separator: "\n"))
        @OptionGroup var files: FileOptions
        @OptionGroup var admin: AdminOptions
        @Option(help: "Its name on the network; the folder's, if none is given.") var name: String?
        @Option(help: "What it is for.") var preset = Preset.plain
        @Argument(help: "The folder.", completion: .directory) var path: String

        func run() throws {
            guard let folder = Paths.resolved(path) else { throw FileOptions.fail("\(path): \(systemMessage(errno))") }
            var status = stat()
            // SAFETY: the path is a terminated string for the length of the call, and the structure outlives it.
            guard unsafe stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw FileOptions.fail("\(folder): no folder, so it cannot be shared")
            }
            let name = name ?? folder.split(separator: "/").last.map(String.init) ?? ""
            guard Self.isName(name) else {
                throw FileOptions.fail(
                    "'\(name.printable)' is no name for a share: 1 to 63 bytes, none of \(Self.forbidden), and not "
                        + "global, ipc$, homes, printers or print$; --name gives another")
            }
            guard ConfigurationText.canHold(folder) else {
                throw FileOptions.fail("\(folder.printable): no configuration can hold this path; rename the folder")
            }
            let text = try files.loadText() ?? ""
            try checkGrammar(text)
            var new = ConfigurationText(text)
            guard !new.hasSection(name) else {
                throw FileOptions.fail("\(files.config): there is a share [\(name)] already; see --name")
            }
            new.add(section: name, [("path", folder)] + preset.entries)
            try files.saveText(new.text)
            print("\(folder) is shared as [\(name)]: \(preset.words).")
            let hostName = HostName.full
            let place = "\(hostName)/\(name)"
            print("Windows   \\\\\(hostName)\\\(name)\nmacOS     smb://\(place)\nLinux     //\(place)")
            try askForUser()
            files.notifyServer(admin.socket)
        }

        private static let forbidden = #""/\[]:|<>+=;,*?"#
        /// What clients can connect to, [MS-FSCC] 2.1.6, and the configuration can hold.
        static func isName(_ name: String) -> Bool {
            ToolConfiguration.isShareName(Array(name.utf8)) && !name.contains { forbidden.contains($0) }
                && !["global", "ipc$", "homes", "printers", "print$"].contains(name.lowercased())
        }

        /// The first user, where there is none and somebody is there to answer.
        private func askForUser() throws {
            guard try files.loadUsers().users.isEmpty else { return }
            guard isatty(0) == 1 else {
                return StandardError.write("warning: nobody can log in yet: apus user add NAME\n")
            }
            print("Nobody can log in yet. Which user of this system may? (nothing for none)")
            Tool.write("User: ")
            guard let name = readLine(), !name.isEmpty else {
                return StandardError.write("warning: nobody can log in yet: apus user add NAME\n")
            }
            try files.setUser(name) { PasswordPrompt.ask() }
        }

        private func checkGrammar(_ text: String) throws {
            do { _ = try ConfigurationFile(path: files.config, text: text) } catch {
                throw FileOptions.fail("\(error)")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Share a folder no more. Its files stay.")
        @OptionGroup var files: FileOptions
        @OptionGroup var admin: AdminOptions
        @Argument(help: "The share's name.") var name: String

        func run() throws {
            var text = ConfigurationText(try files.loadText() ?? "")
            guard name.lowercased() != "global", text.remove(section: name) else {
                throw FileOptions.fail("\(files.config): there is no share [\(name)]")
            }
            try files.saveText(text.text)
            files.notifyServer(admin.socket)
            print("[\(name)] is shared no more; who uses it now goes on until the connection ends")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the shares.")
        @OptionGroup var files: FileOptions

        func run() throws {
            let configuration: ServerConfiguration
            do {
                configuration = try ServerConfiguration.load(path: files.config, text: try files.loadText() ?? "")
                    .configuration
            } catch let exit as ExitCode {
                throw exit
            } catch {
                throw FileOptions.fail("\(error)")
            }
            var table = Table("share", "path", "writes", "guests", "comment")
            for share in configuration.shares {
                let writers = share.isReadOnly ? share.writeList.joined(separator: " ") : "all"
                table.add([
                    share.name, share.path, writers.isEmpty ? "nobody" : writers, share.allowsGuests ? "yes" : "no",
                    share.comment,
                ])
            }
            print(table.text, terminator: "")
        }
    }
}
