import CLinux
import Configuration
import Discovery
import Glibc
import NTTypes
import Platform
import SMBCrypto

/// Has the server announced for as long as it runs: by a process of its own, which holds no power, to who does
/// WS-Discovery (Windows), and by a file for Avahi to who does multicast DNS. When addresses or names change another
/// process takes over.
final class DiscoverySupervisor: Sendable {
    private struct Child {
        let process: pid_t
        /// Our end of a pair of sockets: when it is closed, the process says goodbye and ends.
        let lifeline: CInt
        let arguments: [String]
    }
    private struct State {
        var configuration: ServerConfiguration
        var isStopping = false
    }
    private static let lookMilliseconds: CInt = 5000
    private static let pauseSecondsMax: UInt64 = 300

    private let ports: [UInt16]
    private let identifier: [UInt8]
    private let log: @Sendable (String) -> Void
    private let state: Mutex<State>
    private let ended = Semaphore()
    /// Written to when there is something to look at at once.
    private let bell: (ear: CInt, hammer: CInt)

    /// - Parameters:
    ///   - ports: where clients are served.
    ///   - domain: what stays the same from start to start, for Windows to know the server again by.
    /// - Returns: nil where there is nothing to do it with; that is logged.
    static func start(
        _ configuration: ServerConfiguration, ports: [UInt16], domain: DomainIdentity,
        log: @escaping @Sendable (String) -> Void
    ) -> DiscoverySupervisor? {
        guard let bell = pair() else {
            log("discovery: no descriptors")
            return nil
        }
        let supervisor = DiscoverySupervisor(configuration, ports, domain, bell, log)
        guard Thread.detach(name: "discovery", { supervisor.watch() }) else {
            log("discovery: no thread")
            return nil
        }
        return supervisor
    }

    private init(
        _ configuration: ServerConfiguration, _ ports: [UInt16], _ domain: DomainIdentity,
        _ bell: (CInt, CInt), _ log: @escaping @Sendable (String) -> Void
    ) {
        state = Mutex(State(configuration: configuration))
        self.ports = ports
        identifier = Array(Digest.sha256(Array("discovery \(domain.text)".utf8))[..<16])
        self.bell = bell
        self.log = log
    }

    /// What the files say now.
    func update(_ configuration: ServerConfiguration) {
        state.withLock { $0.configuration = configuration }
        ring()
    }

    /// Says goodbye.
    func stop() {
        state.withLock { $0.isStopping = true }
        ring()
        ended.wait()
    }

    private func ring() {
        var byte: UInt8 = 0
        // SAFETY: the byte lives through the call.
        _ = unsafe write(bell.hammer, &byte, 1)
    }

    // MARK: the thread

    private func watch() {
        var child: Child?
        var avahi = AvahiFile(log: log)
        var failureCount: UInt64 = 0
        var next: UInt64 = 0
        while let configuration = state.withLock({ $0.isStopping ? nil : $0.configuration }) {
            let places = DiscoveryPlace.current(configuration, ports: ports)
            let arguments = arguments(configuration, places)
            if let old = child, old.arguments != arguments {
                end(old)
                child = nil
                (failureCount, next) = (0, 0)
            }
            if child == nil, !places.isEmpty, Clock.uptime() >= next {
                child = start(arguments, isRestart: failureCount > 0)
            }
            avahi.follow(configuration, port: places.isEmpty ? nil : ports.first)
            if !wait(for: child), let ended = child {
                close(ended.lifeline)
                let words = ChildProcess.end(ended.process)
                if failureCount == 0 { log("discovery \(words); it is tried again from time to time") }
                child = nil
                failureCount += 1
                next = Clock.uptime() + min(Self.pauseSecondsMax, 5 << min(failureCount, 8)) * 1_000_000_000
            }
        }
        if let child { end(child) }
        avahi.remove()
        ended.signal()
    }

    private func arguments(_ configuration: ServerConfiguration, _ places: [DiscoveryPlace]) -> [String] {
        // Without NetBIOS a name is found by DNS or multicast DNS, which know the machine's.
        let name = configuration.written["netbios name"] == nil ? HostName.short : configuration.name
        let identifier = identifier.map { "\($0)" }.joined(separator: ".")
        return [
            "apus", "discovery", "--name=\(name)", "--workgroup=\(configuration.workgroup)",
            "--identifier=\(identifier)", "--user=\(configuration.controlPlaneUser)",
        ] + (configuration.logsJSON ? ["--json"] : []) + ["--"] + places.map(\.text)
    }

    private func start(_ arguments: [String], isRestart: Bool) -> Child? {
        guard let lifeline = Self.pair() else { return nil }
        let process = ChildProcess.start(
            isRestart ? Array(arguments[..<2] + ["--restart"] + arguments[2...]) : arguments, descriptors: [lifeline.0])
        close(lifeline.0)
        guard process > 0 else {
            log("discovery: \(systemMessage(CInt(-process)))")
            close(lifeline.1)
            return nil
        }
        return Child(process: pid_t(process), lifeline: lifeline.1, arguments: arguments)
    }

    private func end(_ child: Child) {
        close(child.lifeline)
        ChildProcess.end(child.process)
    }

    /// Until it is time to look again. - Returns: false if the process has ended.
    private func wait(for child: Child?) -> Bool {
        var entries = [pollfd(fd: bell.ear, events: Int16(POLLIN), revents: 0)]
        // That the other end is gone is reported, asked for or not.
        if let child { entries.append(pollfd(fd: child.lifeline, events: 0, revents: 0)) }
        // SAFETY: the entries live through the call.
        guard unsafe poll(&entries, nfds_t(entries.count), Self.lookMilliseconds) > 0 else { return true }
        if entries[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            // SAFETY: at most as much is read as there is room for.
            _ = unsafe read(bell.ear, &bytes, bytes.count)
        }
        return entries.dropFirst().allSatisfy { $0.revents == 0 }
    }

    private static func pair() -> (CInt, CInt)? {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        // SAFETY: there is room for two.
        return unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 ? (ends[0], ends[1]) : nil
    }
}

/// What the machine calls itself.
enum HostName {
    static var full: String {
        var name = [CChar](repeating: 0, count: 256)
        // SAFETY: the array's size is said.
        _ = unsafe gethostname(&name, name.count - 1)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static var short: String { String(full.prefix { $0 != "." }) }
}
