import CLinux
import ControlPlane
import Glibc
import Platform

/// Starts the control plane's process, and starts it again when it has ended or does not answer.
final class ControlPlaneSupervisor: Sendable {
    private struct Child: Sendable {
        let process: pid_t
        /// Carries nothing but heartbeats; that it is hung up on tells of the end.
        let watch: Channel
        let start: UInt64
    }
    private struct State {
        var child: Child?
        /// Those that others have taken over from, and which end by themselves. - since: uptime.
        var retired: [(process: pid_t, since: UInt64)] = []
        var isStopping = false
    }
    /// Logins that are answered at once; one channel more is for the watch.
    private static let channelCount = 4
    private static let startMillisecondsMax = 10_000
    private static let heartbeatMilliseconds: CInt = 2000
    private static let heartbeatMillisecondsMax = 5000
    /// Longer than any request that it may still be answering.
    private static let retirementNanosecondsMax: UInt64 = 60_000_000_000
    /// Before it is started again, when it ended within a second of its start.
    private static let pauseMicroseconds: UInt32 = 250_000

    private let arguments: [String]
    private let client: ControlPlaneClient
    private let ready: @Sendable (_ token: [UInt8]) -> Void
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())
    /// One at a time starts a process.
    private let turn = Semaphore(count: 1)

    /// - Parameters:
    ///   - client: is given the channels to each new process.
    ///   - ready: is told what a new process says when it is ready: the token for NEGOTIATE.
    init(
        config: String, users: String, isVerbose: Bool, client: ControlPlaneClient,
        log: @escaping @Sendable (String) -> Void, ready: @escaping @Sendable (_ token: [UInt8]) -> Void
    ) {
        arguments =
            ["apus", "control-plane", "--config", config, "--users", users, "--channels", "\(Self.channelCount + 1)"]
            + (isVerbose ? ["--verbose"] : [])
        self.client = client
        self.log = log
        self.ready = ready
    }

    /// - Throws: when the first process does not come up; it has said why.
    func start() throws {
        try replace(with: arguments)
        guard Thread.detach(name: "control-watch", { self.watch() }) else {
            throw Service.StartFailure(message: "no thread to watch the control plane")
        }
    }

    /// Another process takes over, with what the files say now; the old one ends when nobody waits for it any more.
    /// - Throws: if it does not come up. Then the old one stays.
    func reload() throws { try replace(with: arguments + ["--restart"]) }

    func stop() {
        state.withLock { $0.isStopping = true }
        client.close()
        state.withLock { $0.child = nil }
    }

    // MARK: starting

    private func replace(with arguments: [String]) throws {
        turn.wait()
        defer { turn.signal() }
        var near: [Channel] = []
        var far: [Channel] = []
        for _ in 0...Self.channelCount {
            guard let pair = Channel.makePair() else {
                throw Service.StartFailure(message: "no descriptors for the control plane")
            }
            near.append(pair.0)
            far.append(pair.1)
        }
        let process = ChildProcess.start(arguments, descriptors: far.map(\.descriptor))
        far = []
        guard process > 0 else {
            throw Service.StartFailure(
                message: "the control plane could not be started: \(systemMessage(CInt(-process)))")
        }
        let watch = near.removeFirst()
        watch.setPatience(milliseconds: Self.startMillisecondsMax)
        guard case .token(let token)? = watch.ask(.initialToken) else {
            ChildProcess.end(pid_t(process))
            throw Service.StartFailure(message: "the control plane did not start")
        }
        watch.setPatience(milliseconds: Self.heartbeatMillisecondsMax)
        let child = Child(process: pid_t(process), watch: watch, start: Clock.uptime())
        state.withLock { state in
            if let old = state.child { state.retired.append((old.process, Clock.uptime())) }
            state.child = child
        }
        ready(token)
        client.adopt(near)
    }

    // MARK: watching

    private func watch() {
        while let child = state.withLock({ $0.isStopping ? nil : $0.child }) {
            let isAlive = isAlive(child)
            reapRetired()
            guard !isAlive, state.withLock({ !$0.isStopping && $0.child?.process == child.process }) else { continue }
            state.withLock { $0.child = nil }
            let why = client.misses ? "left a request without a right answer, and " : ""
            log("the control plane \(why)\(ChildProcess.end(child.process)); it is started again")
            if Clock.uptime() - child.start < 1_000_000_000 { usleep(Self.pauseMicroseconds) }
            restart()
        }
    }

    private func restart() {
        var pause = Self.pauseMicroseconds
        while !state.withLock({ $0.isStopping || $0.child != nil }) {
            do { return try reload() } catch { log("\(error)") }
            usleep(pause)
            pause = min(pause * 2, 8 * Self.pauseMicroseconds)
        }
    }

    /// Returns at once when it has ended, or else after the time for a heartbeat.
    private func isAlive(_ child: Child) -> Bool {
        client.dropReplaced()
        var entry = pollfd(fd: child.watch.descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: the entry lives through the call.
        let count = unsafe Glibc.poll(&entry, 1, Self.heartbeatMilliseconds)
        if count < 0 { return errno == EINTR }
        return count == 0 && heartbeat(child.watch) && !client.misses
    }

    /// Whether it lives; and it hears how much to say.
    private func heartbeat(_ watch: Channel) -> Bool {
        watch.ask(.heartbeat(isVerbose: LogLevel.current == .debug)) == .acknowledged
    }

    private func reapRetired() {
        let now = Clock.uptime()
        for (process, since) in state.withLock({ $0.retired }) {
            // It has nobody left to answer.
            if since + Self.retirementNanosecondsMax < now { kill(process, SIGKILL) }
            guard waitpid(process, nil, WNOHANG) != 0 else { continue }
            state.withLock { state in state.retired.removeAll { $0.process == process } }
        }
    }
}
