import FileStore
import NTTypes
import Platform
import SMBWire

/// A folder of a share, whatever the case of its name.
struct FolderPlace: Hashable {
    var share: String
    /// Folded.
    var folder: [NTName]

    init(_ path: NTPath, in share: Share) { self.init(path, in: share.name) }

    init(_ path: NTPath, in share: String) {
        self.share = share
        folder = path.components.map(\.folded)
    }

    func contains(_ other: FolderPlace) -> Bool { share == other.share && other.folder.starts(with: folder) }

    /// This one, and all that it is in, up to the root.
    var upwards: [FolderPlace] {
        var place = self
        var found = [place]
        while place.folder.popLast() != nil { found.append(place) }
        return found
    }
}

/// Folders in which changes by other programs are looked out for: those that clients watch, with what is below them
/// where that is asked for, and those whose contents they cache. Each is watched once, however many are interested.
final class LocalWatches: Sendable {
    private struct Folder {
        let watch: any LocalWatch
        /// Where the watch says that it is.
        let path: WatchedPath
        /// Opens, by volatile file ID.
        var interested: Set<UInt64>
    }
    /// A folder's path, which a rename changes.
    private final class WatchedPath: Sendable {
        let current: Mutex<NTPath>
        init(_ path: NTPath) { current = Mutex(path) }
    }
    /// Of one open.
    private struct Interest {
        let open: Open
        var root: FolderPlace
        let watchesTree: Bool
        var places: Set<FolderPlace> = []
    }
    private struct State {
        var folders = FolderTree<Folder>()
        var interests: [UInt64: Interest] = [:]
        /// What the administrator has been told: each thing once.
        var warnings: Set<String> = []
    }
    private let state = Mutex(State())
    /// There has been an interest: until then a close costs nothing.
    private let isInUse = Atomic(false)
    private let treeCount = Atomic(0)

    /// Somebody watches what is below a folder, so new folders matter.
    var hasTrees: Bool { treeCount.load(ordering: .relaxed) > 0 }

    /// The open of a folder is interested in what others do there, until `end`.
    /// - Returns: false if that cannot be seen.
    func begin(_ open: Open, watchesTree: Bool, in server: Server) -> Bool {
        let root = FolderPlace(open.file.path, in: open.treeConnect.share)
        let isNew = state.withLock { state in
            // A tree that is watched beside a lease on its folder takes the lease's place.
            if let interest = state.interests[open.fileID.volatile], interest.watchesTree || !watchesTree {
                return false
            }
            let places = state.interests[open.fileID.volatile]?.places ?? []
            state.interests[open.fileID.volatile] = Interest(
                open: open, root: root, watchesTree: watchesTree, places: places)
            return true
        }
        guard isNew else { return true }
        isInUse.store(true, ordering: .relaxed)
        if watchesTree { treeCount.wrappingAdd(1, ordering: .relaxed) }
        guard add(open.file.path, for: open, in: server) else { return false }
        if watchesTree { extend(from: open.file.path, for: open, in: server) { _, _ in } }
        return true
    }

    func end(_ open: Open) {
        guard isInUse.load(ordering: .relaxed) else { return }
        let (interest, unused) = state.withLock { state -> (Interest?, [any LocalWatch]) in
            guard let interest = state.interests.removeValue(forKey: open.fileID.volatile) else { return (nil, []) }
            return (interest, interest.places.compactMap { Self.release($0, of: open.fileID.volatile, &state) })
        }
        if interest?.watchesTree == true { treeCount.wrappingSubtract(1, ordering: .relaxed) }
        for watch in unused { watch.end() }
    }

    /// There is a new folder. - Parameter found: is told of what is in it already, so that nothing is missed between
    /// its making and its being watched.
    func discover(_ path: NTPath, of share: Share, in server: Server, found: (NTPath, _ isDirectory: Bool) -> Void) {
        guard hasTrees else { return }
        let place = FolderPlace(path, in: share)
        let interested = state.withLock { state in
            place.upwards.dropFirst().flatMap { root in
                (state.folders[root]?.interested ?? []).compactMap { id -> Open? in
                    guard let interest = state.interests[id], interest.watchesTree, interest.root == root else {
                        return nil
                    }
                    return interest.open
                }
            }
        }
        for (index, open) in interested.enumerated() where add(path, for: open, in: server) {
            extend(from: path, for: open, in: server) { path, isDirectory in
                if index == 0 { found(path, isDirectory) }
            }
        }
    }

