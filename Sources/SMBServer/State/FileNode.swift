import FileStore
import NTTypes
import Platform
import SMBWire

/// What all opens of one file, or of one stream of it, share: [MS-FSA] 2.1.1.5, its Stream. Share modes, whether it
/// is to be deleted, and byte-range locks are arbitrated here, under one lock that no system call is made with.
final class FileNode: Sendable {
    struct State {
        var opens = OpenList()
        /// Names that go with their last open: Link.IsDeleted, [MS-FSA] 2.1.1.4. A file may have several, and each goes
        /// on its own.
        var pendingRemovals: [PendingRemoval] = [] {
            didSet {
                FileNode.pendingRemovalCount.wrappingAdd(pendingRemovals.count - oldValue.count, ordering: .relaxed)
            }
        }
        /// Names that are being taken out of their folders at this moment, and are to go no more.
        var departingNames: [NTPath] = [] {
            didSet {
                FileNode.pendingRemovalCount.wrappingAdd(departingNames.count - oldValue.count, ordering: .relaxed)
            }
        }
        /// Opens of the file's named streams; only in the node of the unnamed one. See FileNode+Streams.swift.
        var streamOpens: [Open] = []
        var locks = ByteRangeLocks()
        /// Oplocks and leases, see FileNode+Caching.swift.
        var grants: [CacheGrant] = []
        /// Requests that wait for a break to be acknowledged, or for a holder to close.
        var breakWaiters: [ParkedRequest] = []
        /// Opens by other programs that wait for the same, see LocalGuards.swift.
        var heldOpens: [@Sendable () -> Void] = []

        /// A named stream is one thing, whichever of its file's names it was reached by.
        let isStream: Bool
        func isSame(_ name: NTPath, _ other: NTPath) -> Bool { isStream || name == other }

        /// The open that sharing is not agreed upon with, by its volatile FileId; 0 for one of a stream; nil for none.
        /// One that passes in a moment only where all do.
        func holder(
            inTheWayOf access: AccessMask, _ share: ShareAccess
        ) -> (volatileID: UInt64, isPassing: Bool)? {
            if access.deletes, streamsForbidDeletion { return (0, false) }
            guard !opens.agree(to: access, share) else { return nil }
            var passing: UInt64?
            for other in opens where !other.agrees(to: access, share) {
                guard other.isMomentary.load(ordering: .relaxed) else { return (other.fileID.volatile, false) }
                passing = other.fileID.volatile
            }
            return passing.map { ($0, true) }
        }

        func removal(of open: Open) -> PendingRemoval? {
            guard !pendingRemovals.isEmpty else { return nil }
            let name = open.file.path
            return pendingRemovals.first { isSame($0.name, name) }
        }
        mutating func addRemoval(of open: Open) {
            guard removal(of: open) == nil else { return }
            pendingRemovals.append(
                PendingRemoval(
                    name: open.file.path, deleter: open.credentials, parentLeaseKey: open.identity.parentLeaseKey,
                    deleterID: open.fileID.volatile))
        }
        mutating func cancelRemoval(of open: Open) {
            let (name, isStream) = (open.file.path, isStream)
            pendingRemovals.removeAll { isStream || $0.name == name }
            for other in opens where isSame(other.file.path, name) {
                other.deletesAtOnce.store(false, ordering: .relaxed)
            }
        }
        /// Whoever has the file open keeps it, without that name.
        func loseName(_ name: NTPath) {
            for open in opens where isSame(open.file.path, name) { open.hasLostName.store(true, ordering: .relaxed) }
            for open in streamOpens where open.file.path.components == name.components {
                open.hasLostName.store(true, ordering: .relaxed)
            }
        }
        /// Takes the removal that is due now that `open`, which is listed no more, was the name's last. The name
        /// departs until `nameHasGone`.
        mutating func takeDueRemoval(of open: Open) -> PendingRemoval? {
            guard let removal = removal(of: open) else { return nil }
            if open.deletesAtOnce.load(ordering: .relaxed) {
                depart(removal, of: open)
                return removal
            }
            // To Linux a file that is open may lose its name: its handles keep it from going no more than local
            // programs' would, and smbd's rule is the same.
            if opens.contains(where: { isSame($0.file.path, removal.name) && !$0.file.isPOSIX }) { return nil }
            if hasStreamOpens(of: removal.name) { return nil }
            depart(removal, of: open)
            return removal
        }

