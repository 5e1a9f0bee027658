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

    @Test("A watched folder that a client renames goes on being told of, by its new name")
    func renamed() throws {
        let scene = try Scene()
        try scene.makeFolder("a")
        try scene.makeFolder(#"a\b"#)
        try scene.makeFolder("c")
        let other = try scene.host.logIn()
        let top = try other.open("", access: [.readData, .readAttributes], disposition: .open)
        #expect(try other.call(.notify(top, watchesTree: true)).isInterim)
        let folder = try scene.client.open("a", access: [.readData, .delete], disposition: .open)
        #expect(try scene.client.call(.notify(folder)).isInterim)
        #expect(try scene.client.call(.set(folder, class: 10, renaming(to: #"c\d"#))).status == .success)
        #expect(try other.repliesAtHand().map(\.status) == [.success])
        #expect(try other.call(.notify(top, watchesTree: true)).isInterim)
        // The store knows its watch by the name of before.
        scene.store.tell(.added(NTName("new"), isDirectory: false), in: NTPath(components: [NTName("a")]))
        #expect(try scene.client.repliesAtHand().map(\.status) == [.success])
        let told = try #require(try other.repliesAtHand().first)
        #expect(told.bytes.contains(wide(#"c\d\new"#)))
        #expect(scene.store.watched.count == 4)
        try scene.client.call(.close(folder))
        try other.call(.close(top))
        #expect(scene.store.watched.isEmpty)
    }

    /// FileRenameInformation, [MS-FSCC] 2.4.43.2.
    private func renaming(to name: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes += [UInt8(2 * name.utf8.count), 0, 0, 0]
        bytes += wide(name)
        return bytes + [0, 0, 0, 0]
    }

    private func wide(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in text.utf8 { bytes += [byte, 0] }
        return bytes
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
