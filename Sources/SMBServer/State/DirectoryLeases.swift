import FileStore
import NTTypes
import Platform

/// Folders that clients cache the contents of, [MS-SMB2] 3.3.4.20: where they are, so that a change in one finds its
/// leases. While there are none, a change costs a look at a flag.
final class DirectoryLeases: Sendable {
    private let nodes = Mutex<[FolderPlace: FileNode]>([:])
    private let isInUse = Atomic(false)

    var isEmpty: Bool { !isInUse.load(ordering: .relaxed) }

    func insert(_ open: Open) {
        nodes.withLock { nodes in
            nodes[FolderPlace(open.file.path, in: open.treeConnect.share)] = open.node
            isInUse.store(true, ordering: .relaxed)
        }
    }

    /// The last lease on the folder of `open` is gone.
    func remove(_ open: Open) {
        guard !isEmpty else { return }
        nodes.withLock { nodes in
            nodes[FolderPlace(open.file.path, in: open.treeConnect.share)] = nil
            if nodes.isEmpty { isInUse.store(false, ordering: .relaxed) }
        }
    }

    /// The folder itself has been renamed.
    func move(from old: NTPath, to new: NTPath, in share: Share) {
        guard !isEmpty else { return }
        nodes.withLock { nodes in
            let node = nodes.removeValue(forKey: FolderPlace(old, in: share))
            if let node { nodes[FolderPlace(new, in: share)] = node }
        }
    }

    func node(of folder: NTPath, in share: Share) -> FileNode? {
        nodes.withLock { $0[FolderPlace(folder, in: share)] }
    }
}

extension Server {
    /// The entry at `path` came, went or changed through `open`: what others know of the folder around it is stale, and
    /// they are told so once whoever changed it has its answer. Nobody waits for them.
    /// - Parameter key: the lease on the folder whose holder has made the change, and knows; nil for nobody. Only keys
    ///   are compared, [MS-FSA] 2.1.4.12: a folder's lease is the same one whichever client names it.
    func breakDirectoryLeases(around path: NTPath, in share: Share, knownTo key: GUID?) {
        guard !directoryLeases.isEmpty, path.stream == nil, let folder = path.parent else { return }
        breakDirectoryLeases(of: folder, in: share, knownTo: key)
    }

    /// The same for a folder of which nobody knows what has changed.
    func breakDirectoryLeases(of folder: NTPath, in share: Share, knownTo key: GUID?) {
        guard let node = directoryLeases.node(of: folder, in: share) else { return }
        parkedRequests.add(node.breakListings(knownTo: key))
    }
}

extension FileNode {
    /// What the folder lists has changed. - Returns: breaks to be sent.
    func breakListings(knownTo key: GUID?) -> [BreakNotice] {
        state.withLock { state in
            var notices: [BreakNotice] = []
            state.breakListings(knownTo: key, &notices)
            return notices
        }
    }

    /// Whether somebody caches the folder's contents.
    var hasLeases: Bool { state.withLock { $0.grants.contains { $0.isLease } } }
}
