import Administration
import ArgumentParser

/// Where the commands find the server.
struct AdminOptions: ParsableArguments {
    @Option(help: "The server's admin socket.", completion: .file()) var socket = AdminSide.usualPath

    /// Asks, and hands over each line of the answer.
    func ask(_ request: JSON, each: (JSON) throws(AdminError) -> Bool) throws {
        do throws(AdminError) {
            try AdminClient.ask(socket, request, each: each)
        } catch {
            StandardError.write("apus: \(error)\n")
            throw ExitCode(1)
        }
    }

    /// The lines' objects by their kind, in one object of lists; what is but one stays alone.
    func collect(_ request: JSON, alone: [String] = []) throws -> JSON {
        var kinds: [JSON.Member] = []
        try ask(request) { line in
            for member in line.members {
                if alone.contains(member.name) {
                    kinds.append(member)
                } else if let index = kinds.firstIndex(where: { $0.name == member.name }) {
                    kinds[index].value = .array(kinds[index].value.array + [member.value])
                } else {
                    kinds.append(JSON.Member(member.name, .array([member.value])))
                }
            }
            return true
        }
        return .object(kinds)
    }
}

/// `apus status`: who is connected, and what is open.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show connections, sessions, shares in use, open files, leases and locks.")

    @OptionGroup var admin: AdminOptions
    @Flag(help: "As JSON, for programs.") var json = false

    func run() throws {
        let status = try admin.collect(["verb": "status"], alone: ["server"])
        print(status.pretty, terminator: "")
    }
}
