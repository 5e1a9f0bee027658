import FileStore
import NTTypes
import Platform

/// What all opens of one file, or of one stream of it, share: [MS-FSA] 2.1.1.5, its Stream. Share modes, whether it
/// is to be deleted, and byte-range locks are arbitrated here, under one lock that no system call is made with.
final class FileNode: Sendable {
    struct State {
        var opens: [Open] = []
        /// The name goes with the last open: File.PendingNotifications' cousin DeletePending, [MS-FSA] 2.1.1.5.
        var isDeletePending = false
        /// As whom, for the removal.
        var deleter: Credentials?
        var locks = ByteRangeLocks()
    }
    let key: FileTable.Key
    private let state = Mutex(State())
    /// How many hold it; guarded by the table's lock.
    private let holderCount = Atomic<Int>(0)

    init(key: FileTable.Key) { self.key = key }

    fileprivate func adjust(_ change: Int) -> Int { holderCount.wrappingAdd(change, ordering: .relaxed).newValue }
    func retain() { _ = adjust(1) }
    /// - Returns: nobody holds it any more.
    func release() -> Bool { adjust(-1) == 0 }

    var opens: [Open] { state.withLock { $0.opens } }

    // MARK: sharing

    /// Rights that make an open take part in sharing; without any of them it never conflicts, [MS-FSA] 2.1.5.1.2.2.
    static let sharingAccess: AccessMask = [.readData, .writeData, .appendData, .execute, .delete]

    /// Adds an open, or says what is in the way: `.deletePending`, or `.sharingViolation` by [MS-FSA] 2.1.5.1.2.2.
    func admit(_ open: Open) throws(NTStatus) {
        let failure = state.withLock { state -> NTStatus? in
            if let refusal = Self.refusal(open.grantedAccess, open.shareAccess, in: state) { return refusal }
            state.opens.append(open)
            return nil
        }
        if let failure { throw failure }
    }

    private static func refusal(_ access: AccessMask, _ share: ShareAccess, in state: State) -> NTStatus? {
        if state.isDeletePending { return .deletePending }
        guard !access.isDisjoint(with: sharingAccess) else { return nil }
        for other in state.opens where !other.grantedAccess.isDisjoint(with: sharingAccess) {
            if !allows(other.shareAccess, access) || !allows(share, other.grantedAccess) { return .sharingViolation }
        }
        return nil
    }

    private static func allows(_ share: ShareAccess, _ access: AccessMask) -> Bool {
        if !access.isDisjoint(with: [.readData, .execute]), !share.contains(.read) { return false }
        if !access.isDisjoint(with: [.writeData, .appendData]), !share.contains(.write) { return false }
        if access.contains(.delete), !share.contains(.delete) { return false }
        return true
    }

    // MARK: deletion

    var isDeletePending: Bool { state.withLock { $0.isDeletePending } }

    /// [MS-FSA] 2.1.5.15.3: sets or clears the disposition. Everybody sees it at once.
    func setDeletePending(_ isPending: Bool, by open: Open) throws(NTStatus) {
        state.withLock { state in
            state.isDeletePending = isPending
            state.deleter = isPending ? open.credentials : nil
        }
    }

    /// Takes an open out, [MS-FSA] 2.1.5.5.
    /// - Returns: as whom to remove the name now, and the requests to wake since locks went away.
    func remove(_ open: Open, deletesOnClose: Bool) -> (deleter: Credentials?, woken: [ParkedRequest]) {
        state.withLock { state in
            state.opens.removeAll { $0 === open }
            if deletesOnClose, !state.isDeletePending {
                state.isDeletePending = true
                state.deleter = open.credentials
            }
            let woken = state.locks.removeAll(of: open)
            return (state.opens.isEmpty && state.isDeletePending ? state.deleter : nil, woken)
        }
    }

    // MARK: byte-range locks

    func withLocks<Result>(_ body: (inout sending ByteRangeLocks) -> sending Result) -> Result {
        state.withLock { body(&$0.locks) }
    }

    /// Whether a read or write by `open` must fail with `.fileLockConflict`, [MS-FSA] 2.1.4.10.
    func isLocked(_ range: Range<UInt64>, against open: Open, writing: Bool) -> Bool {
        state.withLock { state in
            guard !state.locks.isEmpty else { return false }
            return state.locks.conflicts(with: range, by: open, writing: writing)
        }
    }
}
