import ArgumentParser
import Configuration
import NTTypes

/// `apus why`: may a user do that, and if not, by what.
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say whether a user may do something with a file, and what decides.",
        discussion: """
            The answer comes from the configuration, the accounts and the files as they are; no server needs to run. \
            Where one runs, what its clients have open counts; what programs on this machine have open does not. \
            Ends with 0 if it is allowed, and with 1 if not.
            """)

    @Argument(help: "The user, by the name for logging in.") var user: String
    @Argument(help: #"\\server\share\path, share/path, or a path of this machine that is inside a share."#)
    var path: String
    @Option(help: "read, write (or make, where there is none), delete, execute, permissions or ownership.")
    var access = Question.Access.read
    @Option(help: "The client's address, to look at hosts allow and hosts deny too.") var from: String?
    @OptionGroup var admin: AdminOptions
    @Option(name: .shortAndLong, help: "The configuration, ksmbd.conf or smb.conf.") var config =
        UsualFiles.config
    @Option(name: .shortAndLong, help: "The user database.") var users = UsualFiles.users

    func run() throws {
        let question: Question
        do {
            question = try Question(
                config: config, users: users, user: user, target: path, access: access, address: from)
        } catch {
            StandardError.write("apus: \(error)\n")
            throw ExitCode(2)
        }
        let names =
            [question.configuration.name, question.share] + question.path.split(separator: "/").map(String.init)
        let what = #"\\"# + names.joined(separator: #"\"#)
        // Asked first: afterwards this thread touches files as that user does, sockets too.
        let others = question.file.map { OtherOpens(admin.socket, path: $0) }
        var answer = question.answer()
        if case .allowed = answer, let inTheWay = others?.refusal(of: access.mask) {
            answer = .denied(.sharingViolation, inTheWay)
        }
        switch answer {
        case .allowed(let whom):
            print("allowed: \(user) may \(access.words) \(what), \(whom)")
            if let wait = others?.wait(of: access.mask) { print("  but wait  \(wait)") }
        case .denied(let status, let reason):
            print(
                """
                denied: \(user) may not \(access.words) \(what) (\(status.words))
                  stage     \(reason.stage.name)
                  because   \(reason.rule)
                  allow it  \(reason.remedy)
                """)
            throw ExitCode(1)
        }
    }
}

extension Question.Access: ExpressibleByArgument {}
