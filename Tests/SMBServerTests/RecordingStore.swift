import FileStore
import NTTypes
import Platform

/// Something that happens inside the next call of the store.
final class Hook: Sendable {
    private let body = Mutex<(@Sendable () -> Void)?>(nil)
    func set(_ new: @escaping @Sendable () -> Void) { body.withLock { $0 = new } }
    func run() {
        let taken = body.withLock { body in
            defer { body = nil }
            return body
        }
        taken?()
    }
}

/// As whom files were opened.
final class Users: Sendable {
    private let seen = Mutex<[[UInt32]]>([])
    func add(_ user: Credentials) { seen.withLock { $0.append(user.groups) } }
    var groups: [[UInt32]] { seen.withLock { $0 } }
}

final class RecordingStore: FileStore {
    private let store: any FileStore
    private let hook: Hook
    private let users: Users
    init(_ store: any FileStore, _ users: Users = Users(), _ hook: Hook = Hook()) {
        self.store = store
        self.hook = hook
        self.users = users
    }
    var capabilities: FileStoreCapabilities { store.capabilities }
    func open(_ path: NTPath, _ parameters: OpenParameters, as user: Credentials) throws(NTStatus) -> OpenedFile {
        users.add(user)
        hook.run()
        return try store.open(path, parameters, as: user)
    }
    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation {
        try store.volumeInformation(as: user)
    }
    func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink {
        try store.symbolicLink(on: path, as: user)
    }
}
