import FileStore
import NTTypes
import Platform

/// TreeConnect, [MS-SMB2] 3.3.1.9.
final class TreeConnect: Sendable {
    let id: UInt32
    let share: Share
    let session: Session
    let isWritable: Bool
    // What has been moved through it, for whoever watches the server. In bytes, and in requests of any kind.
    let readByteCount = Atomic<UInt64>(0)
    let writtenByteCount = Atomic<UInt64>(0)
    let requestCount = Atomic<UInt64>(0)
    /// As whom its file operations run; the session's unless the share says otherwise.
    let credentials: Credentials
    /// The most that any open here can be granted: TreeConnect.MaximalAccess.
    let maximalAccess: AccessMask

    init(id: UInt32, share: Share, session: Session, isWritable: Bool, credentials: Credentials) {
        self.id = id
        self.share = share
        self.session = session
        self.isWritable = isWritable
        self.credentials = credentials
        maximalAccess =
            isWritable
            ? .fileAllAccess
            : [.readData, .readExtendedAttributes, .execute, .readAttributes, .readControl, .synchronize]
    }

    /// The store of a disk share; a pipe share has none.
    var store: (any FileStore)? {
        if case .disk(let store) = share.kind { store } else { nil }
    }
}