    /// A folder is gone, or is called something else.
    func forget(_ path: NTPath, of share: Share) {
        guard hasTrees else { return }
        let gone = FolderPlace(path, in: share)
        let unused = state.withLock { Self.forget(gone, unless: { $0 == $1.root }, &$0) }
        for watch in unused { watch.end() }
    }

    /// Ends the interest of those who watch a tree in the folders from `top` on.
    private static func forget(
        _ top: FolderPlace, unless isKept: (FolderPlace, Interest) -> Bool, _ state: inout State
    ) -> [any LocalWatch] {
        var unused: [any LocalWatch] = []
        for place in state.folders.places(from: top) {
            for id in state.folders[place]?.interested ?? [] {
                let isOver = state.interests[id].map { $0.watchesTree && !isKept(place, $0) } ?? true
                if isOver, let watch = release(place, of: id, &state) { unused.append(watch) }
            }
        }
        return unused
    }

    /// The folder is called something else: whoever watches it, or one in it, goes on; trees that it is not in any more
    /// do not.
    func move(from old: NTPath, to new: NTPath, of share: Share) {
        guard isInUse.load(ordering: .relaxed) else { return }
        let (source, target) = (FolderPlace(old, in: share), FolderPlace(new, in: share))
        let unused = state.withLock { state -> [any LocalWatch] in
            var unused = Self.forget(source, unless: { source.contains($1.root) }, &state)
            for place in state.folders.places(from: source) {
                guard var folder = state.folders[place] else { continue }
                let depth = old.components.count
                var moved = place
                moved.folder.replaceSubrange(..<depth, with: target.folder)
                folder.path.current.withLock { $0.components.replaceSubrange(..<depth, with: new.components) }
                state.folders[place] = nil
                // What had that name before is gone.
                if let replaced = state.folders[moved] {
                    unused.append(replaced.watch)
                    folder.interested.formUnion(replaced.interested)
                }
                for id in folder.interested {
                    state.interests[id]?.places.remove(place)
                    state.interests[id]?.places.insert(moved)
                    if state.interests[id]?.root == place { state.interests[id]?.root = moved }
                }
                state.folders[moved] = folder
            }
            return unused
        }
        for watch in unused { watch.end() }
    }

    // MARK: one folder

    private func add(_ path: NTPath, for open: Open, in server: Server) -> Bool {
        let share = open.treeConnect.share
        let place = FolderPlace(path, in: share)
        let limit = server.limits.localWatchCountMax
        let (isThere, isFull) = state.withLock { state in
            (Self.take(place, for: open, &state), state.folders.count >= limit)
        }
        if isThere { return true }
        guard let store = open.treeConnect.store, !isFull else {
            warn(server, "\(limit) folders are watched, and no more may be")
            return false
        }
        let watched = WatchedPath(path)
        let watch: any LocalWatch
        do throws(NTStatus) {
            watch = try store.watch(path, as: open.credentials) { [weak server] change in
                server?.take(change, in: watched.current.withLock { $0 }, of: share)
            }
        } catch {
            if error == .insufficientResources {
                warn(server, "the system lets no more folders be watched (fs.fanotify.max_user_marks)")
            } else if error == .notSupported {
                warn(server, "[\(share.name)] this file system or kernel does not tell what others change")
            }
            return false
        }
        // Another thread may have been quicker, or the open may be closed by now.
        let isTaken = state.withLock { state in
            if Self.take(place, for: open, &state) { return false }
            guard state.interests[open.fileID.volatile] != nil else { return false }
            state.folders[place] = Folder(watch: watch, path: watched, interested: [open.fileID.volatile])
            state.interests[open.fileID.volatile]?.places.insert(place)
            return true
        }
        if !isTaken { watch.end() }
        return true
    }

    /// - Returns: whether the open is served by a watch that is there.
    private static func take(_ place: FolderPlace, for open: Open, _ state: inout State) -> Bool {
        let id = open.fileID.volatile
        guard state.interests[id]?.places.contains(place) == false else { return true }
        guard state.folders[place] != nil else { return false }
        state.folders[place]?.interested.insert(id)
        state.interests[id]?.places.insert(place)
        return true
    }

    /// - Returns: the watch that nobody is interested in any more.
    private static func release(_ place: FolderPlace, of id: UInt64, _ state: inout State) -> (any LocalWatch)? {
        state.interests[id]?.places.remove(place)
        state.folders[place]?.interested.remove(id)
        guard let folder = state.folders[place], folder.interested.isEmpty else { return nil }
        state.folders[place] = nil
        return folder.watch
    }

