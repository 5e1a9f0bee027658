import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// Files that clients cache: whoever else opens one waits until they have let go, fanotify(7) with permission events.
/// F_SETLEASE would do the same for a file that this process has open once only; clients open files many times over.
///
/// Our own opens of such a file are asked about too, and our writes told. So the thread that answers does nothing else,
/// and nothing that could wait: what others do is handed to a thread of its own.
final class GuardedFiles: Sendable {
    static let shared = GuardedFiles()

    private struct File {
        /// Leads to the file; its watch is taken back through it.
        let descriptor: CInt
        var receivers: [UInt64: @Sendable (LocalUse) -> Void] = [:]
    }
    private struct State {
        /// -1: not started.
        var queue: CInt = -1
        var files: [FileIdentity: File] = [:]
        /// Whose writing somebody is being told of, and whether there was more of it meanwhile.
        var written: [FileIdentity: Bool] = [:]
        var lastReceiver: UInt64 = 0
    }
    private let state = Mutex(State())

    private init() {}

    private struct Watch: LocalWatch {
        let files: GuardedFiles
        let file: FileIdentity
        let receiver: UInt64
        func end() { files.end(file, receiver) }
    }

    /// - Parameter descriptor: of the file, O_PATH.
    func guardUse(
        of identity: FileIdentity, _ descriptor: consuming OwnedDescriptor,
        _ receiver: @escaping @Sendable (LocalUse) -> Void
    ) throws(NTStatus) -> any LocalWatch {
        let raw = descriptor.raw
        let (number, isNew) = state.withLock { state -> (UInt64?, Bool) in
            var isNew = false
            if state.files[identity] == nil {
                guard start(&state), Linux.watchOpens(raw, in: state.queue) >= 0 else { return (nil, false) }
                state.files[identity] = File(descriptor: raw)
                isNew = true
            }
            state.lastReceiver += 1
            state.files[identity]?.receivers[state.lastReceiver] = receiver
            return (state.lastReceiver, isNew)
        }
        guard let number else { throw .notSupported }
        if isNew { _ = descriptor.take() }
        return Watch(files: self, file: identity, receiver: number)
    }

    private func start(_ state: inout State) -> Bool {
        guard state.queue < 0 else { return true }
        let started = apus_opens_start()
        guard started >= 0 else { return false }
        let queue = CInt(started)
        guard Thread.detach(name: "local-opens", { self.follow(queue) }) else {
            Linux.close(queue)
            return false
        }
        state.queue = queue
        return true
    }

    private func end(_ identity: FileIdentity, _ receiver: UInt64) {
        let unused = state.withLock { state -> CInt? in
            state.files[identity]?.receivers[receiver] = nil
            guard let file = state.files[identity], file.receivers.isEmpty else { return nil }
            state.files[identity] = nil
            _ = Linux.forgetOpens(file.descriptor, in: state.queue)
            return file.descriptor
        }
        if let unused { Linux.close(unused) }
    }

    // MARK: the thread

    private func follow(_ queue: CInt) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let own = getpid()
        while true {
            let count = Linux.readChanges(queue, into: &buffer)
            guard count > 0 else { return }
            var rest = buffer[..<count]
            // struct fanotify_event_metadata: length, mask, descriptor, process.
            while rest.count >= 24 {
                let byteCount = Int(rest.littleEndian32(0))
                guard byteCount >= 24, byteCount <= rest.count else { break }
                let mask = rest.littleEndian32(8)
                let descriptor = CInt(bitPattern: rest.littleEndian32(16))
                let isOwn = Int32(bitPattern: rest.littleEndian32(20)) == own
                rest = rest.dropFirst(byteCount)
                // An overflow has none; opens are not lost by it.
                guard descriptor >= 0 else { continue }
                let isOpen = mask & UInt32(APUS_OPENS_OPEN) != 0
                if isOwn || !hand(descriptor, isOpen: isOpen, queue) { Self.finish(descriptor, isOpen: isOpen, queue) }
            }
        }
    }

    private static func finish(_ descriptor: CInt, isOpen: Bool, _ queue: CInt) {
        if isOpen { _ = apus_opens_allow(queue, descriptor) }
        Linux.close(descriptor)
    }

    /// - Returns: false if there is nobody to take it.
    private func hand(_ descriptor: CInt, isOpen: Bool, _ queue: CInt) -> Bool {
        var status = apus_statx()
        guard Linux.status(descriptor, into: &status) >= 0 else { return false }
        let identity = status.identity
        // One answer for each event, however many are told.
        guard let receiver = state.withLock({ $0.files[identity]?.receivers.values.first }) else { return false }
        guard !isOpen else {
            return Thread.detach(name: "local-open") {
                receiver(.opens(resume: { Self.finish(descriptor, isOpen: true, queue) }))
            }
        }
        Linux.close(descriptor)
        let isBeingTold = state.withLock { state in
            defer { state.written[identity] = state.written[identity] != nil }
            return state.written[identity] != nil
        }
        if !isBeingTold, !Thread.detach(name: "local-write", { self.tell(receiver, identity) }) {
            state.withLock { $0.written[identity] = nil }
        }
        return true
    }

    /// Tells of writes to a file, until there are no more. However fast another program writes, one thread does this.
    private func tell(_ receiver: @Sendable (LocalUse) -> Void, _ identity: FileIdentity) {
        var hasMore = true
        while hasMore {
            receiver(.writes)
            hasMore = state.withLock { state in
                let hasMore = state.written[identity] == true
                state.written[identity] = hasMore ? false : nil
                return hasMore
            }
        }
    }
}

extension LinuxFile {
    func guardUse(_ receiver: @escaping @Sendable (LocalUse) -> Void) throws(NTStatus) -> any LocalWatch {
        guard !isDirectory, !isSpecial else { throw .notSupported }
        let descriptor = try handle.begin()
        defer { handle.end() }
        let path = Linux.reopen(descriptor, flags: CInt(APUS_O_PATH))
        return try GuardedFiles.shared.guardUse(of: identity, OwnedDescriptor(try path.orThrow()), receiver)
    }
}
