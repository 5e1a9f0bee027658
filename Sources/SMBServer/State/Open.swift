import FileStore
import NTTypes
import Platform
import SMBWire

/// Open, [MS-SMB2] 3.3.1.10: a file, directory or named stream that a client has open.
final class Open: Sendable {
    /// What changes while it is open.
    struct State {
        /// The reader of a folder's entries, once QUERY_DIRECTORY has been used.
        var directoryCursor: DirectorySearch?
        /// Open.NextEaEntry of [MS-FSA]: number of the extended attribute that FileFullEaInformation goes on with.
        var nextExtendedAttribute = 0
        /// FileModeInformation, [MS-FSCC] 2.4.31.
        var mode: UInt32 = 0
        /// Times that the client froze on this handle (value -1 in SET_INFO), [MS-FSA] 2.1.5.15.2.
        var frozenTimes: Set<FrozenTime> = []
        var isClosed = false
        /// nil: it ends with its connection.
        var durability: Durability?
        /// Open.LockSequenceArray. The locks themselves are in its `FileNode`.
        var lockSequences = LockSequences()
    }
    enum FrozenTime: Hashable, Sendable { case lastAccess, lastWrite, change }

    let fileID: FileID
    let file: any StoreFile
    /// What all opens of the same file or stream share: share modes, delete-pending, byte-range locks.
    let node: FileNode
    let session: Session
    /// Of Open.Connection, on which it was made.
    let connectionID: UInt64
    let treeConnect: TreeConnect
    /// As whom operations on it run: who opened it, whoever has logged in to the session since.
    let credentials: Credentials
    let grantedAccess: AccessMask
    let shareAccess: ShareAccess
    let options: CreateOptions
    let isDirectory: Bool
    let identity: CreateIdentity
    let creationTime: FileTime
    /// Of an open on IPC$; `file` then stands for it wherever opens are all the same.
    let pipe: NamedPipe?
    let state: Mutex<State>
    /// Its client is away, and it waits. Written under the node's lock.
    let isDisconnected = Atomic(false)
    /// The compound that its CREATE is part of is still under way, and mostly closes it. See FileNode+Moments.swift.
    /// Written under the node's lock once it is listed.
    let isMomentary = Atomic(false)
    /// Open.IsReplayEligible: nothing but its CREATE has named it yet.
    let isReplayEligible = Atomic(false)
    /// In its node's `OpenList`; of use to that alone, under the node's lock.
    let place = Atomic(Int.max)
    let order: ChannelOrder
    /// Open.CurrentByteOffset of [MS-FSA]: where the last READ ended, or what the client set; used by nothing.
    let currentByteOffset = Atomic<UInt64>(0)
    /// `state.frozenTimes` is not empty: most handles never freeze any, and a WRITE need not take the lock to know.
    let hasFrozenTimes = Atomic<Bool>(false)

    /// Data was written through it, which shows in the folder once it is closed.
    let hasWritten = Atomic<Bool>(false)

    /// What it deletes has no name any more once it is closed, whoever has the file open:
    /// FILE_DISPOSITION_POSIX_SEMANTICS, [MS-FSCC] 2.4.12. Written under the node's lock.
    let deletesAtOnce = Atomic<Bool>(false)
    /// FILE_DELETE_ON_CLOSE, until FILE_DISPOSITION_ON_CLOSE says otherwise.
    let deletesOnClose: Atomic<Bool>
    /// The name that it was made by is gone, and the file lives on for those who have it open. Written under the node's
    /// lock.
    let hasLostName = Atomic<Bool>(false)
    /// All that is written through it goes to the end of the file.
    let onlyAppends: Bool

    init(
        fileID: FileID, file: any StoreFile, node: FileNode, session: Session, connectionID: UInt64,
        treeConnect: TreeConnect, grantedAccess: AccessMask, shareAccess: ShareAccess, options: CreateOptions,
        identity: CreateIdentity, creationTime: FileTime, channelSequence: UInt16, pipe: NamedPipe? = nil
    ) {
        self.fileID = fileID
        self.file = file
        self.node = node
        self.session = session
        self.connectionID = connectionID
        self.treeConnect = treeConnect
        credentials = treeConnect.credentials
        self.grantedAccess = grantedAccess
        self.shareAccess = shareAccess
        self.options = options
        self.identity = identity
        self.creationTime = creationTime
        order = ChannelOrder(sequence: channelSequence)
        isDirectory = file.isDirectory
        self.pipe = pipe
        var initial = State()
        // [MS-FSCC] 2.4.31: these options are what the mode tells.
        initial.mode =
            options.intersection([
                .writeThrough, .sequentialOnly, .noIntermediateBuffering, .synchronousIOAlert, .synchronousIONonalert,
                .deleteOnClose,
            ]).rawValue
        state = Mutex(initial)
        deletesOnClose = Atomic(options.contains(.deleteOnClose))
        onlyAppends = file.isPOSIX && grantedAccess.isDisjoint(with: .writeData)
    }

    /// The same handle for a client that has come back. The open that it was is not to be used, or closed, any more.
    convenience init(
        resuming old: Open, fileID: FileID, connectionID: UInt64, treeConnect: TreeConnect, clientGUID: GUID,
        channelSequence: UInt16
    ) {
        var identity = old.identity
        identity.clientGUID = clientGUID
        self.init(
            fileID: fileID, file: old.file, node: old.node, session: treeConnect.session, connectionID: connectionID,
            treeConnect: treeConnect, grantedAccess: old.grantedAccess, shareAccess: old.shareAccess,
            options: old.options, identity: identity, creationTime: old.creationTime, channelSequence: channelSequence)
        let (mode, frozenTimes, attribute, durability, sequences) = old.state.withLock { state in
            (state.mode, state.frozenTimes, state.nextExtendedAttribute, state.durability, state.lockSequences)
        }
        state.withLock { state in
            state.mode = mode
            state.frozenTimes = frozenTimes
            state.nextExtendedAttribute = attribute
            state.durability = durability
            state.lockSequences = sequences
        }
        hasWritten.store(old.hasWritten.load(ordering: .relaxed), ordering: .relaxed)
        currentByteOffset.store(old.currentByteOffset.load(ordering: .relaxed), ordering: .relaxed)
        deletesAtOnce.store(old.deletesAtOnce.load(ordering: .relaxed), ordering: .relaxed)
        deletesOnClose.store(old.deletesOnClose.load(ordering: .relaxed), ordering: .relaxed)
        hasLostName.store(old.hasLostName.load(ordering: .relaxed), ordering: .relaxed)
        isReplayEligible.store(old.isReplayEligible.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// What the file holds, or says of itself, can change through it.
    var mayWrite: Bool {
        !grantedAccess.isDisjoint(with: [.writeData, .appendData, .writeAttributes, .writeExtendedAttributes])
    }

    func require(_ access: AccessMask) throws(NTStatus) {
        guard grantedAccess.isSuperset(of: access) else {
            throw .accessDenied.because(.handle(missing: access.subtracting(grantedAccess)))
        }
    }
    func requireAny(of access: AccessMask) throws(NTStatus) {
        guard !grantedAccess.isDisjoint(with: access) else { throw .accessDenied.because(.handle(missing: access)) }
    }
}
