import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// Finds a folder's entry whatever the case of its letters. One for the whole process.
///
/// A small folder is looked through, unless it is looked through again and again. Of a large one, and of such, the
/// names are kept, and kept true by inotify: the kernel has queued every change before the call that made it returns,
/// so whoever reads the queue before he looks knows them all. File systems that others can change behind the kernel's
/// back (network, FUSE) are always looked through.
final class FoldedNameIndex: Sendable {
    static let shared = FoldedNameIndex()

    /// Folders with fewer entries are not worth a watch,
    static var entryCountMin: Int { 128 }
    /// before they have been looked through so often.
    static var lookCountMin: UInt8 { 8 }
    /// Small folders whose looks are counted.
    static var countedFolderCountMax: Int { 256 }
    static var folderCountMax: Int { 256 }
    /// For all names together: two folders of a million files each.
    static var byteCountMax: Int { 128 << 20 }

    private struct Folder {
        let watch: CInt
        var names = FoldedNameList()
        /// While the folder is being read for the first time: what has happened meanwhile, in order.
        var isBeingRead = true
        /// False once a name had no room.
        var isWhole = true
        var pending: [(isThere: Bool, name: [UInt8])] = []
        var lastUse: UInt64 = 0

        mutating func apply(_ isThere: Bool, _ name: [UInt8]) {
            if isBeingRead {
                pending.append((isThere, name))
            } else if isThere {
                if !names.insert(name[...], FoldedName(name.span)) { isWhole = false }
            } else {
                names.remove(name[...], FoldedName(name.span))
            }
        }
    }
    private struct State {
        var queue: CInt = -1
        var folders: [FileIdentity: Folder] = [:]
        var identities: [CInt: FileIdentity] = [:]
        /// How often small folders have been looked through.
        var lookCounts: [FileIdentity: UInt8] = [:]
        var clock: UInt64 = 0
        var buffer: [UInt8] = []

        /// Counts one look through a small folder. - Returns: whether its names are to be kept from now on.
        mutating func isLookedThroughOften(_ identity: FileIdentity) -> Bool {
            let count = lookCounts[identity, default: 0] + 1
            if count >= FoldedNameIndex.lookCountMin {
                lookCounts[identity] = nil
                return true
            }
            if lookCounts.count >= FoldedNameIndex.countedFolderCountMax { lookCounts = [:] }
            lookCounts[identity] = count
            return false
        }
    }
    private let state = Mutex(State())
    /// Without any folder in the index nobody takes the lock.
    private let folderCount = Atomic<Int>(0)

    private enum Answer {
        case known(NTName?)
        case unknown
    }

    /// The spelling on disk of the entry that `name` means; nil if there is none. Of several that differ in case only,
    /// one spelled exactly so comes first.
    /// - Parameter directory: any descriptor of the folder.
    func spelling(of name: NTName, in directory: CInt) throws(NTStatus) -> NTName? {
        let folded = FoldedName(name)
        var status = apus_statx()
        try Linux.status(directory, into: &status).orThrow()
        let identity = status.identity
        if folderCount.load(ordering: .acquiring) > 0 {
            let answer = state.withLock { state in look(for: name, folded, in: identity, &state) }
            if case .known(let spelling) = answer {
                // As when it is looked through: who may not list the folder finds nothing by another name.
                return spelling != nil && Linux.access(directory, mode: R_OK) == 0 ? spelling : nil
            }
        }
        return try lookThrough(directory, identity, name, folded)
    }

    private func lookThrough(
        _ directory: CInt, _ identity: FileIdentity, _ name: NTName, _ folded: FoldedName
    ) throws(NTStatus) -> NTName? {
        let reopened = Linux.reopenFolder(directory)
        // Who may not list a folder can reach its entries by their exact names only.
        if reopened.failed(EACCES) { return nil }
        var reader = DirectoryReader(OwnedDescriptor(try reopened.orThrow()))
        var found: NTName?
        var count = 0
        while try reader.advance() {
            count += 1
            guard reader.matches(folded), !reader.isDotEntry else { continue }
            let candidate = reader.name
            if candidate == name { return candidate }
            if found == nil { found = candidate }
        }
        if count >= Self.entryCountMin || state.withLock({ $0.isLookedThroughOften(identity) }) {
            keep(identity, &reader)
        }
        return found
    }

    // MARK: keeping a folder

    private func keep(_ identity: FileIdentity, _ reader: inout DirectoryReader) {
        let directory = reader.rawDescriptor
        guard Self.isLocal(directory) else { return }
        // From the moment of the watch no change is missed; only then is the folder read.
        guard state.withLock({ state in begin(identity, directory, &state) }) else { return }
        var names = FoldedNameList()
        var isWhole = true
        do throws(NTStatus) {
            try reader.rewind()
            while try reader.advance() {
                guard !reader.isDotEntry else { continue }
                isWhole = isWhole && names.insert(reader.nameBytes, reader.foldedName)
            }
        } catch { isWhole = false }
        let list = isWhole && names.byteCount < Self.byteCountMax ? names : nil
        state.withLock { state in finish(identity, list, &state) }
    }

    private static func isLocal(_ directory: CInt) -> Bool {
        switch apus_file_system_type(directory) {
        // ext2 to 4, XFS, Btrfs, tmpfs, F2FS, ZFS, bcachefs, overlayfs, exFAT, FAT, NTFS3.
        case 0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E, 0x794C_7630,
            0x2011_BAB0, 0x4D44, 0x7366_746E:
            true
        default: false
        }
    }

