import Authentication
import CLinux
import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Platform
import SMBServer
import SMBTestClient
import SMBWire

/// A whole engine in this process: one share in RAM, one account, a clock that stands still until it is moved, and
/// numbers that are the same each time.
public final class EngineHost: Sendable {
    public static let user = "alice"
    /// With the same password.
    public static let otherUser = "bob"
    public static let password = "Password01!"

    public let server: Server
    public let access: LocalAccess
    /// The share's folder; whatever is in it goes away with `clear` and with the host.
    public let folder: ScratchFolder
    public let world: World
    private let life: EngineLife
    /// What buffers hold before they are used, so that a reply that shows it has shown what was never written.
    public static let canary: UInt8 = 0xA5

    /// - Parameters:
    ///   - folder: to be shared; a new one if nil.
    ///   - pipes: what stands behind named pipes; nil for none.
    ///   - wrap: puts another store in front of the one that the share has.
    public init(
        folder: ScratchFolder? = nil, isWritable: Bool = true, shareRequiresEncryption: Bool = false,
        pipes: (any PipeService)? = nil, _ change: (inout ServerSettings) -> Void = { _ in },
        wrap: (any FileStore) -> any FileStore = { $0 }
    ) throws {
        self.folder = try folder ?? ScratchFolder()
        let share = Share(
            name: "share", kind: .disk(wrap(self.folder.store)), requiresEncryption: shareRequiresEncryption)
        world = World()
        var settings = ServerSettings()
        settings.dialectMin = .smb202
        settings.serverGUID = GUID(low: 3, high: 4)
        change(&settings)
        let buffers = BufferPool()
        for capacity in [BufferPool.smallCapacity, BufferPool.smallCapacity, 1 << 17] {
            buffers.give(Self.dirty(PDUBuffer(capacity: capacity)))
        }
        access = LocalAccess(shares: [share, Share(name: "IPC$", kind: .pipes)], isWritable, world)
        server = Server(
            settings: settings, environment: world.environment, accessControl: access, buffers: buffers,
            pipeService: pipes)
        life = EngineLife(server, world, self.folder)
    }

    /// Fills an empty buffer's memory with the canary.
    public static func dirty(_ buffer: PDUBuffer) -> PDUBuffer {
        let spare = buffer.spare(buffer.capacity)
        for index in spare.indices { spare[index] = canary }
        return buffer
    }

    /// A client that has only connected.
    public func connect(from address: String = "127.0.0.1") -> TestClient {
        TestClient(EngineWire(server, address: address, keeping: life))
    }

    /// A client that has negotiated, logged in and connected to the share.
    public func logIn(
        _ dialects: [Dialect] = Dialect.allCases, contexts: [NegotiateContext] = TestClient.contexts(),
        share: String = "share", as user: String = EngineHost.user, requiresSigning: Bool = false
    ) throws -> TestClient {
        let client = connect()
        try client.negotiate(dialects, contexts: contexts)
        try client.logIn(
            user: user, password: Self.password, requiresSigning: requiresSigning,
            random: { [UInt8](repeating: 0x5A, count: $0) })
        if !share.isEmpty { try client.connectTree(share) }
        return client
    }

    /// Logins that have begun and not ended.
    public var loginsUnderWay: Int { (server.accessControl as? LocalAccess)?.exchangeCount ?? 0 }

    /// Time passes, and what has become due is done.
    public func pass(seconds: UInt64) {
        world.pass(seconds: seconds)
        server.tick()
    }
}

/// As long as a host or one of its clients. After that the time of opens that have outlived their clients is over: the
/// engine keeps them, and they keep the engine.
private final class EngineLife: Sendable {
    private let server: Server
    private let world: World
    private let folder: ScratchFolder

    init(_ server: Server, _ world: World, _ folder: ScratchFolder) {
        (self.server, self.world, self.folder) = (server, world, folder)
    }

    deinit {
        world.pass(seconds: 1 << 20)
        server.tick()
    }
}

/// Clock, numbers and log of a host.
public final class World: Sendable {
    private struct State {
        var nanoseconds: UInt64 = 1_000_000_000
        var random: UInt64 = 0
        var log: [String] = []
    }
    private let state = Mutex(State())

    public func pass(seconds: UInt64) { state.withLock { $0.nanoseconds += seconds * 1_000_000_000 } }
    public var log: [String] { state.withLock { $0.log } }
    public var now: FileTime {
        FileTime(unixSeconds: 1_795_515_600 + Int64(state.withLock { $0.nanoseconds / 1_000_000_000 }), nanoseconds: 0)
    }

    var environment: Environment {
        Environment(
            now: { self.now },
            uptime: { self.state.withLock { $0.nanoseconds } },
            randomUInt64: {
                self.state.withLock { state in
                    // SplitMix64.
                    state.random &+= 0x9E37_79B9_7F4A_7C15
                    var value = state.random
                    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
                    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
                    return value ^ value >> 31
                }
            },
            log: { message in self.state.withLock { if $0.log.count < 1000 { $0.log.append(message) } } })
    }
}

/// A folder in RAM and a store over it; gone with the object.
public final class ScratchFolder: Sendable {
    public let path: String
    public let store: LinuxFileStore

    public init() throws {
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/apus-engine-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw NTStatus.unsuccessful }
        path = String(cString: made)
        var options = LinuxFileStoreOptions()
        options.switchesIdentity = false
        store = try LinuxFileStore(root: path, options: options)
    }

    /// Removes everything in the folder.
    public func clear() { Self.clear(path) }

    private static func clear(_ path: String) {
        guard let folder = opendir(path) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
                }
            }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            let isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            if isFolder { clear(path + "/", name) }
            unlinkat(dirfd(folder), name, isFolder ? AT_REMOVEDIR : 0)
        }
    }

    /// A name on the disk need not be text.
    private static func clear(_ parent: String, _ name: [CChar]) {
        let full = Array(parent.utf8CString.dropLast()) + name
        guard let folder = opendir(full) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let inner = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
                }
            }
            if inner == [46, 0] || inner == [46, 46, 0] { continue }
            let isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            if isFolder { clear(parent, Array(name.dropLast()) + [47] + inner) }
            unlinkat(dirfd(folder), inner, isFolder ? AT_REMOVEDIR : 0)
        }
    }

    deinit {
        clear()
        rmdir(path)
    }
}
