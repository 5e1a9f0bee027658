import NTTypes
import Platform

/// GlobalLeaseTableList, [MS-SMB2] 3.3.1.11: which file each lease is on.
final class LeaseTable: Sendable {
    private let nodes = Mutex<[LeaseIdentity: FileNode]>([:])

    /// Notes that the lease is on this file. - Returns: false when its key is used for another file already, which
    /// 3.3.5.9.8 forbids.
    func insert(_ lease: LeaseIdentity, _ node: FileNode) -> Bool {
        nodes.withLock { nodes in
            if let existing = nodes[lease] { return existing === node }
            nodes[lease] = node
            return true
        }
    }
    func remove(_ lease: LeaseIdentity) { _ = nodes.withLock { $0.removeValue(forKey: lease) } }
    /// Some of them.
    func first(_ count: Int) -> [(LeaseIdentity, FileNode)] { nodes.withLock { $0.prefix(count).map { ($0, $1) } } }
    var count: Int { nodes.withLock { $0.count } }
    func node(of lease: LeaseIdentity) -> FileNode? { nodes.withLock { $0[lease] } }
}
