import CLinux
import Glibc
import NTTypes
import Platform

/// A descriptor that many threads use and one closes: it is closed when nobody is inside a call any more, so that its
/// number cannot come to mean another file under a running call.
final class OpenHandle: Sendable {
    /// What the descriptor can be used for.
    struct Rights: OptionSet {
        let rawValue: UInt8
        static let read = Rights(rawValue: 1)
        static let write = Rights(rawValue: 2)
    }

    private let descriptor: CInt
    private let rightsValue: Atomic<UInt8>
    /// Calls under way, and the mark that no further ones may begin.
    private let uses = Atomic<UInt32>(0)
    /// Held while the descriptor is being replaced, so that two threads do not undo each other's rights.
    private let extending = Mutex(())
    private static var closed: UInt32 { 1 << 31 }

    init(_ descriptor: consuming OwnedDescriptor, rights: Rights) {
        self.descriptor = descriptor.take()
        rightsValue = Atomic(rights.rawValue)
    }

    deinit {
        if uses.load(ordering: .acquiring) == 0 { Linux.close(descriptor) }
    }

    var rights: Rights { Rights(rawValue: rightsValue.load(ordering: .acquiring)) }
    /// Opened with O_PATH: good for asking about the file, not for its data.
    var isPathOnly: Bool { rights.isEmpty }

    /// The descriptor, valid until `end`.
    func begin() throws(NTStatus) -> CInt {
        var uses = uses.load(ordering: .relaxed)
        while true {
            guard uses & Self.closed == 0 else { throw .fileClosed }
            let (exchanged, original) = self.uses.weakCompareExchange(
                expected: uses, desired: uses + 1, ordering: .acquiringAndReleasing)
            if exchanged { return descriptor }
            uses = original
        }
    }

    func end() {
        let (_, left) = uses.subtract(1, ordering: .acquiringAndReleasing)
        if left == Self.closed { Linux.close(descriptor) }
    }

    /// - Returns: false if somebody has closed it before.
    @discardableResult
    func close() -> Bool {
        let (before, _) = uses.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
        if before == 0 { Linux.close(descriptor) }
        return before & Self.closed == 0
    }

    /// Makes the descriptor good for `rights` too: opens the same file again and puts it in the descriptor's place,
    /// which calls under way do not notice. To be called between `begin` and `end`, as the user.
    /// - Parameter identity: with root's power where the user is refused.
    func extend(to wanted: Rights, insisting identity: ThreadIdentity? = nil) throws(NTStatus) {
        let result = extending.withLock { _ in replaceDescriptor(rights.union(wanted), identity) }
        try result.orThrow()
    }

    /// Puts another file, opened with O_PATH, in this one's place.
    func become(_ other: consuming OwnedDescriptor) throws(NTStatus) {
        let result = extending.withLock { _ in
            rightsValue.store(0, ordering: .releasing)
            return Linux.replace(descriptor, with: other.raw)
        }
        try result.orThrow()
    }

    private func replaceDescriptor(_ wanted: Rights, _ identity: ThreadIdentity?) -> Int {
        guard wanted != rights else { return 0 }
        let mode = wanted == .read ? O_RDONLY : wanted == .write ? O_WRONLY : O_RDWR
        let flags = mode | O_NONBLOCK | O_NOCTTY
        let reopened =
            identity?.insisting { Linux.reopen(descriptor, flags: flags) }
            ?? Linux.reopen(descriptor, flags: flags)
        guard reopened >= 0 else { return reopened }
        let new = OwnedDescriptor(reopened)
        let result = Linux.replace(descriptor, with: new.raw)
        if result >= 0 { rightsValue.store(wanted.rawValue, ordering: .releasing) }
        return result
    }
}
