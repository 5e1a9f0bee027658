import FileStore
import NTTypes
import Platform

/// TreeConnect, [MS-SMB2] 3.3.1.9.
final class TreeConnect: Sendable {
    let id: UInt32
    let share: Share
    let session: Session
    private let writable: Atomic<Bool>
    private let acting: Mutex<Credentials>
    /// Whoever has logged in to the session last may not use the share: what is open stays so, nothing more is opened.
    private let revoked = Atomic(false)
    // What has been moved through it, for whoever watches the server. In bytes, and in requests of any kind.
    let readByteCount = Atomic<UInt64>(0)
    let writtenByteCount = Atomic<UInt64>(0)
    let requestCount = Atomic<UInt64>(0)

    init(id: UInt32, share: Share, session: Session, isWritable: Bool, credentials: Credentials) {
        self.id = id
        self.share = share
        self.session = session
        writable = Atomic(isWritable)
        acting = Mutex(credentials)
    }

    var isWritable: Bool { writable.load(ordering: .relaxed) }
    var isRevoked: Bool { revoked.load(ordering: .relaxed) }
    /// As whom files are opened; the session's user unless the share says otherwise.
    var credentials: Credentials { acting.withLock { $0 } }
    /// The most that any open here can be granted: TreeConnect.MaximalAccess.
    var maximalAccess: AccessMask {
        isWritable
            ? .fileAllAccess
            : [.readData, .readExtendedAttributes, .execute, .readAttributes, .readControl, .synchronize]
    }

    /// The session's user has logged in again, and has other groups perhaps, or is another: CVE-2025-0620.
    /// - Parameter decision: about that user.
    func renew(_ decision: TreeDecision) {
        switch decision {
        case .granted(_, let isWritable, let credentials):
            acting.withLock { $0 = credentials }
            writable.store(isWritable, ordering: .relaxed)
            revoked.store(false, ordering: .relaxed)
        case .refused: revoked.store(true, ordering: .relaxed)
        }
    }

    /// The store of a disk share; a pipe share has none.
    var store: (any FileStore)? {
        if case .disk(let store) = share.kind { store } else { nil }
    }
}
