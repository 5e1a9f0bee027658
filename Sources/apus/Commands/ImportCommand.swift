import ArgumentParser
import Configuration

/// `apus import`: takes over another server's configuration or users, saying line by line what becomes of them.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take over smb.conf, ksmbd.conf, or what `pdbedit -Lw` prints.",
        discussion: "What is there already stays: shares and users of the same name are not replaced.")

    @OptionGroup var files: FileOptions
    @Flag(help: "Say what would be done, and do nothing.") var dryRun = false
    @Argument(help: "The file to take over.", completion: .file()) var source: String

    func run() throws {
        let text: String
        do {
            guard let read = try TextFile.read(source) else {
                throw FileOptions.fail("\(source): there is no such file")
            }
            text = read
        } catch let failure as TextFile.Failure {
            throw FileOptions.fail("\(failure)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.hasPrefix("#") }
        let isUsers = !lines.isEmpty && lines.allSatisfy { UserDatabase.imported(smbpasswdLine: $0) != nil }
        if isUsers { try importUsers(lines) } else { try importConfiguration(text) }
        if dryRun { print("nothing is changed (--dry-run)") }
    }

    private func importUsers(_ lines: [String]) throws {
        var database = try files.loadUsers()
        for (name, result) in lines.compactMap({ UserDatabase.imported(smbpasswdLine: $0) }) {
            switch result {
            case .refused(let why): print("\(name.printable): not taken: \(why)")
            case .user where database.users.contains(where: { $0.name == name }):
                print("\(name): is there already, and stays as it is")
            case .user(let user):
                database.set(user)
                print("\(name): taken, with the password it had")
            }
        }
        if !dryRun { try files.save(database) }
    }

    private func importConfiguration(_ text: String) throws {
        let file: ConfigurationFile
        let present: ConfigurationFile
        let old = try files.loadText() ?? ""
        do {
            file = try ConfigurationFile(path: source, text: text)
            present = try ConfigurationFile(path: files.config, text: old)
        } catch {
            throw FileOptions.fail("\(error)")
        }
        let taken = Set(present.sections.map { $0.name.lowercased() })
        var new = old
        for section in file.sections {
            print("[\(section.name)]")
            let isThere = taken.contains(section.name.lowercased())
            if isThere { print("  \(files.config) has it already, and it stays as it is") }
            let lines = file.importing().filter { $0.section == section.name }
            for line in lines where !isThere { print("  line \(line.line): \(words(line))") }
            let results = lines.compactMap(\.result)
            guard !isThere, !results.isEmpty else { continue }
            new += (new.isEmpty ? "" : "\n") + "[\(section.name)]\n" + results.map { "\t\($0)\n" }.joined()
        }
        do {
            _ = try ServerConfiguration.load(path: files.config, text: new)
        } catch {
            throw FileOptions.fail("what would be written is not good: \(error)")
        }
        guard !dryRun else { return }
        do { try TextFile.replace(files.config, with: new, mode: 0o644) } catch { throw FileOptions.fail("\(error)") }
    }

    private func words(_ line: ImportedLine) -> String {
        switch line.verdict {
        case .taken: "taken: \(line.text)"
        case .changed(let result): "changed: \(line.text) -> \(result)"
        case .unsupported(let why): "not supported: \(line.text) (\(why))"
        }
    }
}
