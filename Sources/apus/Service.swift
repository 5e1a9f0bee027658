import Administration
import ArgumentParser
import CLinux
import Configuration
import ControlPlane
import Glibc
import Logging
import NTTypes
import Platform
import SMBCrypto
import SMBServer
import SMBWire
import Transport

/// The whole server: both planes, wired, until a signal ends it.
enum Service {
    static func run(
        config: String, users: String, port: UInt16?, isVerbose: Bool, role: ServiceRole = .server
    ) throws {
        let log = makeLog(isVerbose: isVerbose)
        do {
            try role.begin()
            defer { role.end() }
            // A shell gives 1024 and lets one take more: an open file needs one, and a second for its locks.
            _ = apus_raise_open_files(2 << 20)
            try serve(config: config, users: users, port: port, isVerbose: isVerbose, role: role, log: log)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            log("\(error)")
            throw ExitCode(1)
        }
    }

    /// - Parameter logsJSON: an object on each line, instead of text.
    static func makeLog(isVerbose: Bool, logsJSON: Bool = false) -> @Sendable (String) -> Void {
        var logger = Logger(
            label: "apus",
            factory: { logsJSON ? JSONLog() as any LogHandler : StreamLogHandler.standardError(label: $0) })
        logger.logLevel = isVerbose ? .debug : .info
        if isVerbose { LogLevel.current = .debug }
        return { [logger] message in if !DetachedLog.write(message) { logger.info("\(message)") } }
    }

    private static func serve(
        config: String, users: String, port: UInt16?, isVerbose: Bool, role: ServiceRole,
        log: @escaping @Sendable (String) -> Void
    ) throws {
        let signals = blockSignals()
        let manager = ServiceManager()
        let (configuration, warnings) = try ServerConfiguration.load(config)
        let log = configuration.logsJSON ? makeLog(isVerbose: isVerbose, logsJSON: true) : log
        let metrics = try MetricsEndpoint(configuration.metricsAddress, limits: Limits(), log: log)
        let isRoot = geteuid() == 0
        warn(configuration, warnings, log)
        let domain = DomainIdentity.load(besides: users, log: log)
        let client = ControlPlaneClient()
        let access = ControlPlaneAccess(
            ask: { client.ask($0) }, tell: { client.tell($0) },
            shares: ShareBuilder.build(configuration, domain: domain, log: log),
            configuration: configuration, actsAsUsers: isRoot, log: log)
        let controlPlane = ControlPlaneSupervisor(
            config: config, users: users, isVerbose: isVerbose, client: client, log: log,
            ready: { access.replaceInitialToken($0) })
        try controlPlane.start()
        let buffers = BufferPool()
        var environment = Environment(
            now: { Clock.wall() }, uptime: { Clock.uptime() }, randomUInt64: { randomNumber() }, log: log)
        environment.networkInterfaces = { NetworkInterfaces.current(configuration, servesRDMA: false) }
        var settings = engineSettings(configuration)
        if metrics != nil { settings.metrics = Metrics() }
        let server = Server(
            settings: settings, environment: environment, accessControl: access, buffers: buffers,
            pipeService: ControlPlanePipes(client: client, actsAsUsers: isRoot))
        client.answerQueries(with: ServerQueries(server: server, domain: domain))
        let transport = makeTransport(configuration, server, buffers, manager)
        let ports = port.map { [$0] } ?? configuration.ports
        try listen(transport, configuration, ports, log)
        transport.start()
        let discovery = DiscoverySupervisor.start(configuration, ports: ports, domain: domain, log: log)
        let shares = ServedShares(configuration)
        let reloader = Reloader(config: config, log: log) { configuration in
            try controlPlane.reload()
            access.replaceShares(ShareBuilder.build(configuration, domain: domain, log: log), of: configuration)
            shares.replace(with: configuration)
            discovery?.update(configuration)
            server.adjust(engineSettings(configuration).limits)
            transport.adjust(
                connectionCountMax: configuration.connectionCountMax,
                connectionCountPerAddressMax: configuration.connectionCountPerAddressMax)
        }
        let admin = AdminSide.start(
            configuration,
            AdminSide.Subject(
                server: server, transport: transport, start: Clock.wall(), configuration: { access.configuration },
                shares: shares, servedShareNames: { access.shareNames }, reloader: reloader, log: log))
        metrics?.start { MetricsText(server: server, connectionCount: transport.connectionCount).text }
        role.isReady()
        manager.ready("serving \(shares.list.count) shares")
        wait(
            signals,
            reload: {
                manager.reloading()
                _ = try? reloader.reload()
                manager.ready("serving \(shares.list.count) shares")
            },
            list: { ShareList.write([("IPC$", "IPC")] + shares.list.map { ($0.name, $0.comment) }, for: $0) })
        log("stopping")
        manager.stopping()
        discovery?.stop()
        admin?.stop()
        transport.stop()
        controlPlane.stop()
    }

    private static func warn(_ configuration: ServerConfiguration, _ warnings: [String], _ log: (String) -> Void) {
        for warning in warnings { log(warning) }
        if configuration.hasTortureControls {
            log("smbtorture controls = yes: any client can make this server misbehave; for tests only")
        }
        if geteuid() != 0 { log("not started by root: all files are touched as user \(geteuid()), whoever logs in") }
    }

