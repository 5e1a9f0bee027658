import FileStore
import NTTypes
import Platform

/// Every file that is open, with what its opens share. Files are found by identity, so all names of a file lead here.
final class FileTable: Sendable {
    struct Key: Hashable {
        var identity: FileIdentity
        /// Folded, since streams match without regard to case; nil for the unnamed stream.
        var stream: NTName?
    }
    private let nodes = Mutex<[Key: FileNode]>([:])
    /// How often a name was taken away or changed: whoever looks a file up and then lists it sees whether one may have
    /// been in between.
    let nameChangeCount = Atomic<Int>(0)
    func noteNameChange() { nameChangeCount.wrappingAdd(1, ordering: .releasing) }
    /// How often an open that may have written has ended, counted before it left its node: the same for what a file
    /// holds.
    let writerEndCount = Atomic<Int>(0)

    /// The node of a file or stream, made if there is none; it is the caller's until `release`.
    func retain(_ identity: FileIdentity, stream: NTName?) -> FileNode {
        let key = Key(identity: identity, stream: stream?.folded)
        return nodes.withLock { nodes in
            let node = nodes[key] ?? makeNode(key, in: &nodes)
            node.retain()
            return node
        }
    }

    private func makeNode(_ key: Key, in nodes: inout [Key: FileNode]) -> FileNode {
        var base: FileNode?
        if key.stream != nil {
            let baseKey = Key(identity: key.identity, stream: nil)
            base = nodes[baseKey] ?? makeNode(baseKey, in: &nodes)
            base?.retain()
        }
        let node = FileNode(key: key, base: base)
        nodes[key] = node
        return node
    }

    func release(_ node: FileNode) { nodes.withLock { nodes in release(node, in: &nodes) } }

    private func release(_ node: FileNode, in nodes: inout [Key: FileNode]) {
        guard node.release() else { return }
        // A stream that another was renamed over is not in the table any more.
        if nodes[node.key] === node { nodes[node.key] = nil }
        if let base = node.base { release(base, in: &nodes) }
    }

    /// A name is about to be taken away by other means than the close of its last open: `FileNode.depart`.
    /// - Returns: the node, the caller's until `Server.hasDeparted`; nil, and nothing is done, if an open is in the
    ///   way or somebody else takes it away.
    func depart(_ name: NTPath, of identity: FileIdentity, unless isInTheWay: (Open) -> Bool) -> FileNode? {
        let node = retain(identity, stream: name.stream)
        if node.depart(name, unless: isInTheWay) { return node }
        release(node)
        return nil
    }

    /// A file's nodes: its data, and each of its streams that is open.
    func nodes(of identity: FileIdentity) -> [FileNode] {
        nodes.withLock { nodes in nodes.values.filter { $0.identity == identity } }
    }

    /// What is open of a file; nil if nothing is.
    func node(_ identity: FileIdentity, stream: NTName? = nil) -> FileNode? {
        nodes.withLock { $0[Key(identity: identity, stream: stream?.folded)] }
    }

    /// A stream has another name: who opens it by that name shares it with those who have it open. Whoever was about to
    /// open what had that name before looks again.
    func rename(_ node: FileNode, toStream stream: NTName) {
        nodes.withLock { nodes in
            let old = node.key
            let new = Key(identity: node.identity, stream: stream.folded)
            guard nodes[old] === node else { return }
            nodes[old] = nil
            node.take(stream: stream.folded)
            nodes[new] = node
        }
    }

    /// What is open below this folder, by any name it was opened by. The folder itself does not count.
    func nodes(beneath path: NTPath, in share: Share) -> [FileNode] {
        let all = nodes.withLock { Array($0.values) }
        let folder = path.components.map(\.folded)
        return all.filter { node in
            node.opens.contains { open in
                let components = open.file.path.components
                guard open.treeConnect.share.name == share.name, components.count > folder.count else { return false }
                return zip(folder, components).allSatisfy { $0 == $1.folded }
            }
        }
    }

    /// What keeps this folder from being empty for a moment only.
    func nodes(leaving folder: NTPath) -> [FileNode] {
        guard FileNode.pendingRemovalCount.load(ordering: .acquiring) > 0 else { return [] }
        return all.filter { $0.obstacle(beneath: folder, nil) == .passing }
    }

    var all: [FileNode] { nodes.withLock { Array($0.values) } }

    /// Opens of all files, for counting.
    var openCount: Int { nodes.withLock { $0.values.reduce(0) { $0 + $1.opens.count } } }
}
