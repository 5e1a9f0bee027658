import Authentication
import CLinux
import Configuration
import ControlPlane
import Glibc
import NTTypes
import Platform

/// The control plane's process: opens what it needs, gives up everything else, and answers until the data plane is
/// gone.
enum ControlPlaneProcess {
    /// - Parameters:
    ///   - channelCount: descriptors 3, 4, … are channels.
    ///   - isRestart: what does not change from start to start has been said.
    static func run(
        config: String, users: String, channelCount: Int, isRestart: Bool, log: @escaping @Sendable (String) -> Void
    ) throws {
        apus_close_from(CInt(3 + channelCount))
        linux_bound_heaps(1)
        // The data plane ends us by hanging up; what ends that process is not for us.
        for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, SIG_IGN) }
        var settings = try load(config: config, users: users)
        settings.kerberos = startKerberos(settings.configuration, isRestart ? { _ in } : log, log)
        let say: (String) -> Void = { if !isRestart { log($0) } }
        let sandbox = Sandbox(user: settings.configuration.controlPlaneUser, log: say)
        let service = LoginService(settings: settings, now: { Clock.wall() }, log: log)
        let channels = (0..<channelCount).map { Channel(descriptor: CInt(3 + $0)) }
        let gate = Semaphore()
        let ended = Semaphore()
        service.warmUp()
        try sandbox.giveUpPrivileges()
        guard ControlPlaneServer.start(channels: channels, handler: service, gate: gate, ended: { ended.signal() })
        else { throw Service.StartFailure(message: "no threads for the control plane") }
        try sandbox.restrictSystemCalls(mayOpen: settings.kerberos != nil)
        for _ in channels { gate.signal() }
        for _ in channels { ended.wait() }
    }

    /// Without keys there are passwords still: a mistake here does not keep everybody out.
    private static func startKerberos(
        _ configuration: ServerConfiguration, _ say: (String) -> Void, _ log: @escaping @Sendable (String) -> Void
    ) -> KerberosService? {
        guard configuration.supportsKerberos else { return nil }
        do {
            let kerberos = try KerberosService(
                keytab: configuration.kerberosKeytabFile, service: configuration.kerberosServiceName, log: log)
            say("control plane: Kerberos with \(kerberos.keyCount) keys")
            return kerberos
        } catch {
            log("control plane: Kerberos is not offered: \(error)")
            return nil
        }
    }

    static func load(config: String, users: String) throws -> LoginService.Settings {
        let (configuration, _) = try ServerConfiguration.load(config)
        var database = try UserDatabase(path: users, text: TextFile.read(users) ?? "")
        let map = configuration.usernameMapPath
        if !map.isEmpty {
            guard let text = try TextFile.read(map) else {
                throw Service.StartFailure(message: "\(map): there is no such file; `username map` names it")
            }
            database.usernameMap = try UsernameMap(path: map, text: text)
        }
        var settings = LoginService.Settings(configuration: configuration, users: database, usersPath: users)
        // Name services load what the system is configured to and may connect to anything: only now, or not at all.
        // What they cannot say now lets nobody in by that group until the next reload. Nor does it let in whom the
        // group would keep out: the data plane asks again at each tree connect, and refuses without an answer.
        for share in configuration.shares {
            for name in share.groupNames { settings.groupIDs[name] = try? UnixAccounts.groupID(of: name) }
        }
        return settings
    }
}