    struct StartFailure: Error, CustomStringConvertible {
        let message: String
        var description: String { message }
    }

    private static func engineSettings(_ configuration: ServerConfiguration) -> ServerSettings {
        var settings = ServerSettings()
        settings.dialectMin = Dialect(rawValue: configuration.dialectMin) ?? .smb210
        settings.dialectMax = Dialect(rawValue: configuration.dialectMax) ?? .smb311
        settings.signing = requirement(configuration.signing)
        settings.encryption = requirement(configuration.encryption)
        settings.name = configuration.name
        settings.offersPOSIX = configuration.shares.contains { $0.allowsPOSIX }
        settings.serverGUID = GUID(low: randomNumber(), high: randomNumber())
        settings.limits.readByteCountMax = UInt32(configuration.readByteCountMax)
        settings.limits.writeByteCountMax = UInt32(configuration.writeByteCountMax)
        settings.limits.transactByteCountMax = UInt32(configuration.transactByteCountMax)
        settings.limits.creditCountMax = UInt16(configuration.creditCountMax)
        settings.limits.connectionCountMax = configuration.connectionCountMax
        settings.limits.connectionCountPerAddressMax = configuration.connectionCountPerAddressMax
        settings.limits.sessionCountMax = configuration.sessionCountMax
        settings.limits.openCountMax = configuration.openCountMax
        settings.isMultichannel = configuration.isMultichannel
        settings.hasTortureControls = configuration.hasTortureControls
        settings.grantsLeases = configuration.grantsLeases
        settings.grantsDirectoryLeases = configuration.grantsDirectoryLeases
        if configuration.deadtime > 0 { settings.limits.idleTimeout = .seconds(60 * configuration.deadtime) }
        return settings
    }

    private static func requirement(_ value: ServerConfiguration.Requirement) -> ServerSettings.Requirement {
        switch value {
        case .disabled: .disabled
        case .offered: .offered
        case .required: .required
        }
    }

    private static func makeTransport(
        _ configuration: ServerConfiguration, _ server: Server, _ buffers: BufferPool, _ manager: ServiceManager
    ) -> TCPTransport {
        var settings = TransportConfiguration(buffers: buffers)
        settings.timing = server.observation.timing
        settings.connectionCountMax = configuration.connectionCountMax
        settings.connectionCountPerAddressMax = configuration.connectionCountPerAddressMax
        settings.strangerCountMax = server.settings.limits.connectionCountBeforeLoginMax
        settings.strangerCountPerAddressMax = server.settings.limits.connectionCountPerAddressBeforeLoginMax
        let watchdog = manager.heartbeat()
        settings.tick = {
            server.tick()
            watchdog()
        }
        return TCPTransport(configuration: settings) { connection in ConnectionAdapter(connection, server) }
    }

    private static func listen(
        _ transport: TCPTransport, _ configuration: ServerConfiguration, _ ports: [UInt16],
        _ log: (String) -> Void
    ) throws {
        let inherited = inheritedListeners()
        for descriptor in inherited { transport.adopt(listeningDescriptor: descriptor) }
        guard inherited.isEmpty else { return log("serving on \(inherited.count) sockets of the service manager") }
        let addresses = try Interfaces.addresses(configuration)
        for (address, port) in addresses.flatMap({ address in ports.map { (address, $0) } }) {
            try transport.listen(address: address, port: port)
            log("listening on \(address) port \(port)")
        }
    }

    /// Socket activation, sd_listen_fds(3): descriptors from 3 on, if they are meant for this process.
    private static func inheritedListeners() -> [CInt] {
        // SAFETY: getenv returns a terminated string or nothing.
        func number(_ name: String) -> Int? { unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) } }
        guard number("LISTEN_PID") == Int(getpid()), let count = number("LISTEN_FDS"), count > 0 else { return [] }
        return (0..<count).map { CInt(3 + $0) }
    }

    // MARK: randomness, signals

    private static func randomNumber() -> UInt64 { randomBytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Signals are waited for by the main thread alone; all others are made after this and inherit the mask.
    private static func blockSignals() -> sigset_t {
        var signals = sigset_t()
        // SAFETY: the set outlives the calls.
        unsafe sigemptyset(&signals)
        for number in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1] { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        // A client that goes away while it is written to is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        return signals
    }

    /// - Parameter list: is given the process that wants to know the shares.
    private static func wait(_ signals: sigset_t, reload: () -> Void, list: (pid_t) -> Void) {
        var signals = signals
        while true {
            var sender: pid_t = 0
            // SAFETY: both live through the call.
            switch unsafe apus_wait_for_signal(&signals, &sender) {
            case SIGHUP: reload()
            case SIGUSR1: list(sender)
            case SIGTERM, SIGINT, SIGQUIT: return
            default: continue
            }
        }
    }
}

extension ServerConfiguration {
    /// Reads the file. - Returns: what it says, and what there is to warn about.
    static func load(_ path: String) throws -> (configuration: ServerConfiguration, warnings: [String]) {
        guard let text = try TextFile.read(path) else {
            throw Service.StartFailure(message: "\(path): there is no such file")
        }
        return try load(path: path, text: text)
    }
}
