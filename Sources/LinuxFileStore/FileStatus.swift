import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

extension FileTime {
    init(_ time: apus_statx_time) {
        self.init(unixSeconds: time.seconds, nanoseconds: Int64(time.nanoseconds))
    }
}

extension apus_statx {
    /// S_IFMT and its values, inode(7).
    private var type: UInt16 { mode & 0o170000 }
    var isDirectory: Bool { type == 0o040000 }
    var isRegular: Bool { type == 0o100000 }
    var isSymbolicLink: Bool { type == 0o120000 }
    /// Immutable or append-only, chattr(1).
    var isImmutable: Bool { attributes & UInt64(APUS_STATX_IMMUTABLE | APUS_STATX_APPEND) != 0 }
    var isCompressed: Bool { attributes & UInt64(APUS_STATX_COMPRESSED) != 0 }
    var identity: FileIdentity {
        FileIdentity(device: UInt64(device_major) << 32 | UInt64(device_minor), index: inode)
    }

    /// When the file was made, as far as the file system knows: else the earliest time it has.
    var bestBirthTime: apus_statx_time {
        if mask & UInt32(APUS_STATX_BIRTH_TIME) != 0, birth_time.seconds != 0 { return birth_time }
        return [write_time, change_time, access_time].min { left, right in
            (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
        } ?? change_time
    }
}

extension FileInformation {
    /// - Parameters:
    ///   - attributes: what DOSATTRIB says; nil if there is none.
    ///   - announcedAllocation: bytes that a client asked to set aside, while the file is open.
    init(_ status: apus_statx, _ kept: DOSAttributes?, announcedAllocation: UInt64) {
        self.init()
        identity = status.identity
        lastAccessTime = FileTime(status.access_time)
        lastWriteTime = FileTime(status.write_time)
        changeTime = kept?.changeTime(for: status) ?? FileTime(status.change_time)
        creationTime = kept?.creationTime ?? FileTime(status.bestBirthTime)
        let isDirectory = status.isDirectory
        if status.isRegular {
            endOfFile = status.size
            let rounded = status.size.roundedUp(toMultipleOf: Self.allocationUnit)
            // Blocks beyond the rounded size are the file system's own (a block of attributes, blocks set aside by
            // guess); fewer than that mean holes, and the truth is what a client can reckon with.
            let inUse = status.blocks.multipliedOrMax(by: 512).roundedUp(toMultipleOf: Self.allocationUnit)
            allocationSize = max(min(rounded, inUse), announcedAllocation)
        }
        attributes = kept?.attributes ?? (isDirectory ? [] : .archive)
        if isDirectory { attributes.insert(.directory) }
        if status.isCompressed { attributes.insert(.compressed) }
        if !isDirectory, !status.isRegular {
            // As other servers show them: what is no data is a reparse point.
            attributes.insert(.reparsePoint)
            reparseTag = status.isSymbolicLink ? ReparseBuffer.symbolicLinkTag : ReparseBuffer.nfsTag
        }
        if attributes.isEmpty { attributes = .normal }
        linkCount = status.link_count
        mode = UInt32(status.mode)
        userID = status.user_id
        groupID = status.group_id
        deviceNumber = UInt64(status.special_major) << 32 | UInt64(status.special_minor)
    }

    /// A reparse point whose tag is in an attribute that nobody has looked at yet.
    var lacksTag: Bool { attributes.contains(.reparsePoint) && reparseTag == 0 }

    /// Allocation sizes are multiples of this; what clients expect of a volume with 4 KiB clusters.
    static var allocationUnit: UInt64 { 4096 }
}

/// Space that clients asked to set aside for files that are open: NTFS shows it until the last handle is closed, and
/// st_blocks does not tell it from the file system's own blocks.
final class AnnouncedAllocations: Sendable {
    private struct Entry {
        var byteCount: UInt64
        var openCount: Int
    }
    private let entries = Mutex<[FileIdentity: Entry]>([:])
    /// Most servers never see one: then nobody takes the lock.
    private let count = Atomic<Int>(0)

    func byteCount(for identity: FileIdentity) -> UInt64 {
        guard count.load(ordering: .relaxed) > 0 else { return 0 }
        return entries.withLock { $0[identity]?.byteCount ?? 0 }
    }

    /// - Parameter isFirst: this handle has not announced before; it will `forget` when it closes.
    func announce(_ byteCount: UInt64, for identity: FileIdentity, isFirst: Bool) {
        entries.withLock { entries in
            if entries[identity] == nil { count.add(1, ordering: .relaxed) }
            var entry = entries[identity] ?? Entry(byteCount: 0, openCount: 0)
            entry.byteCount = byteCount
            if isFirst { entry.openCount += 1 }
            entries[identity] = entry
        }
    }

    /// The file was cut off: what was set aside behind its end is gone.
    func limit(to byteCount: UInt64, for identity: FileIdentity) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        entries.withLock { entries in
            if let entry = entries[identity] { entries[identity]?.byteCount = min(entry.byteCount, byteCount) }
        }
    }

    func forget(_ identity: FileIdentity) {
        entries.withLock { entries in
            guard var entry = entries[identity] else { return }
            entry.openCount -= 1
            entries[identity] = entry.openCount > 0 ? entry : nil
            if entry.openCount <= 0 { count.subtract(1, ordering: .relaxed) }
        }
    }
}
