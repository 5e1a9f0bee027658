import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// Folders whose changes by other programs are told to somebody, for the whole process: fanotify(7), which says who
/// made each change, so that our own are left out for certain. A thread of its own waits for them once there is
/// something to wait for.
///
/// A folder that is reached through two shares is watched once and told to both.
final class LocalChanges: Sendable {
    static let shared = LocalChanges()

    /// How an event calls a folder: file system and handle.
    typealias FolderID = [UInt8]

    private struct Folder {
        /// Leads to the folder; its watch is taken back through it.
        let descriptor: CInt
        var receivers: [UInt64: @Sendable (LocalChange) -> Void] = [:]
    }
    private struct State {
        /// -1: not started.
        var queue: CInt = -1
        var folders: [FolderID: Folder] = [:]
        var lastReceiver: UInt64 = 0
        var mask = eventsWithRename
    }
    private let state = Mutex(State())

    private static let events =
        UInt64(APUS_CHANGE_CREATED) | UInt64(APUS_CHANGE_DELETED) | UInt64(APUS_CHANGE_WRITTEN)
        | UInt64(APUS_CHANGE_ATTRIBUTES) | UInt64(APUS_CHANGE_ON_CHILD) | UInt64(APUS_CHANGE_ON_FOLDER)
    /// Linux 5.17 tells both names at once.
    private static let eventsWithRename = events | UInt64(APUS_CHANGE_RENAMED)
    private static let eventsWithMoves = events | UInt64(APUS_CHANGE_MOVED_FROM) | UInt64(APUS_CHANGE_MOVED_TO)

    private init() {}

    private struct Watch: LocalWatch {
        let changes: LocalChanges
        let folder: FolderID
        let receiver: UInt64
        func end() { changes.end(folder, receiver) }
    }

    /// - Parameter descriptor: of the folder, O_PATH.
    func watch(
        _ descriptor: consuming OwnedDescriptor, _ receiver: @escaping @Sendable (LocalChange) -> Void
    ) throws(NTStatus) -> any LocalWatch {
        var folder = FolderID(repeating: 0, count: 256)
        let count = Linux.changesIdentity(descriptor.raw, into: &folder)
        guard count > 0 else { throw .notSupported }
        folder.removeLast(folder.count - count)
        let raw = descriptor.raw
        let result = state.withLock { state -> (failure: Int, number: UInt64, isNew: Bool) in
            var isNew = false
            if state.folders[folder] == nil {
                let failure = Self.start(&state, self) ?? Self.mark(raw, &state)
                if let failure { return (failure, 0, false) }
                state.folders[folder] = Folder(descriptor: raw)
                isNew = true
            }
            state.lastReceiver += 1
            state.folders[folder]?.receivers[state.lastReceiver] = receiver
            return (0, state.lastReceiver, isNew)
        }
        if result.failure.failed(ENOSPC) || result.failure.failed(EMFILE) || result.failure.failed(ENOMEM) {
            throw .insufficientResources
        }
        if result.failure.failed(EACCES) { throw .accessDenied }
        guard result.failure == 0 else { throw .notSupported }
        if result.isNew { _ = descriptor.take() }
        return Watch(changes: self, folder: folder, receiver: result.number)
    }

    /// - Returns: why not.
    private static func start(_ state: inout State, _ changes: LocalChanges) -> Int? {
        guard state.queue < 0 else { return nil }
        let started = apus_changes_start()
        guard started >= 0 else { return started }
        let queue = CInt(started)
        guard Thread.detach(name: "local-changes", { changes.follow(queue) }) else {
            Linux.close(queue)
            return -Int(ENOMEM)
        }
        state.queue = queue
        return nil
    }

    private static func mark(_ folder: CInt, _ state: inout State) -> Int? {
        var result = Linux.watchChanges(folder, in: state.queue, mask: state.mask)
        if result.failed(EINVAL), state.mask == eventsWithRename {
            state.mask = eventsWithMoves
            result = Linux.watchChanges(folder, in: state.queue, mask: state.mask)
        }
        return result < 0 ? result : nil
    }

    private func end(_ id: FolderID, _ receiver: UInt64) {
        let unused = state.withLock { state -> CInt? in
            state.folders[id]?.receivers[receiver] = nil
            guard let folder = state.folders[id], folder.receivers.isEmpty else { return nil }
            state.folders[id] = nil
            _ = Linux.forgetChanges(folder.descriptor, in: state.queue, mask: state.mask)
            return folder.descriptor
        }
        if let unused { Linux.close(unused) }
    }

    // MARK: the thread

    private func follow(_ queue: CInt) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let own = getpid()
        while true {
            let count = Linux.readChanges(queue, into: &buffer)
            guard count > 0 else { return }
            var rest = buffer[..<count]
            while let event = LocalChangeEvent(&rest) {
                if event.has(APUS_CHANGE_OVERFLOW) { tellAll(.lost) } else if event.process != own { tell(event) }
            }
        }
    }

    private func tellAll(_ change: LocalChange) {
        let receivers = state.withLock { $0.folders.values.flatMap { $0.receivers.values } }
        for receiver in receivers { receiver(change) }
    }

    private func tell(_ event: LocalChangeEvent) {
        for (folder, change) in event.changes {
            let receivers = state.withLock { $0.folders[folder].map { Array($0.receivers.values) } ?? [] }
            for receiver in receivers { receiver(change) }
        }
    }
}

