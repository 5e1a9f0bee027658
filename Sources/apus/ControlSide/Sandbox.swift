import CLinux
import Glibc

/// What a process gives up before it reads the first byte from the network. Each step that fails keeps it from
/// starting, except what this kernel does not have: that is said.
struct Sandbox {
    private let name: String
    private let user: String
    private let log: (String) -> Void

    /// - Parameters:
    ///   - name: of the process, for messages.
    ///   - user: the Unix account to become when started by root; `nobody` stands in for one that is missing.
    init(name: String = "control plane", user: String, log: @escaping (String) -> Void) {
        self.name = name
        self.user = user
        self.log = log
    }

    /// The account, all capabilities, every way to gain new ones, and the file system. Before any thread is started.
    func giveUpPrivileges() throws {
        if geteuid() == 0 { try becomeUser() }
        try check(apus_give_up_privileges(), "give up privileges")
        let version = apus_deny_files()
        if version == -Int(ENOSYS) || version == -Int(EOPNOTSUPP) {
            log("\(name): this kernel has no Landlock: files are guarded by their permissions alone")
        } else {
            try check(version, "deny itself files (Landlock)")
        }
    }

    /// All system calls but those that answering takes, in all threads.
    /// - Parameter mayOpen: the Kerberos library opens its replay cache, which is in memory, by a path. Landlock, or
    ///   else the account's own rights, still say which files that can be.
    /// - Parameter mayAccept: for a process that listens to the network itself.
    func restrictSystemCalls(mayOpen: Bool, mayAccept: Bool = false) throws {
        let may = (mayOpen ? APUS_MAY_OPEN : 0) | (mayAccept ? APUS_MAY_ACCEPT : 0)
        let result = apus_restrict_system_calls(CInt(may))
        if result == -Int(ENOSYS) || result == -Int(EINVAL) {
            log("\(name): this kernel has no seccomp: system calls are not restricted")
        } else {
            try check(result, "restrict its system calls (seccomp)")
        }
    }

    private func becomeUser() throws {
        var own: UnixAccounts.Identity?
        do { own = try UnixAccounts.identity(of: user) } catch { log("\(name): \(error)") }
        if let own, own.userID != 0 {
            try check(apus_become(own.userID, own.groupID), "become the user '\(user)'")
            log("\(name): runs as the user '\(user)'")
        } else if let nobody = try UnixAccounts.identity(of: "nobody"), nobody.userID != 0 {
            try check(apus_become(nobody.userID, nobody.groupID), "become the user 'nobody'")
            log("\(name): runs as the user 'nobody', since '\(user)' was not found (adduser --system \(user))")
        } else {
            throw Service.StartFailure(message: "\(name): there is neither a user '\(user)' nor 'nobody'")
        }
    }

    private func check(_ result: Int, _ what: String) throws {
        guard result < 0 else { return }
        throw Service.StartFailure(message: "\(name): could not \(what): \(systemMessage(CInt(-result)))")
    }
}
