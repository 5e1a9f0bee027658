import ArgumentParser
import CLinux
import Configuration
import Discovery
import Glibc
import SMBCrypto

/// The process that `apus serve` starts to announce it; not for people.
struct DiscoveryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "discovery", shouldDisplay: false)

    @Option var name: String
    @Option var workgroup: String
    @Option var identifier: String
    @Option var user: String
    @Flag var restart = false
    @Flag var json = false
    @Argument var places: [String]

    func run() throws {
        let log = Service.makeLog(isVerbose: false, logsJSON: json)
        do {
            let bytes = identifier.split(separator: ".").compactMap { UInt8($0) }
            guard bytes.count == 16 else { throw Service.StartFailure(message: "discovery: no identifier") }
            let announcement = Announcement(
                name: name, workgroup: workgroup, identifier: bytes, version: ApusCommand.versionText)
            try DiscoveryProcess.run(
                announcement, places: places.compactMap { DiscoveryPlace($0) }, user: user,
                log: { [restart] in if !restart { log($0) } })
        } catch {
            // What is in the way has been said the first time.
            if !restart { log("\(error)") }
            throw ExitCode(1)
        }
    }
}

enum DiscoveryProcess {
    /// Descriptor 3 is one of a pair of sockets; when nobody holds the other any more, the process says goodbye and
    /// ends.
    private static let lifeline: CInt = 3

    static func run(
        _ announcement: Announcement, places: [DiscoveryPlace], user: String, log: @escaping @Sendable (String) -> Void
    ) throws {
        apus_close_from(Self.lifeline + 1)
        for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, SIG_IGN) }
        let limits = DiscoveryLimits()
        let links = try places.prefix(limits.placeCountMax).map(DiscoveryLink.init)
        let sandbox = Sandbox(name: "discovery", user: user, log: { _ in })
        // The generator opens what it draws from; the clock's zone is read.
        _ = randomBytes(count: 16)
        let now = UInt32(clamping: time(nil))
        let host = DiscoveryHost(
            announcement, instance: now, limits: limits, random: { randomBytes(count: $0) })
        try sandbox.giveUpPrivileges()
        log(
            "'\(announcement.name)' in \(announcement.workgroup) is announced at "
                + places.map { "\($0.address) (\($0.interface))" }.joined(separator: ", "))
        try sandbox.restrictSystemCalls(mayOpen: false, mayAccept: true)
        var loop = DiscoveryLoop(host, links, limits: limits)
        loop.run(until: lifeline)
    }
}
