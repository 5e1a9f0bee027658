import ArgumentParser
import Configuration

/// `apus import`: takes over another server's configuration or users, saying line by line what becomes of them.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take over smb.conf, ksmbd.conf, ksmbdpwd.db, or what `pdbedit -Lw` prints.",
        discussion: "What is there already stays: shares and users of the same name are not replaced.")

    @OptionGroup var files: FileOptions
    @OptionGroup var admin: AdminOptions
    @OptionGroup var progress: ProgressOptions
    @Flag(help: "Say what would be done, and do nothing.") var dryRun = false
    @Argument(help: "The file to take over.", completion: .file()) var source: String

    func run() throws {
        let progress = progress.begin("reading \(source)")
        defer { progress.end() }
        let text: String
        do {
            guard let read = try TextFile.read(source) else {
                throw FileOptions.fail("\(source): there is no such file")
            }
            text = read
        } catch let failure as TextFile.Failure {
            throw FileOptions.fail("\(failure)")
        }
        if let users = users(text) { try importUsers(users, progress) } else { try importConfiguration(text, progress) }
        progress.end()
        if dryRun { print("nothing is changed (--dry-run)") } else { files.notifyServer(admin.socket) }
    }

    /// nil for what is no list of users, Samba's or ksmbd's.
    private func users(_ text: String) -> [(name: String, result: UserDatabase.ImportedUser)]? {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.hasPrefix("#") }
        guard !lines.isEmpty else { return nil }
        if let database = try? UserDatabase(path: source, text: text) {
            return database.users.map { ($0.name, .user($0)) }
        }
        var users: [(name: String, result: UserDatabase.ImportedUser)] = []
        for line in lines {
            guard let user = UserDatabase.imported(smbpasswdLine: line) else { return nil }
            users.append(user)
        }
        return users
    }

    private func importUsers(
        _ users: [(name: String, result: UserDatabase.ImportedUser)], _ progress: Progress
    ) throws {
        var database = try files.loadUsers()
        var takenCount = 0
        progress.stage("taking over users", of: users.count)
        for (name, result) in users {
            progress.advance()
            switch result {
            case .refused(let why): progress.say("\(name.printable): not taken: \(why)")
            case .user where database.has(name): progress.say("\(name): is there already, and stays as it is")
            case .user(let user):
                database.set(user)
                takenCount += 1
                progress.say("\(name): taken, with the password it had")
            }
        }
        guard !dryRun else { return }
        progress.stage("writing \(files.users)")
        try files.save(database)
        progress.say("\(files.users): \(takenCount) of \(users.count) users taken over")
    }

    private func importConfiguration(_ text: String, _ progress: Progress) throws {
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
        var takenCount = 0
        progress.stage("taking over sections", of: file.sections.count)
        let linesBySection = Dictionary(grouping: file.importing(), by: \.section)
        for section in file.sections {
            progress.advance()
            progress.say("[\(section.name)]")
            let isThere = taken.contains(section.name.lowercased())
            if isThere { progress.say("  \(files.config) has it already, and it stays as it is") }
            let lines = linesBySection[section.name] ?? []
            for line in lines where !isThere { progress.say("  line \(line.line): \(words(line))") }
            let results = lines.compactMap(\.result)
            let isGlobal = section.name.lowercased() == "global"
            guard !isThere, !isGlobal || !results.isEmpty else { continue }
            guard isGlobal || results.contains(where: { $0.hasPrefix("path =") }) else {
                progress.say("  left out: without a path there is nothing to share")
                continue
            }
            takenCount += isGlobal ? 0 : 1
            new += (new.isEmpty ? "" : "\n") + "[\(section.name)]\n" + results.map { "\t\($0)\n" }.joined()
        }
        progress.stage("checking what is to be written")
        do {
            _ = try ServerConfiguration.load(path: files.config, text: new)
        } catch {
            throw FileOptions.fail("what would be written is not good: \(error)")
        }
        guard !dryRun else { return }
        try files.saveText(new)
        progress.say("\(files.config): \(takenCount) shares taken over; apus check says what is doubtful about them")
    }

    private func words(_ line: ImportedLine) -> String {
        switch line.verdict {
        case .taken: "taken: \(line.text)"
        case .changed(let result): "changed: \(line.text) -> \(result)"
        case .unsupported(let why): "not supported: \(line.text) (\(why))"
        }
    }
}
