import FileStore
import NTTypes
import Platform
import SMBWire

/// What CHANGE_NOTIFY can be asked to report, [MS-SMB2] 2.2.35 CompletionFilter.
struct ChangeFilter: OptionSet, Hashable {
    let rawValue: UInt32
    static var fileName: Self { .init(rawValue: 0x001) }
    static var directoryName: Self { .init(rawValue: 0x002) }
    static var attributes: Self { .init(rawValue: 0x004) }
    static var size: Self { .init(rawValue: 0x008) }
    static var lastWrite: Self { .init(rawValue: 0x010) }
    static var lastAccess: Self { .init(rawValue: 0x020) }
    static var creation: Self { .init(rawValue: 0x040) }
    static var extendedAttributes: Self { .init(rawValue: 0x080) }
    static var security: Self { .init(rawValue: 0x100) }
    static var streamName: Self { .init(rawValue: 0x200) }
    static var streamSize: Self { .init(rawValue: 0x400) }
    static var streamWrite: Self { .init(rawValue: 0x800) }
}

/// What happened to a name, [MS-FSCC] 2.7.1.
enum ChangeAction: UInt32 {
    case added = 1
    case removed = 2
    case modified = 3
    case renamedOldName = 4
    case renamedNewName = 5
}

/// Who watches which folder, and what there is to tell, [MS-FSA] 2.1.5.11 and 2.1.4.1. Watching begins with an open's
/// first request and goes on between its requests until it is closed; changes made through this server are reported
/// from here.
final class ChangeNotifier: Sendable {
    struct Change: Equatable {
        var action: ChangeAction
        /// From the watched folder on.
        var path: [NTName]
    }
    private struct Watch {
        let open: Open
        let filter: ChangeFilter
        let watchesTree: Bool
        /// Bytes that its reports may take at most.
        let byteCountMax: Int
        /// Where the folder is, as far as the index knows.
        var place: WatchIndex.Place
        var changes: [Change] = []
        var byteCount = 0
        /// More happened than there is room for: the client must look for itself.
        var hasOverflowed = false
        var waiting: [ParkedRequest] = []

        mutating func overflow() {
            changes = []
            byteCount = 0
            hasOverflowed = true
        }
    }
    enum Report {
        case nothing
        case changes([Change])
        case overflow
    }
    private struct State {
        /// By the open's volatile file ID.
        var watches: [UInt64: Watch] = [:]
        var index = WatchIndex()

        mutating func remove(_ open: Open) -> Watch? {
            guard let watch = watches.removeValue(forKey: open.fileID.volatile) else { return nil }
            index.remove(open.fileID.volatile, at: watch.place, isTree: watch.watchesTree)
            return watch
        }

        /// Has each watch that may be concerned by a change at `path` look at it.
        mutating func tell(_ path: NTPath, in share: Share, _ tell: (inout Watch) -> Void) {
            for id in index.watches(around: path.components, in: share.name) {
                guard let index = watches.index(forKey: id) else { continue }
                tell(&watches.values[index])
            }
        }
    }
    private let state = Mutex(State())
    /// Nobody watching costs nothing.
    private let isWatched = Atomic(false)

    var isInUse: Bool { isWatched.load(ordering: .relaxed) }

    /// Begins to watch unless it does so already: the first request's filter counts for good, [MS-FSA] 2.1.5.11.
    /// - Returns: whether this is the first.
    func watch(_ open: Open, _ filter: ChangeFilter, watchesTree: Bool, byteCountMax: Int) -> Bool {
        let isFirst = state.withLock { state in
            guard state.watches[open.fileID.volatile] == nil else { return false }
            // Under the lock: once `move` has it, the path is the new one.
            let place = Self.place(of: open)
            state.watches[open.fileID.volatile] = Watch(
                open: open, filter: filter, watchesTree: watchesTree, byteCountMax: byteCountMax, place: place)
            state.index.insert(open.fileID.volatile, at: place, isTree: watchesTree)
            return true
        }
        isWatched.store(true, ordering: .relaxed)
        return isFirst
    }

    /// Takes what there is to tell. - Parameter waiting: is woken when there is something, if there is nothing now.
    func take(_ open: Open, waiting: ParkedRequest?) -> Report {
        state.withLock { state in
            guard var watch = state.watches[open.fileID.volatile] else { return .nothing }
            defer { state.watches[open.fileID.volatile] = watch }
            if watch.hasOverflowed {
                watch.hasOverflowed = false
                return .overflow
            }
            guard watch.changes.isEmpty else {
                defer {
                    watch.changes = []
                    watch.byteCount = 0
                }
                return .changes(watch.changes)
            }
            if let waiting, !watch.waiting.contains(where: { $0 === waiting }) { watch.waiting.append(waiting) }
            return .nothing
        }
    }

    /// The open is closed, or its requests are cancelled: they end.
    func end(_ open: Open) {
        guard isWatched.load(ordering: .relaxed) else { return }
        let waiting = state.withLock { state in
            let watch = state.remove(open)
            if state.watches.isEmpty { isWatched.store(false, ordering: .relaxed) }
            return watch?.waiting ?? []
        }
        for request in waiting { request.wake(.closed) }
    }

