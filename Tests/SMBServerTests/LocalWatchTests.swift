import EngineHost
import FileStore
import NTTypes
import Platform
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// A store in which "other programs" change what the test says they do.
private final class WatchedStore: FileStore {
    private struct Watch: LocalWatch {
        let store: WatchedStore
        let folder: NTPath
        func end() { store.receivers.withLock { $0[folder] = nil } }
    }
    private let inner: any FileStore
    private let failure: NTStatus?
    private let receivers = Mutex<[NTPath: @Sendable (LocalChange) -> Void]>([:])

    init(_ inner: any FileStore, failure: NTStatus? = nil) {
        self.inner = inner
        self.failure = failure
    }

    var watched: Set<NTPath> { receivers.withLock { Set($0.keys) } }
    func tell(_ change: LocalChange, in folder: NTPath = NTPath()) { receivers.withLock { $0[folder] }?(change) }

    func watch(
        _ folder: NTPath, as user: Credentials, _ receiver: @escaping @Sendable (LocalChange) -> Void
    ) throws(NTStatus) -> any LocalWatch {
        if let failure { throw failure }
        receivers.withLock { $0[folder] = receiver }
        return Watch(store: self, folder: folder)
    }

    var capabilities: FileStoreCapabilities { inner.capabilities }
    func open(_ path: NTPath, _ parameters: OpenParameters, as user: Credentials) throws(NTStatus) -> OpenedFile {
        try inner.open(path, parameters, as: user)
    }
    func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink {
        try inner.symbolicLink(on: path, as: user)
    }
    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation {
        try inner.volumeInformation(as: user)
    }
}

@Suite("Changes by other programs [MS-SMB2] 3.3.4.4") struct LocalWatchTests {
    /// A host with a watched store, and a client of it that has the root open.
    private struct Scene {
        let store: WatchedStore
        let host: EngineHost
        let client: TestClient
        let root: FileID

        init(failure: NTStatus? = nil, _ change: (inout ServerSettings) -> Void = { _ in }) throws {
            var made: WatchedStore?
            host = try EngineHost(change) { inner in
                let store = WatchedStore(inner, failure: failure)
                made = store
                return store
            }
            store = try #require(made)
            client = try host.logIn()
            root = try client.open("", access: [.readData, .readAttributes], disposition: .open)
        }

        func makeFolder(_ name: String) throws {
            let folder = try client.open(name, disposition: .create) { $0.createOptions = .directoryFile }
            try client.call(.close(folder))
        }
    }

    @Test("A change is told once")
    func once() throws {
        let scene = try Scene()
        #expect(try scene.client.call(.notify(scene.root)).isInterim)
        scene.store.tell(.added(NTName("new"), isDirectory: false))
        #expect(try scene.client.repliesAtHand().map(\.status) == [.success])
        #expect(try scene.client.call(.notify(scene.root)).isInterim)
        try scene.client.call(.close(scene.root))
        #expect(scene.store.watched.isEmpty)
    }

    @Test("When changes are lost, the client is to look for itself")
    func lost() throws {
        let scene = try Scene()
        #expect(try scene.client.call(.notify(scene.root)).isInterim)
        scene.store.tell(.lost)
        #expect(try scene.client.repliesAtHand().map(\.status) == [.notifyEnumDir])
    }

    @Test("A tree is watched with what it has and gets")
    func tree() throws {
        let scene = try Scene()
        for name in ["a", #"a\b"#, "c"] { try scene.makeFolder(name) }
        #expect(try scene.client.call(.notify(scene.root, watchesTree: true)).isInterim)
        #expect(Set(scene.store.watched.map(\.description)) == ["", "a", #"a\b"#, "c"])
        try scene.makeFolder(#"c\d"#)
        #expect(scene.store.watched.contains(NTPath(components: [NTName("c"), NTName("d")])))
        scene.store.tell(.removed(NTName("a"), isDirectory: true))
        #expect(Set(scene.store.watched.map(\.description)) == ["", "c", #"c\d"#])
    }

    @Test("No more folders are watched than may be, and the administrator is told once")
    func limit() throws {
        let scene = try Scene { $0.limits.localWatchCountMax = 3 }
        for index in 0..<5 { try scene.makeFolder("\(index)") }
        #expect(try scene.client.call(.notify(scene.root, watchesTree: true)).isInterim)
        #expect(scene.store.watched.count == 3)
        #expect(scene.host.world.log.count { $0.contains("3 folders are watched") } == 1)
        try scene.makeFolder("one more")
        #expect(scene.host.world.log.count { $0.contains("3 folders are watched") } == 1)
    }

    @Test(
        "At the system's limit, or where it tells nothing, clients still hear of each other",
        arguments: [
            NTStatus.insufficientResources, .notSupported,
        ])
    func systemLimit(failure: NTStatus) throws {
        let scene = try Scene(failure: failure)
        #expect(try scene.client.call(.notify(scene.root)).isInterim)
        #expect(scene.host.world.log.contains { $0.contains("clients do not hear of all") })
        try scene.makeFolder("made")
        #expect(try scene.client.repliesAtHand().contains { $0.header.command == SMB2Command.changeNotify.rawValue })
    }
}
