import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// An open file or folder.
final class LinuxFile: StoreFile {
    let store: LinuxFileStore
    let identity: FileIdentity
    let isDirectory: Bool
    /// Neither file nor folder: no data here.
    let isSpecial: Bool
    /// Who opened it: what names no user is done as this one.
    let user: Credentials
    let handle: OpenHandle
    let isPOSIX: Bool
    /// What is in this file's place since a link or its like was put there, see LinuxFile+ReparsePoints.swift.
    let replacedIdentity = Mutex<FileIdentity?>(nil)
    /// The file's descriptor, as a client has set it, has granted what this open may do: the kernel, which knows only
    /// what could be said in a POSIX ACL, is not asked again.
    let isByList: Bool
    private let name: Mutex<NTPath>
    let localLocks = Mutex(LocalLockCarrier.none)
    private let hasAnnouncedAllocation = Atomic<Bool>(false)
    /// Until its file system has said that it cannot tell whether a read would wait: asked each time, each small read
    /// would be two system calls.
    private let tellsOfWaiting = Atomic<Bool>(true)

    init(
        store: LinuxFileStore, status: apus_statx, user: Credentials, handle: OpenHandle, path: NTPath,
        isByList: Bool = false, isPOSIX: Bool = false
    ) {
        self.store = store
        identity = status.identity
        isDirectory = status.isDirectory
        isSpecial = !status.isDirectory && !status.isRegular
        self.user = user
        self.handle = handle
        self.isPOSIX = isPOSIX
        self.isByList = isByList
        name = Mutex(path)
    }

    deinit { close() }

    var path: NTPath {
        get { name.withLock { $0 } }
        set { name.withLock { $0 = newValue } }
    }

    func follow(_ path: NTPath) { self.path = path }

    func close() {
        guard handle.close() else { return }
        if let descriptor = localLocks.withLock({ $0.end() }) { Linux.close(descriptor) }
        if hasAnnouncedAllocation.load(ordering: .relaxed) { store.announcedAllocations.forget(identity) }
    }

    // MARK: data

    /// [MS-FSA] 2.1.5.3: only a data stream has bytes.
    func requireData() throws(NTStatus) {
        if isDirectory || isSpecial { throw .invalidDeviceRequest }
    }

    /// The descriptor, able to do what is asked. Callers have looked at the open's granted access: the rights here
    /// are only about how much was asked of the kernel so far.
    func begin(_ rights: OpenHandle.Rights) throws(NTStatus) -> CInt {
        let descriptor = try handle.begin()
        if handle.rights.isSuperset(of: rights) { return descriptor }
        do throws(NTStatus) {
            try store.identity.act(as: user)
            try handle.extend(to: rights, insisting: isByList ? store.identity : nil)
        } catch {
            handle.end()
            throw error
        }
        return descriptor
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NTStatus) -> Int {
        try requireData()
        let descriptor = try begin(.read)
        defer { handle.end() }
        var done = 0
        // SAFETY: `rebasing` keeps to the part of the buffer that is not yet filled.
        while done < buffer.count {
            guard let position = Int64(exactly: offset &+ UInt64(done)), offset &+ UInt64(done) >= offset else { break }
            let asks = !mayBlock && tellsOfWaiting.load(ordering: .relaxed)
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            // SAFETY: as above.
            var count = unsafe Linux.read(descriptor, into: rest, at: position, mayBlock: !asks)
            if asks, count.failed(EOPNOTSUPP) {
                tellsOfWaiting.store(false, ordering: .relaxed)
                // SAFETY: as above.
                count = unsafe Linux.read(descriptor, into: rest, at: position, mayBlock: true)
            }
            if !mayBlock, count.failed(EAGAIN) { throw .pending }
            // Beyond what a file of this system can hold there is only the end.
            if count.failed(EINVAL) { break }
            if try count.orThrow() == 0 { break }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(NTStatus) {
        // SAFETY: passed on.
        try unsafe write(bytes, from: offset)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(NTStatus) {
        // SAFETY: passed on.
        try unsafe write(bytes, from: nil)
    }

    /// - Parameter offset: nil for the end of the file, wherever that is.
    private func write(_ bytes: UnsafeRawBufferPointer, from offset: UInt64?) throws(NTStatus) {
        try requireData()
        if let offset, offset > UInt64(Int64.max) - UInt64(bytes.count) { throw .invalidParameter }
        let descriptor = try begin(.write)
        defer { handle.end() }
        // Quotas and the blocks kept for root go by who writes.
        try store.identity.act(as: user)
        var done = 0
        // SAFETY: `rebasing` keeps to the part of the buffer that is not yet written.
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            guard let offset else {
                // SAFETY: as above.
                done += try unsafe Linux.append(descriptor, rest).orThrow()
                continue
            }
            let result = unsafe Linux.write(descriptor, rest, at: Int64(offset) + Int64(done))
            // MAXFILESIZE of [MS-FSA] 2.1.5.4 is what NTFS can hold. Others hold more, and keep to their own bound:
            // below NTFS's it is a disk that is full, beyond it a wrong offset.
            if result.failed(EFBIG), offset + UInt64(bytes.count) > 0xFFF_FFFF_0000 { throw .invalidParameter }
            done += try result.orThrow()
        }
    }

    func flush() throws(NTStatus) {
        let descriptor = try handle.begin()
        defer { handle.end() }
        guard !isSpecial, !handle.isPathOnly else { return }
        // A folder's entries are its metadata; of a file, fdatasync keeps all that is needed to find the data again.
        let result = Linux.synchronize(descriptor, metadata: isDirectory)
        if isDirectory, result.failed(EINVAL) || result.failed(EOPNOTSUPP) { return }
        try result.orThrow()
    }

    func setEndOfFile(_ size: UInt64) throws(NTStatus) {
        try requireData()
        guard let size = Int64(exactly: size) else { throw .invalidParameter }
        let descriptor = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        try Linux.truncate(descriptor, to: size).orThrow()
        store.announcedAllocations.limit(
            to: UInt64(size).roundedUp(toMultipleOf: FileInformation.allocationUnit), for: identity)
    }

    func setAllocationSize(_ size: UInt64) throws(NTStatus) {
        try requireData()
        guard let bytes = Int64(exactly: size) else { throw .invalidParameter }
        let descriptor = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        if size < status.size {
            try Linux.truncate(descriptor, to: bytes).orThrow()
        } else if size > 0 {
            let result = Linux.preallocate(descriptor, byteCount: bytes)
            // A file system without preallocation finds the space when it is written.
            if !result.failed(EOPNOTSUPP) { try result.orThrow() }
        }
        if size >= status.size {
            // [MS-FSA] 2.1.5.15.1: the file counts as changed, but not its data. Setting any time sets the change time.
            let (access, write) = (FileTime(status.access_time).unix, FileTime(status.write_time).unix)
            _ = store.identity.insisting { Linux.setTimes(descriptor, access: access, write: write) }
        }
        announceAllocation(size)
    }

    func announceAllocation(_ size: UInt64) {
        let hasAnnounced = hasAnnouncedAllocation.exchange(true, ordering: .relaxed)
        store.announcedAllocations.announce(
            size.roundedUp(toMultipleOf: FileInformation.allocationUnit), for: identity, isFirst: !hasAnnounced)
    }

    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        // The file may be on another file system than the share's root.
        return try store.volumeInformation(of: descriptor)
    }
}
