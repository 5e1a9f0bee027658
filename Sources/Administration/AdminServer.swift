import CLinux
import Glibc
import Platform

/// The server's end of the admin socket. It has threads of its own: whatever is asked, no client of the shares waits.
public final class AdminServer: Sendable {
    /// Callers that are answered at once; one more is told so and hung up on.
    private static let callerCountMax = 16
    /// For a request to arrive, and for each part of an answer to be read.
    private static let patienceSeconds: CInt = 30

    private let path: String
    private let listener: CInt
    private let policy: AdminPolicy
    private let verbs: [String: AdminVerb]
    private let log: @Sendable (String) -> Void
    private let callerCount = Atomic<Int>(0)

    /// Listens; nobody is answered until `start`.
    /// - Parameters:
    ///   - path: at most 107 bytes. Its mode is 0600, or 0660 where a group is admitted.
    ///   - verbs: each under its name; the last of a name counts.
    /// - Throws: an `AdminError` that says what is in the way.
    public init(
        path: String, policy: AdminPolicy, verbs: [AdminVerb], log: @escaping @Sendable (String) -> Void
    ) throws(AdminError) {
        // SAFETY: the path is a terminated string for the length of the call.
        let result = unsafe apus_local_listen(path, policy.groupID == nil ? 0o600 : 0o660)
        guard result >= 0 else {
            let reason = -result == EADDRINUSE ? "another server answers there" : systemText(-result)
            throw AdminError("\(path): no admin socket: \(reason)")
        }
        // The process's umask has kept the group out so far.
        // SAFETY: as above.
        if let group = policy.groupID, unsafe lchown(path, uid_t.max, group) != 0 || chmod(path, 0o660) != 0 {
            log("\(path): could not be given to group \(group): \(systemText(Int(errno)))")
        }
        self.path = path
        self.policy = policy
        self.log = log
        self.verbs = Dictionary(verbs.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        listener = CInt(result)
    }

    /// - Returns: false when the system has no thread to give.
    public func start() -> Bool { Thread.detach(name: "admin") { self.accept() } }

    /// Takes the name away; what is being answered goes on until the process ends.
    public func stop() {
        // SAFETY: the path is a terminated string for the length of the call.
        _ = unsafe unlink(path)
        shutdown(listener, CInt(SHUT_RDWR))
    }

    private func accept() {
        while true {
            let result = apus_local_accept(listener)
            if result == -Int(EMFILE) || result == -Int(ENFILE) || result == -Int(ENOMEM) {
                usleep(100_000)
                continue
            }
            guard result >= 0 else { return }
            let descriptor = CInt(result)
            _ = apus_local_set_patience(descriptor, Self.patienceSeconds)
            let isRoom = callerCount.wrappingAdd(1, ordering: .relaxed).newValue <= Self.callerCountMax
            let isStarted =
                isRoom
                && Thread.detach(name: "admin-call") {
                    self.answer(AdminStream(descriptor: descriptor))
                    self.callerCount.wrappingSubtract(1, ordering: .relaxed)
                }
            guard !isStarted else { continue }
            callerCount.wrappingSubtract(1, ordering: .relaxed)
            _ = AdminStream(descriptor: descriptor).send(["error": "too many callers at once; try again"])
        }
    }

    private func answer(_ stream: AdminStream) {
        guard let caller = stream.caller, policy.admits(caller) else {
            log("admin socket: refused to user \(stream.caller.map { "\($0.userID)" } ?? "unknown")")
            _ = stream.send(["error": "only root, the server's own user and the admin group may ask this"])
            return
        }
        guard let line = stream.readLine(byteCountMax: AdminRequest.byteCountMax),
            let request = AdminRequest(line: line, caller: caller)
        else {
            _ = stream.send(["error": #"a request is one line: {"verb": NAME, ...}"#])
            return
        }
        do throws(AdminError) {
            guard let verb = verbs[request.verb] else {
                throw AdminError("this server knows no '\(request.verb)'; it may be older than the tool")
            }
            try verb.run(request, stream)
        } catch {
            _ = stream.send(["error": .string(error.description)])
        }
    }
}

/// The system's words for an error number.
func systemText(_ code: Int) -> String {
    // SAFETY: strerror returns a terminated string.
    unsafe strerror(CInt(code)).map { unsafe String(cString: $0) } ?? "error \(code)"
}