    /// The folder that `open` opens is to be deleted: requests that watch it look again, and find it so.
    func wakeWatchers(of open: Open) {
        guard open.isDirectory, isWatched.load(ordering: .relaxed) else { return }
        let opens = open.node.opens
        let waiting = state.withLock { state in opens.flatMap { state.watches[$0.fileID.volatile]?.waiting ?? [] } }
        for request in waiting { request.wake(.event) }
    }

    /// The folder that these opens are of has another name now.
    func move(_ opens: [Open]) {
        guard isWatched.load(ordering: .relaxed) else { return }
        state.withLock { state in
            for open in opens {
                guard var watch = state.remove(open) else { continue }
                watch.place = Self.place(of: open)
                state.watches[open.fileID.volatile] = watch
                state.index.insert(open.fileID.volatile, at: watch.place, isTree: watch.watchesTree)
            }
        }
    }

    private static func place(of open: Open) -> WatchIndex.Place {
        WatchIndex.Place(open.file.path.components[...], in: open.treeConnect.share.name)
    }

    /// Something at `path` changed.
    /// - Parameters:
    ///   - filter: which kinds of change it is; a watch that asked for one hears of it.
    ///   - excluded: a watch that asked for one of these has heard of it otherwise.
    func report(
        _ action: ChangeAction, _ path: NTPath, in share: Share, _ filter: ChangeFilter,
        toldOtherwise excluded: ChangeFilter = []
    ) {
        guard isWatched.load(ordering: .relaxed), let name = path.components.last else { return }
        let woken = state.withLock { state -> [ParkedRequest] in
            var woken: [ParkedRequest] = []
            state.tell(path, in: share) { watch in
                guard !watch.filter.isDisjoint(with: filter), watch.filter.isDisjoint(with: excluded) else { return }
                let relative = Array(path.components.dropFirst(watch.place.folder.count))
                Self.add(Change(action: action, path: relative.isEmpty ? [name] : relative), to: &watch)
                woken += watch.waiting
                watch.waiting = []
            }
            return woken
        }
        for request in woken { request.wake(.event) }
    }

    /// Something in a folder changed, and nobody knows what.
    func loseTrack(of folder: NTPath, in share: Share) {
        guard isWatched.load(ordering: .relaxed) else { return }
        let something = NTPath(components: folder.components + [NTName("")])
        let woken = state.withLock { state -> [ParkedRequest] in
            var woken: [ParkedRequest] = []
            state.tell(something, in: share) { watch in
                watch.overflow()
                woken += watch.waiting
                watch.waiting = []
            }
            return woken
        }
        for request in woken { request.wake(.event) }
    }

    private static func add(_ change: Change, to watch: inout Watch) {
        guard !watch.hasOverflowed else { return }
        // A file that is written to again and again is told of once.
        if watch.changes.last == change { return }
        let byteCount = 12 + change.path.reduce(0) { $0 + $1.utf8.count * 2 + 2 } + 3
        guard watch.byteCount + byteCount <= watch.byteCountMax else {
            return watch.overflow()
        }
        watch.changes.append(change)
        watch.byteCount += byteCount
    }
}

extension Server {
    /// What is open changed, and its folder shows it.
    func reportChange(_ open: Open, _ filter: ChangeFilter) {
        guard notifier.isInUse || !directoryLeases.isEmpty else { return }
        let path = open.file.path
        notifier.report(.modified, path, in: open.treeConnect.share, filter)
        breakDirectoryLeases(around: path, in: open.treeConnect.share, knownTo: open.identity.parentLeaseKey)
    }

    /// Data was written through an open. Its folder shows that once it is closed.
    func reportWrite(_ open: Open) {
        if !open.hasWritten.load(ordering: .relaxed) { open.hasWritten.store(true, ordering: .relaxed) }
        guard notifier.isInUse else { return }
        let path = open.file.path
        notifier.report(
            .modified, path, in: open.treeConnect.share,
            path.stream == nil ? [.size, .lastWrite] : [.streamSize, .streamWrite])
    }

    /// A name came or went.
    func reportName(_ action: ChangeAction, _ path: NTPath, of open: Open) {
        reportName(action, path, of: open, knownTo: open.identity.parentLeaseKey)
    }

    /// - Parameter key: of the lease on the folder whose holder knows of it.
    func reportName(_ action: ChangeAction, _ path: NTPath, of open: Open, knownTo key: GUID?) {
        let filter: ChangeFilter = path.stream != nil ? .streamName : open.isDirectory ? .directoryName : .fileName
        let share = open.treeConnect.share
        notifier.report(action, path, in: share, filter)
        breakDirectoryLeases(around: path, in: share, knownTo: key)
        if open.isDirectory, localWatches.hasTrees { followFolder(action, path, in: share) }
    }

    /// [MS-FSA] 2.1.5.15.11: a name within a folder is renamed; from one folder to another it goes and comes. NTFS
    /// marks a file that has been renamed for archiving, and tells those of that who hear of no names.
    func reportRename(from source: NTPath, to target: NTPath, of open: Open) {
        let isWithinFolder = source.parent == target.parent
        reportName(isWithinFolder ? .renamedOldName : .removed, source, of: open)
        reportName(isWithinFolder ? .renamedNewName : .added, target, of: open)
        guard !open.isDirectory else { return }
        notifier.report(
            .modified, target, in: open.treeConnect.share, [.attributes, .creation], toldOtherwise: .fileName)
    }
}