        private mutating func depart(_ removal: PendingRemoval, of open: Open) {
            departingNames.append(removal.name)
            cancelRemoval(of: open)
            loseName(removal.name)
        }

        mutating func takeBreakWaiters() -> [ParkedRequest] {
            for resume in heldOpens { resume() }
            heldOpens = []
            defer { breakWaiters = [] }
            return breakWaiters
        }
    }
    struct PendingRemoval {
        var name: NTPath
        /// As whom.
        let deleter: Credentials
        /// The deleter's lease on the folder.
        let parentLeaseKey: GUID?
        /// The volatile FileId of the open that asked for it.
        let deleterID: UInt64
    }
    /// Names of all files that are to go, or going: mostly there is none, and then nobody looks for one.
    static let pendingRemovalCount = Atomic<Int>(0)

    let identity: FileIdentity
    /// Folded; nil for the unnamed one. Changes under the table's lock.
    private let stream: Mutex<NTName?>
    var key: FileTable.Key { FileTable.Key(identity: identity, stream: stream.withLock { $0 }) }
    /// Of a named stream: the node of its file's unnamed one, which outlives this.
    let base: FileNode?
    let state: Mutex<State>
    /// How many hold it; guarded by the table's lock.
    private let holderCount = Atomic<Int>(0)

    init(key: FileTable.Key, base: FileNode?) {
        identity = key.identity
        stream = Mutex(key.stream)
        self.base = base
        state = Mutex(State(isStream: key.stream != nil))
    }

    deinit {
        Self.pendingRemovalCount.wrappingSubtract(
            state.withLock { $0.pendingRemovals.count + $0.departingNames.count }, ordering: .relaxed)
    }

    /// The table knows it by this name from now on.
    func take(stream name: NTName) { stream.withLock { $0 = name } }
    fileprivate func adjust(_ change: Int) -> Int { holderCount.wrappingAdd(change, ordering: .relaxed).newValue }
    func retain() { _ = adjust(1) }
    /// - Returns: nobody holds it any more.
    func release() -> Bool { adjust(-1) == 0 }

    var opens: [Open] { state.withLock { Array($0.opens) } }

    // MARK: sharing

    /// What became of an open that asked to be admitted.
    enum Admission {
        case admitted(GrantedCaching)
        /// Others' caches must come down first; `parked` is woken when they have.
        case mustWait
        /// What is in the way passes in a moment, and `parked` is woken then. If it does not: the refusal.
        case mustAwaitMoment(orThrow: NTStatus)
        /// `.deletePending`, or `.sharingViolation` by [MS-FSA] 2.1.5.1.2.2.
        case refused(NTStatus)

        var isAdmitted: Bool { if case .admitted = self { true } else { false } }
    }

    /// Adds an open, as soon as sharing allows it and nobody caches what it might change.
    /// - Parameters:
    ///   - overwrites: it will replace the data at once.
    ///   - parked: the request, if it can wait already; nil on the first try, which then only says that it must.
    ///   - notices: breaks to be sent.
    func admit(
        _ open: Open, _ request: CachingRequest, overwrites: Bool, parked: ParkedRequest?,
        _ notices: inout [BreakNotice]
    ) -> Admission {
        if let refusal = base?.enterStream(open) { return .refused(refusal) }
        var collected: [BreakNotice] = []
        let admission = state.withLock { state -> Admission in
            switch state.obstacle(to: open.file.path) {
            case .lasting: return .refused(.deletePending.because(.deletePending))
            case .passing:
                if let parked { state.breakWaiters.append(parked) }
                return .mustAwaitMoment(orThrow: .deletePending.because(.deletePending))
            case .none: break
            }
            let holder: CacheGrant.Holder =
                if case .lease(let lease) = request { .lease(lease.identity) } else { .open(open.fileID.volatile) }
            // [MS-FSA] 2.1.5.1.2: who replaces the data writes, whatever it asks for besides.
            let access = overwrites ? open.grantedAccess.union(.writeData) : open.grantedAccess
            let inTheWay = state.holder(inTheWayOf: access, open.shareAccess)
            let mustWait = state.breakForOpen(
                by: holder, access: open.grantedAccess, overwrites: overwrites,
                hasConflict: inTheWay?.isPassing == false, &collected)
            if mustWait || inTheWay?.isPassing == true, let parked { state.breakWaiters.append(parked) }
            if mustWait { return .mustWait }
            if let inTheWay {
                let refusal = NTStatus.sharingViolation.because(.shareMode(holder: inTheWay.volatileID))
                return inTheWay.isPassing ? .mustAwaitMoment(orThrow: refusal) : .refused(refusal)
            }
            state.opens.add(open)
            return .admitted(state.grant(request, to: open))
        }
        notices += collected
        if case .admitted = admission {} else { _ = base?.leaveStream(open) }
        return admission
    }

