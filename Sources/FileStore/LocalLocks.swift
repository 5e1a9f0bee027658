import NTTypes

/// What other programs on this machine see of a byte-range lock.
public enum LocalLock: Sendable {
    case shared
    case exclusive
}

/// A file whose byte-range locks other programs see, and whose locks are seen.
public protocol LocalLocks {
    /// Makes `lock` all that this open has on a range of bytes; nil for no lock. Never waits.
    /// - Throws: `.lockNotGranted` where another program has a lock. Where the system knows no such lock, or none so
    ///   far beyond the end, nothing happens.
    func setLocalLock(_ lock: LocalLock?, offset: UInt64, length: UInt64) throws(NTStatus)
}

extension LocalLocks {
    public func setLocalLock(_ lock: LocalLock?, offset: UInt64, length: UInt64) throws(NTStatus) {}
}
