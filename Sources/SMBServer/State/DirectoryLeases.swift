import FileStore
import NTTypes
import Platform

/// Folders that clients cache the contents of, [MS-SMB2] 3.3.4.20: where they are, so that a change in one finds its
/// leases. While there are none, a change costs a look at a flag.
final class DirectoryLeases: Sendable {
    private struct Place: Hashable {
        var share: String
        /// Folded.
        var folder: [NTName]
        init(_ path: NTPath, in share: Share) {
            self.share = share.name
            folder = path.components.map(\.folded)
        }
    }
    private let nodes = Mutex<[Place: FileNode]>([:])
    private let isInUse = Atomic(false)

    var isEmpty: Bool { !isInUse.load(ordering: .relaxed) }

    func insert(_ open: Open) {
        nodes.withLock { nodes in
            nodes[Place(open.file.path, in: open.treeConnect.share)] = open.node
            isInUse.store(true, ordering: .relaxed)
        }
    }

    /// The last lease on the folder of `open` is gone.
    func remove(_ open: Open) {
        guard !isEmpty else { return }
        nodes.withLock { nodes in
            nodes[Place(open.file.path, in: open.treeConnect.share)] = nil
            if nodes.isEmpty { isInUse.store(false, ordering: .relaxed) }
        }
    }

    /// The folder itself has been renamed.
    func move(from old: NTPath, to new: NTPath, in share: Share) {
        guard !isEmpty else { return }
        nodes.withLock { nodes in
            if let node = nodes.removeValue(forKey: Place(old, in: share)) { nodes[Place(new, in: share)] = node }
        }
    }

    func node(of folder: NTPath, in share: Share) -> FileNode? {
        nodes.withLock { $0[Place(folder, in: share)] }
    }
}

extension Server {
    /// The entry at `path` came, went or changed through `open`: what others know of the folder around it is stale.
    /// Whoever made the change under the folder's own lease key knows of it, [MS-SMB2] 3.3.1.4.
    func breakDirectoryLeases(around path: NTPath, by open: Open) {
        guard !directoryLeases.isEmpty, path.stream == nil, let folder = path.parent,
            let node = directoryLeases.node(of: folder, in: open.treeConnect.share)
        else { return }
        send(node.breakReaders(except: open.identity.parentLease))
    }
}