    /// Somebody has the file open, and does not share it for deletion.
    var forbidsDeletion: Bool {
        state.withLock { $0.streamsForbidDeletion || $0.opens.forbidDeletion }
    }

    // MARK: deletion

    /// Whether the name that `open` was made by is to go.
    /// A stream goes with its file.
    func isDeletePending(for open: Open) -> Bool {
        if state.withLock({ $0.removal(of: open) != nil }) { return true }
        return base?.isDeletePending(of: NTPath(components: open.file.path.components)) ?? false
    }

    /// [MS-FSA] 2.1.5.15.3: sets or clears the disposition of the name that `open` was made by. Everybody sees it at
    /// once.
    /// - Parameter atOnce: the name goes as soon as `open` is closed.
    func setDeletePending(_ isPending: Bool, by open: Open, atOnce: Bool = false) {
        state.withLock { state in
            if isPending { state.addRemoval(of: open) } else { state.cancelRemoval(of: open) }
            open.deletesAtOnce.store(isPending && atOnce, ordering: .relaxed)
        }
    }

    /// Whether this name is to go with the last open that was made by it.
    func isDeletePending(of name: NTPath) -> Bool { state.withLock { $0.pendingRemovals.contains { $0.name == name } } }

    /// The name stands for another file now: nothing is left to be done about it.
    func nameIsGone(_ name: NTPath) {
        state.withLock { state in
            state.pendingRemovals.removeAll { $0.name == name }
            state.loseName(name)
        }
    }

    /// One handle has renamed the file: the others that were made by the old name know it by the new one now.
    func renamed(from old: NTPath, to new: NTPath) {
        state.withLock { state in
            for open in state.opens where open.file.path == old { open.file.follow(new) }
            state.streamOpensFollow(from: old, to: new)
            for index in state.pendingRemovals.indices where state.pendingRemovals[index].name == old {
                state.pendingRemovals[index].name = new
            }
        }
    }

    /// What is to be done once an open is out of the node.
    struct Departure {
        /// The name that is to be removed now.
        var removal: PendingRemoval?
        /// And the file itself, which was to go with its last stream.
        var fileDeleter: Credentials?
        /// Something that others wait for may have happened.
        var woken: [ParkedRequest]
        /// These waited on the open itself, and are over.
        var ended: [ParkedRequest]
        /// The lease that is gone with its last open.
        var lease: LeaseIdentity?
        var notices: [BreakNotice] = []
    }

    /// Takes an open out, [MS-FSA] 2.1.5.5.
    func remove(_ open: Open, deletesOnClose: Bool) -> Departure {
        let fileDeleter = base?.leaveStream(open)
        return state.withLock { state in
            let holder = deletesOnClose ? Self.holder(of: open, in: state) : nil
            state.opens.remove(open)
            let lease = state.release(open)
            let (woken, ended) = state.locks.removeAll(of: open)
            var departure = Departure(woken: woken + state.takeBreakWaiters(), ended: ended, lease: lease)
            if deletesOnClose {
                state.addRemoval(of: open)
                if open.file.isPOSIX { open.deletesAtOnce.store(true, ordering: .relaxed) }
                // Whoever keeps the handle though its application has closed it would keep the file: nobody waits.
                if !state.opens.isEmpty { _ = state.breakHandles(except: holder, &departure.notices) }
            }
            departure.fileDeleter = fileDeleter
            departure.removal = state.takeDueRemoval(of: open)
            return departure
        }
    }

    // MARK: caching

    /// Whom the rights of an open belong to: its lease, or itself.
    private static func holder(of open: Open, in state: State) -> CacheGrant.Holder {
        state.indexOfGrant(of: open) == nil ? .open(open.fileID.volatile) : CacheGrant.Holder(open)
    }

