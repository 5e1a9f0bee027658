import CLinux
import Glibc

/// Linux's file system calls as safe functions. Each gives what the system gives, or the negative error number; none
/// throws, so that callers decide by number before it becomes an `NTStatus`. Interrupted calls are repeated.
enum Linux {
    @inline(__always)
    static func repeating(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result != -Int(EINTR) { return result }
        }
    }

    static func openBeneath(
        _ directory: CInt, _ path: SystemPath, flags: CInt, resolve: Int, mode: UInt32 = 0
    ) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        repeating {
            unsafe path.withPointer {
                unsafe apus_openat2(directory, $0, UInt64(flags | O_CLOEXEC), UInt64(mode), UInt64(resolve))
            }
        }
    }

    /// A new entry of a folder, by a name of one component; fails if there is one.
    static func create(_ directory: CInt, _ name: SystemPath, mode: UInt32) -> Int {
        let flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY
        // SAFETY: as above.
        return repeating { unsafe name.withPointer { unsafe apus_openat(directory, $0, flags, mode) } }
    }

    /// The folder behind `directory` once more, with a position of its own.
    static func reopenFolder(_ directory: CInt) -> Int {
        // SAFETY: as above.
        let result = repeating {
            unsafe SystemPath.here.withPointer {
                unsafe apus_openat(directory, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
            }
        }
        // A folder that may be read but not searched has no "." for us.
        return result == -Int(EACCES) ? reopen(directory, flags: O_RDONLY | O_DIRECTORY) : result
    }

    /// The file behind `descriptor` once more, with other rights.
    static func reopen(_ descriptor: CInt, flags: CInt) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        repeating { unsafe withDescriptorPath(descriptor) { unsafe apus_openat(-1, $0, flags | O_CLOEXEC, 0) } }
    }

    static func close(_ descriptor: CInt) { apus_close(descriptor) }

    /// Puts the open file behind `from` in the place of `onto`, at once for all threads.
    static func replace(_ onto: CInt, with from: CInt) -> Int { apus_duplicate_onto(from, onto) }

    /// - Parameter name: nil for what is behind the descriptor itself. A link is not followed.
    static func status(_ descriptor: CInt, _ name: SystemPath? = nil, into status: inout apus_statx) -> Int {
        let flags = name == nil ? CInt(APUS_AT_EMPTY_PATH) : AT_SYMLINK_NOFOLLOW
        // SAFETY: `status` is as large as the system's structure; the path is terminated.
        return unsafe (name ?? .empty).withPointer { unsafe apus_statx(descriptor, $0, flags, &status) }
    }

    /// Where the kernel sees what is behind the descriptor now, from the process's root; nil if it has no place.
    static func location(_ descriptor: CInt) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        // SAFETY: the path is terminated; the system writes at most `count` bytes.
        let count = unsafe buffer.withUnsafeMutableBytes { buffer in
            unsafe withDescriptorPath(descriptor) {
                unsafe apus_readlinkat(
                    -1, $0, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
            }
        }
        guard count > 0, count < buffer.count, buffer[0] == UInt8(ascii: "/") else { return nil }
        return Array(buffer[..<count])
    }

    static func access(_ descriptor: CInt, mode: CInt) -> Int {
        // AT_EACCESS: with the fsuid and its capabilities, not with the process's real user.
        // SAFETY: the path is terminated.
        unsafe SystemPath.empty.withPointer {
            unsafe apus_faccessat2(descriptor, $0, mode, CInt(APUS_AT_EMPTY_PATH) | AT_EACCESS)
        }
    }

    static func readEntries(_ directory: CInt, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        // SAFETY: the system writes at most `count` bytes.
        repeating { unsafe apus_getdents64(directory, buffer.baseAddress, buffer.count) }
    }

    static func rewind(_ directory: CInt) -> Int { apus_seek_start(directory) }

    static func makeFolder(_ directory: CInt, _ name: SystemPath, mode: UInt32) -> Int {
        // SAFETY: the path is terminated.
        unsafe name.withPointer { unsafe apus_mkdirat(directory, $0, mode) }
    }

    static func unlink(_ directory: CInt, _ name: SystemPath, isDirectory: Bool) -> Int {
        // SAFETY: the path is terminated.
        unsafe name.withPointer { unsafe apus_unlinkat(directory, $0, isDirectory ? AT_REMOVEDIR : 0) }
    }

    /// - Parameter replaces: false fails with EEXIST if the new name is taken; EINVAL where the file system cannot.
    /// Two names change places.
    static func exchange(
        _ directory: CInt, _ name: SystemPath, with other: CInt, _ otherName: SystemPath
    ) -> Int {
        let exchange: UInt32 = 2
        // SAFETY: both paths are terminated.
        return unsafe name.withPointer { old in
            unsafe otherName.withPointer { unsafe apus_renameat2(directory, old, other, $0, exchange) }
        }
    }

    static func rename(
        _ directory: CInt, _ name: SystemPath, to newDirectory: CInt, _ newName: SystemPath, replaces: Bool
    ) -> Int {
        let noReplace: UInt32 = 1
        // SAFETY: both paths are terminated.
        return unsafe name.withPointer { old in
            unsafe newName.withPointer {
                unsafe apus_renameat2(directory, old, newDirectory, $0, replaces ? 0 : noReplace)
            }
        }
    }

    static func link(_ directory: CInt, _ name: SystemPath, to newDirectory: CInt, _ newName: SystemPath) -> Int {
        // SAFETY: both paths are terminated.
        unsafe name.withPointer { old in
            unsafe newName.withPointer { unsafe apus_linkat(directory, old, newDirectory, $0) }
        }
    }

    /// The names of an entry's attributes; a link is not followed.
    static func attributeNames(
        ofEntry entry: SystemPath, in directory: CInt, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        // SAFETY: paths are terminated; the system writes at most `count` bytes.
        unsafe entry.withPointer { entry in
            unsafe apus_entry_listxattr(
                directory, entry, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
    }

    // MARK: changes in folders

    /// The folder's entries from now on, with who changes them, in `queue`.
    static func watchChanges(_ directory: CInt, in queue: CInt, mask: UInt64) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        unsafe withDescriptorPath(directory) { unsafe apus_changes_watch(queue, $0, mask) }
    }

    static func forgetChanges(_ directory: CInt, in queue: CInt, mask: UInt64) -> Int {
        // SAFETY: as above.
        unsafe withDescriptorPath(directory) { unsafe apus_changes_forget(queue, $0, mask) }
    }

    /// Opens of the file by anybody, in `queue`.
    static func watchOpens(_ file: CInt, in queue: CInt) -> Int {
        // SAFETY: as above.
        unsafe withDescriptorPath(file) { unsafe apus_opens_watch(queue, $0) }
    }

    static func forgetOpens(_ file: CInt, in queue: CInt) -> Int {
        // SAFETY: as above.
        unsafe withDescriptorPath(file) { unsafe apus_opens_forget(queue, $0) }
    }

    /// Waits for what `queue` has to tell: how many bytes of it are in the buffer now.
    static func readChanges(_ queue: CInt, into buffer: inout [UInt8]) -> Int {
        // SAFETY: the system writes at most `count` bytes.
        unsafe buffer.withUnsafeMutableBytes { buffer in
            repeating { unsafe apus_changes_read(queue, buffer.baseAddress, buffer.count) }
        }
    }

    /// How `queue` calls the folder.
    static func changesIdentity(_ directory: CInt, into buffer: inout [UInt8]) -> Int {
        // SAFETY: the system writes at most `count` bytes.
        unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe apus_changes_identity(directory, $0.baseAddress, $0.count)
        }
    }

    /// The folder's entries from now on, in `queue`.
    static func watchEntries(_ directory: CInt, in queue: CInt) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        unsafe withDescriptorPath(directory) { unsafe apus_inotify_watch(queue, $0, UInt32(APUS_WATCH_ENTRIES)) }
    }

    // MARK: data

    static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, mayBlock: Bool
    ) -> Int {
        // SAFETY: the system writes at most `count` bytes.
        repeating {
            mayBlock
                ? unsafe apus_pread(descriptor, buffer.baseAddress, buffer.count, offset)
                : unsafe apus_pread_now(descriptor, buffer.baseAddress, buffer.count, offset)
        }
    }

    static func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int {
        // SAFETY: the system reads at most `count` bytes.
        repeating { unsafe apus_pwrite(descriptor, bytes.baseAddress, bytes.count, offset) }
    }

    static func append(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        // SAFETY: the system reads at most `count` bytes.
        repeating { unsafe apus_append(descriptor, bytes.baseAddress, bytes.count) }
    }

    static func synchronize(_ descriptor: CInt, metadata: Bool) -> Int {
        repeating { metadata ? apus_fsync(descriptor) : apus_fdatasync(descriptor) }
    }

    static func truncate(_ descriptor: CInt, to size: Int64) -> Int {
        repeating { apus_ftruncate(descriptor, size) }
    }

    static func preallocate(_ descriptor: CInt, byteCount: Int64) -> Int {
        repeating { apus_preallocate(descriptor, 0, byteCount) }
    }

    // MARK: metadata

    typealias Time = (seconds: Int64, nanoseconds: Int64)
    static var unchangedTime: Time { (0, Int64(APUS_TIME_OMIT)) }
    static var presentTime: Time { (0, Int64(APUS_TIME_NOW)) }

    static func setTimes(_ descriptor: CInt, access: Time, write: Time) -> Int {
        // By way of /proc since an O_PATH descriptor is refused by futimens.
        // SAFETY: the path is terminated and lives through the call.
        unsafe withDescriptorPath(descriptor) {
            unsafe apus_set_times(-1, $0, 0, access.seconds, access.nanoseconds, write.seconds, write.nanoseconds)
        }
    }

    static func setMode(_ descriptor: CInt, _ mode: UInt32) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        unsafe withDescriptorPath(descriptor) { unsafe apus_chmod($0, mode) }
    }

    /// - Parameters: .max leaves one alone.
    static func setOwner(_ descriptor: CInt, user: UInt32, group: UInt32) -> Int {
        // SAFETY: the path is terminated and lives through the call.
        unsafe withDescriptorPath(descriptor) { unsafe apus_chown($0, user, group) }
    }

    static func volume(_ descriptor: CInt, into volume: inout statvfs) -> Int {
        // SAFETY: `volume` is the system's own structure.
        repeating { unsafe apus_fstatvfs(descriptor, &volume) }
    }

    // MARK: extended attributes

    /// - Parameter isPathOnly: the descriptor was opened with O_PATH: a folder's attributes are found from within it
    ///   by whoever may look things up there. To others only /proc leads, which costs several times as much.
    static func attribute(
        _ descriptor: CInt, isPathOnly: Bool, _ name: SystemPath, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        if isPathOnly {
            // SAFETY: the buffer is the caller's, as below.
            let result = unsafe attribute(ofEntry: .here, in: descriptor, name, into: buffer)
            guard result.failed(ENOTDIR) || result.failed(EACCES) else { return result }
        }
        // SAFETY: paths are terminated; the system writes at most `count` bytes.
        return unsafe name.withPointer { name in
            guard isPathOnly else {
                return unsafe apus_fgetxattr(descriptor, name, buffer.baseAddress, buffer.count)
            }
            // SAFETY: as above.
            return unsafe withDescriptorPath(descriptor) {
                unsafe apus_getxattr($0, name, buffer.baseAddress, buffer.count)
            }
        }
    }

    /// The attribute of a folder's entry; a link is not followed.
    static func attribute(
        ofEntry entry: SystemPath, in directory: CInt, _ name: SystemPath, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        // SAFETY: paths are terminated; the system writes at most `count` bytes.
        unsafe name.withPointer { name in
            unsafe entry.withPointer { entry in
                unsafe apus_entry_getxattr(directory, entry, name, buffer.baseAddress, buffer.count)
            }
        }
    }

    /// - Parameter mustBeNew: fails with EEXIST if there is one.
    static func setAttribute(
        _ descriptor: CInt, _ name: SystemPath, _ value: [UInt8], mustBeNew: Bool = false
    ) -> Int {
        let flags = mustBeNew ? CInt(APUS_XATTR_CREATE) : 0
        // SAFETY: paths are terminated; the system reads `count` bytes of the array, which lives through the call.
        return unsafe name.withPointer { name in
            unsafe value.withUnsafeBytes { value in
                let result = unsafe apus_fsetxattr(descriptor, name, value.baseAddress, value.count, flags)
                guard result.failed(EBADF) else { return result }
                // O_PATH descriptors only lead to attributes by way of /proc.
                // SAFETY: as above.
                return unsafe withDescriptorPath(descriptor) {
                    unsafe apus_setxattr($0, name, value.baseAddress, value.count, flags)
                }
            }
        }
    }

    static func removeAttribute(_ descriptor: CInt, _ name: SystemPath) -> Int {
        // SAFETY: paths are terminated.
        unsafe name.withPointer { name in unsafe withDescriptorPath(descriptor) { unsafe apus_removexattr($0, name) } }
    }

    /// Names, each with a terminator.
    static func attributeNames(_ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        // SAFETY: the path is terminated; the system writes at most `count` bytes.
        let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        let result = unsafe apus_flistxattr(descriptor, start, buffer.count)
        guard result.failed(EBADF) else { return result }
        return unsafe withDescriptorPath(descriptor) { unsafe apus_listxattr($0, start, buffer.count) }
    }

    /// Calls `body` with the path under /proc that leads to the very file behind `descriptor`, whatever its name is
    /// now.
    @inline(__always)
    private static func withDescriptorPath(
        _ descriptor: CInt, _ body: (UnsafePointer<CChar>) -> Int
    ) -> Int {
        // SAFETY: the C function writes at most `count` bytes and terminates them, or says that they do not fit.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            let start = buffer.baseAddress!
            let failure = unsafe apus_descriptor_path(start, buffer.count, descriptor, nil)
            return failure == 0 ? unsafe body(start) : failure
        }
    }
}

/// A descriptor that is closed when it goes out of use.
struct OwnedDescriptor: ~Copyable {
    let raw: CInt
    init(_ raw: Int) { self.raw = CInt(truncatingIfNeeded: raw) }
    deinit { Linux.close(raw) }
    /// Hands the descriptor to somebody else, who closes it.
    consuming func take() -> CInt {
        let raw = raw
        discard self
        return raw
    }
}
