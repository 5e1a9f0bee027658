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
            // As many as there are reactors: more threads than that hardly run at once.
            linux_bound_heaps(CInt(TransportConfiguration.coreCount))
            // Before there is any other thread: each has capabilities of its own.
            let result = apus_keep_capabilities()
            guard result >= 0 else {
                throw StartFailure(message: "could not give up capabilities: \(systemMessage(CInt(-result)))")
            }
            try serve(config: config, users: users, port: port, isVerbose: isVerbose, role: role, log: log)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            Progress.endAll()
            log("\(error)")
            throw ExitCode(1)
        }
    }

    /// - Parameter logsJSON: an object on each line, instead of text; until `JSONLog.isWanted` says otherwise.
    static func makeLog(isVerbose: Bool, logsJSON: Bool = false) -> @Sendable (String) -> Void {
        var text = Logger(label: "apus", factory: { StreamLogHandler.standardError(label: $0) })
        var json = Logger(label: "apus", factory: { _ in JSONLog() })
        (text.logLevel, json.logLevel) = isVerbose ? (.debug, .debug) : (.info, .info)
        JSONLog.isWanted.set(logsJSON)
        if isVerbose { LogLevel.current = .debug }
        return { [text, json] message in
            if !DetachedLog.write(message) { (JSONLog.isWanted.isOn ? json : text).info("\(message)") }
        }
    }

    private static func serve(
        config: String, users: String, port: UInt16?, isVerbose: Bool, role: ServiceRole,
        log: @escaping @Sendable (String) -> Void
    ) throws {
        let (signals, manager) = (blockSignals(), ServiceManager())
        let progress = Progress("reading \(config)", isWanted: role == .server ? nil : false)
        let log: @Sendable (String) -> Void = { progress.say($0, log) }
        let (configuration, warnings) = try ServerConfiguration.load(config)
        JSONLog.isWanted.set(configuration.logsJSON)
        let metricsPlace = try MetricsEndpoint.Place(configuration.metricsAddress)
        let isRoot = geteuid() == 0
        warn(configuration, warnings, log)
        progress.stage("opening shares", of: configuration.shares.count)
        let domain = DomainIdentity.load(besides: users, log: log)
        let client = ControlPlaneClient()
        let access = ControlPlaneAccess(
            ask: { client.ask($0) }, tell: { client.tell($0) },
            shares: ShareBuilder.build(configuration, domain: domain, log: log, opened: { progress.advance() }),
            configuration: configuration, actsAsUsers: isRoot, log: log)
        let controlPlane = ControlPlaneSupervisor(
            config: config, users: users, isVerbose: isVerbose, client: client, log: log,
            ready: { access.replaceInitialToken($0) })
        // It has words of its own for the terminal.
        progress.end()
        try controlPlane.start()
        let buffers = BufferPool()
        var settings = engineSettings(configuration)
        settings.metrics = Metrics()
        let server = Server(
            settings: settings, environment: environment(configuration, log), accessControl: access, buffers: buffers,
            pipeService: ControlPlanePipes(client: client, actsAsUsers: isRoot))
        let remoteShares = RemoteShares(config: config, log: log)
        client.answerQueries(with: ServerQueries(server: server, domain: domain, shares: remoteShares))
        let transport = makeTransport(configuration, server, buffers, manager)
        let ports = port.map { [$0] } ?? configuration.ports
        try listen(transport, configuration, ports, log)
        transport.start()
        let discovery = DiscoverySupervisor.start(configuration, ports: ports, domain: domain, log: log)
        let shares = ServedShares(configuration)
        let metrics = MetricsEndpoint(limits: Limits(), log: log) {
            MetricsText(server: server, connectionCount: transport.connectionCount).text
        }
        let followers = ConfigurationFollowers(
            controlPlane: controlPlane, access: access, shares: shares, discovery: discovery, server: server,
            transport: transport, metrics: metrics, domain: domain, log: log)
        let reloader = Reloader(config: config, log: log, apply: followers.follow)
        try remoteShares.start(reloader)
        let admin = AdminSide.start(
            configuration,
            AdminSide.Subject(
                server: server, transport: transport, start: Clock.wall(), configuration: { access.configuration },
                shares: shares, servedShareNames: { access.shareNames }, reloader: reloader, log: log))
        metrics.move(to: metricsPlace, of: server)
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

    private static func environment(
        _ configuration: ServerConfiguration, _ log: @escaping @Sendable (String) -> Void
    ) -> Environment {
        var environment = Environment(
            now: { Clock.wall() }, uptime: { Clock.uptime() }, randomUInt64: { randomNumber() }, log: log)
        environment.networkInterfaces = { NetworkInterfaces.current(configuration, servesRDMA: false) }
        return environment
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

    static func engineSettings(_ configuration: ServerConfiguration) -> ServerSettings {
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
            do { try transport.listen(address: address, port: port) } catch {
                throw StartFailure(message: "\(error); apus doctor says who has the port, --port takes another")
            }
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
            throw Service.StartFailure(
                message: "\(path): there is no such file; apus share add FOLDER makes it, --config names another")
        }
        return try load(path: path, text: text)
    }
}