    /// - Returns: false if the folder is there already, or cannot be watched.
    private func begin(_ identity: FileIdentity, _ directory: CInt, _ state: inout State) -> Bool {
        guard state.folders[identity] == nil else { return false }
        if state.queue < 0 {
            let started = apus_inotify_start()
            guard started >= 0 else { return false }
            state.queue = CInt(started)
            state.buffer = [UInt8](repeating: 0, count: 16 << 10)
        }
        let watch = Linux.watchEntries(directory, in: state.queue)
        guard watch >= 0 else { return false }
        state.folders[identity] = Folder(watch: CInt(watch))
        state.identities[CInt(watch)] = identity
        folderCount.add(1, ordering: .acquiringAndReleasing)
        return true
    }

    private func finish(_ identity: FileIdentity, _ list: FoldedNameList?, _ state: inout State) {
        // Gone already if the queue overflowed, or the folder was removed.
        guard var folder = state.folders[identity], folder.isBeingRead else { return }
        guard let list else {
            forget(identity, &state)
            return
        }
        folder.names = list
        folder.isBeingRead = false
        for change in folder.pending { folder.apply(change.isThere, change.name) }
        folder.pending = []
        state.clock += 1
        folder.lastUse = state.clock
        state.folders[identity] = folder
        makeRoom(&state)
    }

    /// Large folders, which are dear to read, do not give way to many small ones.
    private func makeRoom(_ state: inout State) {
        while state.folders.count > Self.folderCountMax {
            guard let oldest = oldest(state, isSmall: true) ?? oldest(state) else { break }
            forget(oldest, &state)
        }
        var byteCount = state.folders.values.reduce(0) { $0 + $1.names.byteCount }
        while byteCount > Self.byteCountMax, let oldest = oldest(state) {
            byteCount -= state.folders[oldest]?.names.byteCount ?? 0
            forget(oldest, &state)
        }
    }

    /// The folder that nobody has looked into for the longest time.
    private func oldest(_ state: State, isSmall: Bool = false) -> FileIdentity? {
        state.folders.filter { !$0.value.isBeingRead && (!isSmall || $0.value.names.count < Self.entryCountMin) }
            .min { $0.value.lastUse < $1.value.lastUse }?.key
    }

    private func forget(_ identity: FileIdentity, _ state: inout State) {
        guard let folder = state.folders.removeValue(forKey: identity) else { return }
        state.identities[folder.watch] = nil
        folderCount.subtract(1, ordering: .acquiringAndReleasing)
        _ = apus_inotify_forget(state.queue, folder.watch)
    }

    // MARK: following changes

    private func look(
        for name: NTName, _ folded: FoldedName, in identity: FileIdentity, _ state: inout State
    ) -> Answer {
        guard state.folders.index(forKey: identity) != nil else { return .unknown }
        readChanges(&state)
        guard let index = state.folders.index(forKey: identity) else { return .unknown }
        state.clock += 1
        state.folders.values[index].lastUse = state.clock
        guard !state.folders.values[index].isBeingRead, state.folders.values[index].isWhole else { return .unknown }
        defer { if state.clock % 1024 == 0 { makeRoom(&state) } }
        return .known(state.folders.values[index].names.spelling(of: name, folded))
    }

    /// Empties the queue.
    private func readChanges(_ state: inout State) {
        while true {
            let queue = state.queue
            // SAFETY: the buffer is touched by nothing else during the call.
            let count = unsafe state.buffer.withUnsafeMutableBytes { buffer in
                Linux.repeating { unsafe apus_inotify_read(queue, buffer.baseAddress, buffer.count) }
            }
            if count.failed(EAGAIN) { return }
            guard count > 0 else {
                forgetAll(&state)
                return
            }
            var position = 0
            while let (change, next) = Self.parse(state.buffer[position..<count]) {
                take(change, &state)
                position = next
            }
            // Had there been one more in the queue, it would have had room.
            if count <= state.buffer.count - Self.eventByteCountMax { return }
        }
    }
    /// struct inotify_event with the longest name.
    private static let eventByteCountMax = 16 + 256

    private struct Change {
        var watch: CInt
        var mask: UInt32
        var name: [UInt8]
    }

    /// struct inotify_event, inotify(7): watch, mask, cookie and length of 32 bits each, then the name, filled up with
    /// zeros.
    private static func parse(_ bytes: ArraySlice<UInt8>) -> (Change, next: Int)? {
        guard bytes.count >= 16 else { return nil }
        // In the byte order of the machine; all that Swift runs on are little-endian.
        func number(_ offset: Int) -> UInt32 { bytes.littleEndian32(offset) }
        let end = bytes.startIndex + 16 + Int(number(12))
        guard end <= bytes.endIndex else { return nil }
        let name = bytes[(bytes.startIndex + 16)..<end].prefix { $0 != 0 }
        return (Change(watch: CInt(bitPattern: number(0)), mask: number(4), name: Array(name)), end)
    }

    private func take(_ change: Change, _ state: inout State) {
        if change.mask & UInt32(APUS_WATCH_OVERFLOW) != 0 {
            forgetAll(&state)
            return
        }
        guard let identity = state.identities[change.watch] else { return }
        // The folder was removed, or its file system unmounted.
        if change.mask & UInt32(APUS_WATCH_IGNORED) != 0 {
            forget(identity, &state)
            return
        }
        guard let index = state.folders.index(forKey: identity), !change.name.isEmpty else { return }
        let isThere = change.mask & UInt32(APUS_WATCH_CREATED | APUS_WATCH_MOVED_TO) != 0
        state.folders.values[index].apply(isThere, change.name)
    }

    private func forgetAll(_ state: inout State) {
        for identity in state.folders.keys { forget(identity, &state) }
    }
}