/// One event of the queue.
struct LocalChangeEvent {
    struct Place: Equatable {
        var folder: LocalChanges.FolderID
        var name: NTName
    }
    /// Who made the change, or did so first.
    let process: Int32
    private let mask: UInt64
    private var place: Place?
    private var oldPlace: Place?
    private var newPlace: Place?

    /// Takes the first event off: struct fanotify_event_metadata and its information records, in the byte order of the
    /// machine, which is little-endian wherever Swift runs. nil at the end.
    init?(_ bytes: inout ArraySlice<UInt8>) {
        guard bytes.count >= 24 else { return nil }
        let byteCount = Int(bytes.littleEndian32(0))
        let headerByteCount = Int(bytes.littleEndian32(4) >> 16)
        guard byteCount >= headerByteCount, headerByteCount >= 24, byteCount <= bytes.count else { return nil }
        mask = UInt64(bytes.littleEndian32(8)) | UInt64(bytes.littleEndian32(12)) << 32
        process = Int32(bitPattern: bytes.littleEndian32(20))
        var records = bytes.prefix(byteCount).dropFirst(headerByteCount)
        bytes = bytes.dropFirst(byteCount)
        while records.count >= 4 {
            let kind = records.littleEndian32(0)
            let count = Int(kind >> 16)
            guard count >= 4, count <= records.count else { return }
            take(CInt(kind & 0xFF), records.prefix(count).dropFirst(4))
            records = records.dropFirst(count)
        }
    }

    /// struct fanotify_event_info_fid without its header: file system, handle, and the entry's name with a terminator.
    private mutating func take(_ kind: CInt, _ record: ArraySlice<UInt8>) {
        guard record.count >= 16 else { return }
        let folderByteCount = 16 + Int(record.littleEndian32(8))
        guard folderByteCount <= record.count else { return }
        let name = record.dropFirst(folderByteCount).prefix { $0 != 0 }
        // The folder itself.
        guard !name.isEmpty, !name.elementsEqual([UInt8(ascii: ".")]) else { return }
        let place = Place(folder: Array(record.prefix(folderByteCount)), name: NTName(utf8: Array(name)))
        switch kind {
        case CInt(APUS_CHANGE_NAME): self.place = place
        case CInt(APUS_CHANGE_OLD_NAME): oldPlace = place
        case CInt(APUS_CHANGE_NEW_NAME): newPlace = place
        default: break
        }
    }

    func has(_ bit: Int) -> Bool { mask & UInt64(bit) != 0 }

    /// What it says of each folder. Several things that happened to one name may come as one event: they are told in
    /// the order that is likely, and whoever hears of them looks at the folder anyway.
    var changes: [(LocalChanges.FolderID, LocalChange)] {
        var changes: [(LocalChanges.FolderID, LocalChange)] = []
        let isDirectory = has(APUS_CHANGE_ON_FOLDER)
        if has(APUS_CHANGE_RENAMED) {
            if let oldPlace, let newPlace, oldPlace.folder == newPlace.folder {
                let change = LocalChange.renamed(from: oldPlace.name, to: newPlace.name, isDirectory: isDirectory)
                changes.append((oldPlace.folder, change))
            } else {
                if let oldPlace { changes.append((oldPlace.folder, .removed(oldPlace.name, isDirectory: isDirectory))) }
                if let newPlace { changes.append((newPlace.folder, .added(newPlace.name, isDirectory: isDirectory))) }
            }
        }
        guard let place else { return changes }
        func add(_ change: LocalChange) { changes.append((place.folder, change)) }
        if has(APUS_CHANGE_CREATED) || has(APUS_CHANGE_MOVED_TO) { add(.added(place.name, isDirectory: isDirectory)) }
        if has(APUS_CHANGE_WRITTEN) { add(.written(place.name)) }
        if has(APUS_CHANGE_ATTRIBUTES) { add(.attributes(place.name)) }
        if has(APUS_CHANGE_DELETED) || has(APUS_CHANGE_MOVED_FROM) {
            add(.removed(place.name, isDirectory: isDirectory))
        }
        return changes
    }
}

extension LinuxFileStore {
    public func watch(
        _ folder: NTPath, as user: Credentials, _ receiver: @escaping @Sendable (LocalChange) -> Void
    ) throws(NTStatus) -> any LocalWatch {
        try identity.act(as: user)
        let descriptor = OwnedDescriptor(
            try openBeneath(try SystemPath(folder.components), flags: CInt(APUS_O_PATH) | O_DIRECTORY).orThrow())
        return try LocalChanges.shared.watch(descriptor, receiver)
    }
}