    /// Data has changed through `open`: what others have read is stale.
    /// - Parameter isNew: it was opened for that.
    /// - Returns: breaks to be sent.
    func breakReaders(by open: Open, isNew: Bool = false) -> [BreakNotice] {
        state.withLock { state in
            guard !state.grants.isEmpty else { return [] }
            var notices: [BreakNotice] = []
            state.breakReaders(except: Self.holder(of: open, in: state), isNew: isNew, &notices)
            return notices
        }
    }

    /// The name changes through `open`: others let go of cached handles.
    /// - Returns: whether to wait, and breaks to be sent.
    func breakHandles(by open: Open, parked: ParkedRequest?) -> (mustWait: Bool, notices: [BreakNotice]) {
        state.withLock { state in
            guard !state.grants.isEmpty else { return (false, []) }
            var notices: [BreakNotice] = []
            let mustWait = state.breakHandles(except: Self.holder(of: open, in: state), &notices)
            if mustWait, let parked { state.breakWaiters.append(parked) }
            return (mustWait, notices)
        }
    }

    /// Whether each of these opens may be one that its client's cache keeps (H), and none is newer than this file ID.
    func isKeptByCaches(before volatileID: UInt64, where isInTheWay: (Open) -> Bool) -> Bool {
        state.withLock { state in
            state.opens.allSatisfy { open in
                !isInTheWay(open)
                    || open.fileID.volatile < volatileID && state.grant(of: open)?.state.contains(.handle) == true
            }
        }
    }

    /// Wakes a request when one of the opens goes that count, if none of those is newer than this file ID.
    /// - Returns: false if one is.
    func awaitClose(before volatileID: UInt64, _ parked: ParkedRequest, where isInTheWay: (Open) -> Bool) -> Bool {
        state.withLock { state in
            let inTheWay = state.opens.filter(isInTheWay)
            guard inTheWay.allSatisfy({ $0.fileID.volatile < volatileID }) else { return false }
            if inTheWay.isEmpty { parked.wake(.event) } else { state.breakWaiters.append(parked) }
            return true
        }
    }

    /// [MS-SMB2] 3.3.5.22.1 and 3.3.5.22.2: a holder has come down.
    /// - Parameter new: what it keeps.
    /// - Throws: `notBreaking` when nothing was asked of it, `.requestNotAccepted` when it keeps too much.
    /// - Returns: the breaks that follow on this one.
    func acknowledge(
        _ holder: CacheGrant.Holder, _ new: CacheState, notBreaking: NTStatus
    ) throws(NTStatus) -> [BreakNotice] {
        let result: Result<([ParkedRequest], [BreakNotice]), NTStatus> = state.withLock { state in
            guard let index = state.grants.firstIndex(where: { $0.holder == holder }),
                let target = state.grants[index].breakingTo
            else { return .failure(notBreaking) }
            guard new.isSubset(of: target) else { return .failure(.requestNotAccepted) }
            var notices: [BreakNotice] = []
            let goesOn = state.acknowledge(index, new, &notices)
            return .success((goesOn ? state.takeBreakWaiters() : [], notices))
        }
        let (woken, notices) = try result.get()
        for waiting in woken { waiting.wake(.event) }
        return notices
    }

    /// Breaks that nobody will acknowledge any more count as done, [MS-SMB2] 3.3.6.1.
    /// - Parameter holder: whose; nil for all.
    func completeBreaks(of holder: CacheGrant.Holder? = nil) {
        let woken = state.withLock { state in
            state.completeBreaks(of: holder)
            return state.takeBreakWaiters()
        }
        for waiting in woken { waiting.wake(.event) }
    }

    // MARK: byte-range locks

    func withLocks<Result>(_ body: (inout sending ByteRangeLocks) -> sending Result) -> Result {
        state.withLock { body(&$0.locks) }
    }

    /// The same for an open that is to get locks. - Returns: nil once it is closed: nobody would ever take them back.
    func withLocks<Result>(
        of open: Open, _ body: (inout sending ByteRangeLocks) -> sending Result
    ) -> sending Result? {
        state.withLock { state in
            guard state.opens.contains(open) else { return nil }
            return body(&state.locks)
        }
    }

    /// Whether a read or write by `open` must fail with `.fileLockConflict`, [MS-FSA] 2.1.4.10.
    func isLocked(_ range: Range<UInt64>, against open: Open, writing: Bool) -> Bool {
        state.withLock { state in
            guard !state.locks.isEmpty else { return false }
            return state.locks.conflicts(with: range, by: open, writing: writing)
        }
    }
}
