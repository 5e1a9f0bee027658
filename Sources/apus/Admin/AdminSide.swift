import Administration
import CLinux
import Configuration
import Glibc
import NTTypes
import SMBServer
import Transport

/// The admin socket of `apus serve`: which verbs there are, and where it is.
enum AdminSide {
    /// What verbs look at.
    struct Subject: Sendable {
        let server: Server
        let transport: TCPTransport
        let start: FileTime
        /// As it was read last.
        let configuration: @Sendable () -> ServerConfiguration
        let shares: ServedShares
        /// Those whose folder could be opened, IPC$ left out.
        let servedShareNames: @Sendable () -> [String]
        let reloader: Reloader
        let log: @Sendable (String) -> Void
    }

    /// Answers from now on. - Returns: nil, with the reason logged, where it cannot; shares are served all the same.
    static func start(
        _ configuration: ServerConfiguration, _ subject: Subject
    ) -> AdminServer? {
        let log = subject.log
        let path = configuration.adminSocket.isEmpty ? usualPath : configuration.adminSocket
        if configuration.adminSocket.isEmpty { makeFolder(of: path) }
        var policy = AdminPolicy(ownUserID: geteuid(), groupID: nil)
        if !configuration.adminGroup.isEmpty {
            do {
                policy.groupID = try UnixAccounts.groupID(of: configuration.adminGroup)
                if policy.groupID == nil { log("admin group: this system has no group '\(configuration.adminGroup)'") }
            } catch { log("admin group: \(error): only the server's own account is let in until it starts again") }
        }
        do throws(AdminError) {
            let server = try AdminServer(path: path, policy: policy, verbs: verbs(subject), log: log)
            guard server.start() else { throw AdminError("\(path): no admin socket: no thread for it") }
            return server
        } catch {
            log(error.description)
            return nil
        }
    }

    private static func verbs(_ subject: Subject) -> [AdminVerb] {
        [StatusVerb.make(subject), DenialsVerb.make(subject), TopVerb.make(subject), TraceVerb.make(subject)]
            + ManagementVerbs.make(subject)
    }

    /// For root in /run, for others in their own folder there.
    static var usualPath: String {
        if geteuid() == 0 { return "/run/apus/admin.sock" }
        // SAFETY: getenv returns a terminated string or nothing.
        let folder = unsafe getenv("XDG_RUNTIME_DIR").map { unsafe String(cString: $0) }
        return (folder ?? "/run/user/\(geteuid())") + "/apus.sock"
    }

    private static func makeFolder(of path: String) {
        guard geteuid() == 0, let end = path.lastIndex(of: "/") else { return }
        // SAFETY: the path is a terminated string for the length of the call.
        _ = unsafe mkdir(String(path[..<end]), 0o755)
    }
}
