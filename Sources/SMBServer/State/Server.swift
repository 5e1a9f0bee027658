import FileStore
import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// What the administrator decides about the server as a whole.
public struct ServerSettings: Sendable {
    public enum Requirement: Sendable { case disabled, offered, required }
    public var dialectMin: Dialect = .smb210
    public var dialectMax: Dialect = .smb311
    public var signing: Requirement = .offered
    public var encryption: Requirement = .offered
    /// In the server's order of preference, [MS-SMB2] 3.3.5.4.
    public var ciphers: [Cipher] = [.aes128GCM, .aes128CCM, .aes256GCM, .aes256CCM]
    /// In the server's order of preference.
    public var signingAlgorithms: [SigningAlgorithm] = [.aesGMAC, .aesCMAC, .hmacSHA256]
    /// IsMultiChannelCapable: a session may have several connections.
    public var isMultichannel = false
    /// Hooks for smbtorture, which make the server misbehave: never on a server that anybody relies on.
    public var hasTortureControls = false
    public var grantsLeases = true
    public var grantsDirectoryLeases = true
    public var serverGUID: GUID = .zero
    /// `smb3 unix extensions`: clients that ask for the POSIX extensions get them, in the shares that have them.
    public var offersPOSIX = true
    public var name = "APUS"
    public var limits = Limits()
    /// Where requests are counted; nil counts none.
    public var metrics: Metrics?
    public init() {}
}

/// What the engine is given rather than fetches: tests set them.
public struct Environment: Sendable {
    public var now: @Sendable () -> FileTime
    /// Nanoseconds of a clock that only goes forward.
    public var uptime: @Sendable () -> UInt64
    /// Cryptographically secure.
    public var randomUInt64: @Sendable () -> UInt64
    public var log: @Sendable (String) -> Void
    /// Those that clients may open channels to; asked for each time.
    public var networkInterfaces: @Sendable () -> [NetworkInterface] = { [] }

    public init(
        now: @escaping @Sendable () -> FileTime, uptime: @escaping @Sendable () -> UInt64,
        randomUInt64: @escaping @Sendable () -> UInt64, log: @escaping @Sendable (String) -> Void
    ) {
        self.now = now
        self.uptime = uptime
        self.randomUInt64 = randomUInt64
        self.log = log
    }
}

/// The server, [MS-SMB2] 3.3.1.5: what all connections share.
public final class Server: Sendable {
    public let settings: ServerSettings
    public let environment: Environment
    public let accessControl: any AccessControl
    /// nil: there are no pipes.
    public let pipeService: (any PipeService)?
    public let buffers: BufferPool
    let sessions = SessionTable()
    let files = FileTable()
    let leases = LeaseTable()
    let durableOpens = DurableOpenTable()
    let createReplays = CreateReplayTable()
    let directoryLeases = DirectoryLeases()
    let notifier = ChangeNotifier()
    let pipeTally = PipeTally()
    let breakDelivery = BreakDelivery()
    let clientConnections = ClientConnections()
    let localWatches = LocalWatches()
    let localGuards = LocalGuards()
    let parkedRequests = ParkedRequestQueue()
    /// What was refused, and why.
    public let denials: DenialLog
    let startTime: FileTime
    let adjustableLimits: AdjustableLimits
    public let metrics: Metrics?
    /// Who looks at requests.
    public let observation: Observation
    private let breakCounter = Atomic<UInt64>(0)
    private let nextIdentifier = Atomic<UInt64>(1)
    let openCount = Atomic<Int>(0)

    public init(
        settings: ServerSettings, environment: Environment, accessControl: any AccessControl, buffers: BufferPool,
        pipeService: (any PipeService)? = nil
    ) {
        self.settings = settings
        self.environment = environment
        self.accessControl = accessControl
        self.buffers = buffers
        self.pipeService = pipeService
        denials = DenialLog(countMax: settings.limits.denialCountMax)
        metrics = settings.metrics
        observation = Observation(counts: settings.metrics != nil, limits: settings.limits)
        startTime = environment.now()
        adjustableLimits = AdjustableLimits(settings.limits)
    }

    var limits: Limits { settings.limits }

    /// Oplock and lease breaks that were sent.
    public var breakCount: UInt64 { breakCounter.load(ordering: .relaxed) }
    func countBreak() { breakCounter.wrappingAdd(1, ordering: .relaxed) }
    public var leaseCount: Int { leases.count }

    /// Unique for the life of the process; never 0.
    func makeIdentifier() -> UInt64 { nextIdentifier.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Runs what has become due: timeouts of parked requests and of opens whose client is away. To be called a few
    /// times a second.
    public func tick() {
        Thread.beginWork()
        let now = environment.uptime()
        retryBreaks(now: now)
        parkedRequests.expire(now: now)
        scavengeDurableOpens(now: now)
        for node in localGuards.takeOverdue(now: now) { completeBreaks(of: node) }
        sessions.expire(now: environment.now())
        runReady()
    }

    /// Runs every request that is ready, on this thread, and sends breaks that wait. No lock may be held. One at a
    /// time is taken: should it take long, the next thread that comes by finds the others.
    func runReady() {
        while let ready = parkedRequests.takeReady() {
            send(ready.notices)
            if let request = ready.request { request.connection.resume(request) }
        }
    }
}
