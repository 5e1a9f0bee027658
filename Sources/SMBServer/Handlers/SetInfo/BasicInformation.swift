import FileStore
import NTTypes
import Platform
import SMBWire

extension SetInfoHandler {
    /// FileBasicInformation, [MS-FSA] 2.1.5.15.2.
    static func setBasic(_ input: [UInt8], on open: Open, in context: inout RequestContext) throws(NTStatus) {
        guard input.count >= 40 else { throw .infoLengthMismatch }
        try open.require(.writeAttributes)
        let wanted = FileAttributes(rawValue: input.littleEndian32(at: 32))
        if wanted.contains(.directory), !open.isDirectory { throw .invalidParameter }
        if wanted.contains(.temporary), open.isDirectory { throw .invalidParameter }
        let creation = try TimeChange(input.littleEndian64(at: 0))
        let access = try TimeChange(input.littleEndian64(at: 8))
        let write = try TimeChange(input.littleEndian64(at: 16))
        let metadata = try TimeChange(input.littleEndian64(at: 24))

        var change = BasicInformationChange()
        change.creationTime = creation.value
        change.lastAccessTime = access.value
        change.lastWriteTime = write.value
        change.changeTime = metadata.value
        if wanted.rawValue != 0 { change.attributes = settable(wanted, open) }
        var frozen: [Open.FrozenTime: Bool] = [:]
        frozen[.lastAccess] = access.freezes
        frozen[.lastWrite] = write.freezes
        frozen[.change] = metadata.freezes
        if change.isEmpty { return open.update(frozen) }
        // A frozen change time stays, unless it is what the client sets.
        if metadata.value == nil, open.state.withLock({ $0.frozenTimes.contains(.change) }) {
            change.changeTime = try open.file.information().changeTime
        }
        try open.file.setBasicInformation(change, as: open.credentials)
        open.update(frozen)
        context.server.reportChange(open, change.filter)
    }

    /// Attributes that a client may change, [MS-FSCC] 2.6; the others say what the file is.
    private static func settable(_ wanted: FileAttributes, _ open: Open) -> FileAttributes {
        var attributes = wanted.intersection([
            .readOnly, .hidden, .system, .archive, .temporary, .offline, .notContentIndexed,
        ])
        // What the share only shows as hidden must not become so by being written back.
        if let name = open.file.path.components.last, open.treeConnect.share.marksHidden(name) {
            attributes.remove(.hidden)
        }
        if open.isDirectory { attributes.insert(.directory) }
        return attributes.isEmpty ? .normal : attributes
    }

    /// FilePositionInformation, [MS-FSA] 2.1.5.15.9.
    static func setPosition(_ input: [UInt8], on open: Open) throws(NTStatus) {
        guard input.count >= 8 else { throw .infoLengthMismatch }
        let position = input.littleEndian64(at: 0)
        guard position <= UInt64(Int64.max) else { throw .invalidParameter }
        open.currentByteOffset.store(position, ordering: .relaxed)
    }

    /// FileModeInformation, [MS-FSA] 2.1.5.15.8: how the handle does I/O. Nothing of it but what was said when it was
    /// opened changes what this server does, so it is only kept.
    static func setMode(_ input: [UInt8], on open: Open) throws(NTStatus) {
        guard input.count >= 4 else { throw .infoLengthMismatch }
        let mode = CreateOptions(rawValue: input.littleEndian32(at: 0))
        let synchronous: CreateOptions = [.synchronousIOAlert, .synchronousIONonalert]
        guard mode.isSubset(of: synchronous.union([.writeThrough, .sequentialOnly])) else { throw .invalidParameter }
        let old = CreateOptions(rawValue: open.state.withLock { $0.mode })
        // A handle cannot change between synchronous and not.
        guard !mode.isSuperset(of: synchronous), mode.isDisjoint(with: synchronous) == old.isDisjoint(with: synchronous)
        else { throw .invalidParameter }
        let kept = old.intersection([.noIntermediateBuffering, .deleteOnClose])
        open.state.withLock { $0.mode = mode.union(kept).rawValue }
    }
}

/// What SET_INFO says of a time, [MS-FSCC] 2.4.7.
private struct TimeChange {
    /// nil leaves it.
    var value: FileTime?
    /// Whether what is done with the handle from now on leaves it alone; nil: as before. A time that was set stays
    /// until another handle changes it: Open.UserSetModificationTime and its likes, [MS-FSA] 2.1.5.15.2.
    var freezes: Bool?

    init(_ raw: UInt64) throws(NTStatus) {
        switch FileTime(rawValue: raw) {
        case .unchanged: break
        case .freeze: freezes = true
        case .thaw: freezes = false
        default:
            guard raw <= UInt64(Int64.max) else { throw .invalidParameter }
            value = FileTime(rawValue: raw)
            freezes = true
        }
    }
}

extension BasicInformationChange {
    /// What watchers are told of. Nobody can watch the change time.
    fileprivate var filter: ChangeFilter {
        var filter: ChangeFilter = []
        if attributes != nil { filter.insert(.attributes) }
        if creationTime != nil { filter.insert(.creation) }
        if lastAccessTime != nil { filter.insert(.lastAccess) }
        if lastWriteTime != nil { filter.insert(.lastWrite) }
        return filter
    }
    var isEmpty: Bool {
        creationTime == nil && lastAccessTime == nil && lastWriteTime == nil && changeTime == nil && attributes == nil
    }
}

extension Open {
    fileprivate func update(_ frozen: [FrozenTime: Bool]) {
        state.withLock { state in
            for (time, isFrozen) in frozen {
                if isFrozen { state.frozenTimes.insert(time) } else { state.frozenTimes.remove(time) }
            }
            hasFrozenTimes.store(!state.frozenTimes.isEmpty, ordering: .releasing)
        }
    }

    /// Runs what changes the file's data and, where the client set or froze times on this handle, puts them back
    /// afterwards as they were: [MS-FSA] 2.1.5.4 leaves them alone then. WRITE and what sets sizes go through here.
    func keepingFrozenTimes<Result>(_ body: () throws(NTStatus) -> Result) throws(NTStatus) -> Result {
        guard hasFrozenTimes.load(ordering: .acquiring) else { return try body() }
        let frozen = state.withLock { $0.frozenTimes }
        guard !frozen.isDisjoint(with: [.lastWrite, .change]) else { return try body() }
        let before = try file.information()
        let result = try body()
        var change = BasicInformationChange()
        if frozen.contains(.lastWrite) { change.lastWriteTime = before.lastWriteTime }
        if frozen.contains(.change) { change.changeTime = before.changeTime }
        try file.setBasicInformation(change, as: credentials)
        return result
    }
}