    private func warn(_ server: Server, _ message: String) {
        guard state.withLock({ $0.warnings.insert(message).inserted }) else { return }
        server.environment.log("\(message): clients do not hear of all that other programs change")
    }

    // MARK: what is below

    /// Watches every folder below one that is watched, as far as the open's user may list them.
    private func extend(
        from path: NTPath, for open: Open, in server: Server, found: (NTPath, _ isDirectory: Bool) -> Void
    ) {
        guard let store = open.treeConnect.store else { return }
        var pending = [path]
        while let folder = pending.popLast() {
            for entry in Self.entries(of: folder, store, open) {
                let isFolder =
                    entry.information.attributes.contains(.directory)
                    && !entry.information.attributes.contains(.reparsePoint)
                let child = NTPath(components: folder.components + [entry.name])
                found(child, isFolder)
                guard isFolder else { continue }
                guard add(child, for: open, in: server) else {
                    if state.withLock({ $0.folders.count }) >= server.limits.localWatchCountMax { return }
                    continue
                }
                pending.append(child)
            }
        }
    }

    private static func entries(of folder: NTPath, _ store: any FileStore, _ open: Open) -> [DirectoryEntry] {
        let parameters = OpenParameters(
            desiredAccess: .readData, disposition: .open, options: [.directoryFile, .openReparsePoint], attributes: [])
        guard let opened = try? store.open(folder, parameters, as: open.credentials) else { return [] }
        defer { opened.file.close() }
        var entries: [DirectoryEntry] = []
        guard let cursor = try? opened.file.makeDirectoryCursor(as: open.credentials) else { return [] }
        let dots = [NTName("."), NTName("..")]
        while let entry = try? cursor.next(matches: { !dots.contains($0) }, wantsInformation: false) {
            entries.append(entry)
        }
        return entries
    }
}

extension Server {
    /// The open of a folder is to hear, or be kept from what is stale, when other programs change what is in it.
    /// - Returns: false if that cannot be seen. Where the administrator does not want it looked for, it is as good as
    ///   seen.
    func watchLocally(_ open: Open, watchesTree: Bool) -> Bool {
        guard open.treeConnect.share.followsLocalChanges else { return true }
        return localWatches.begin(open, watchesTree: watchesTree, in: self)
    }

    /// Another program has changed something.
    func take(_ change: LocalChange, in folder: NTPath, of share: Share) {
        func path(_ name: NTName) -> NTPath { NTPath(components: folder.components + [name]) }
        switch change {
        case .added(let name, let isDirectory): tell(.added, path(name), isDirectory, share)
        case .removed(let name, let isDirectory): tell(.removed, path(name), isDirectory, share)
        case .renamed(let old, let new, let isDirectory):
            tell(.renamedOldName, path(old), isDirectory, share)
            tell(.renamedNewName, path(new), isDirectory, share)
        case .written(let name): tellModified(path(name), [.size, .lastWrite], share)
        case .attributes(let name):
            tellModified(
                path(name), [.attributes, .lastWrite, .lastAccess, .creation, .extendedAttributes, .security], share)
        case .lost:
            notifier.loseTrack(of: folder, in: share)
            breakDirectoryLeases(of: folder, in: share, knownTo: nil)
        }
        runReady()
    }

    private func tell(_ action: ChangeAction, _ path: NTPath, _ isDirectory: Bool, _ share: Share) {
        if let name = path.components.last, share.hides(name) { return }
        notifier.report(action, path, in: share, isDirectory ? .directoryName : .fileName)
        breakDirectoryLeases(around: path, in: share, knownTo: nil)
        guard isDirectory else { return }
        followFolder(action, path, in: share) { path, isDirectory in
            if action == .added { notifier.report(.added, path, in: share, isDirectory ? .directoryName : .fileName) }
        }
    }

    private func tellModified(_ path: NTPath, _ filter: ChangeFilter, _ share: Share) {
        if let name = path.components.last, share.hides(name) { return }
        notifier.report(.modified, path, in: share, filter)
        breakDirectoryLeases(around: path, in: share, knownTo: nil)
    }

    /// A folder came or went: those who watch what is below another are interested in it, or no more.
    func followFolder(
        _ action: ChangeAction, _ path: NTPath, in share: Share,
        found: (NTPath, _ isDirectory: Bool) -> Void = { _, _ in }
    ) {
        switch action {
        case .added, .renamedNewName: localWatches.discover(path, of: share, in: self, found: found)
        case .removed, .renamedOldName: localWatches.forget(path, of: share)
        case .modified: break
        }
    }
}
