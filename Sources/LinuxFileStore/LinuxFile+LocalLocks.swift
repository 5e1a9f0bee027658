import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// The open file that carries an SMB open's byte-range locks for other programs to see. It is one of its own, made with
/// the first lock: the open's descriptor is replaced when it needs more rights, and locks belong to an open file.
enum LocalLockCarrier: Sendable {
    case none
    case open(CInt, mayWrite: Bool)
    case closed

    /// - Parameters:
    ///   - original: of the file.
    ///   - identity: with root's power where the user is refused.
    /// - Returns: what the system says; 0 also where there is nothing to set.
    mutating func set(
        _ lock: LocalLock?, start: Int64, byteCount: Int64, of original: CInt, insisting identity: ThreadIdentity?
    ) -> Int {
        if case .none = self, lock != nil { self = Self.open(original, identity) }
        guard case .open(let descriptor, let mayWrite) = self else { return 0 }
        // Who may not write cannot have the system's exclusive lock, though SMB's: the next best is a shared one.
        let kind: CInt =
            switch lock {
            case nil: 0
            case .shared: 1
            case .exclusive: mayWrite ? 2 : 1
            }
        return Linux.repeating { apus_set_lock(descriptor, kind, start, byteCount) }
    }

    private static func open(_ original: CInt, _ identity: ThreadIdentity?) -> Self {
        func reopen(_ mode: CInt) -> Int {
            let flags = mode | O_NONBLOCK | O_NOCTTY
            return identity?.insisting { Linux.reopen(original, flags: flags) }
                ?? Linux.reopen(original, flags: flags)
        }
        let writable = reopen(O_RDWR)
        if writable >= 0 { return .open(CInt(writable), mayWrite: true) }
        let readable = reopen(O_RDONLY)
        return readable >= 0 ? .open(CInt(readable), mayWrite: false) : .none
    }

    /// There will be no more locks. - Returns: the descriptor to close, with which those that are there go.
    mutating func end() -> CInt? {
        defer { self = .closed }
        if case .open(let descriptor, _) = self { return descriptor }
        return nil
    }
}

extension LinuxFile {
    func setLocalLock(_ lock: LocalLock?, offset: UInt64, length: UInt64) throws(NTStatus) {
        // Linux locks no empty range, and nothing beyond 2^63.
        guard !isDirectory, !isSpecial, length > 0, let start = Int64(exactly: offset) else { return }
        let byteCount = length > UInt64(Int64.max - start) ? 0 : Int64(length)
        let descriptor = try handle.begin()
        defer { handle.end() }
        try store.identity.act(as: user)
        let result = localLocks.withLock {
            $0.set(lock, start: start, byteCount: byteCount, of: descriptor, insisting: isByList ? store.identity : nil)
        }
        if result.failed(EAGAIN) || result.failed(EACCES) { throw .lockNotGranted }
    }
}
