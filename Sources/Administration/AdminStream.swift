import CLinux
import Glibc
import Platform

/// One connection over the admin socket, at either end. Used by one thread at a time.
final class AdminStream: AdminReply {
    let descriptor: CInt
    private var received: [UInt8] = []

    /// - Parameter descriptor: the stream's from now on.
    init(descriptor: CInt) { self.descriptor = descriptor }

    deinit { _ = Glibc.close(descriptor) }

    func send(_ object: JSON) -> Bool { send(Array((object.text + "\n").utf8)) }

    private func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            // SAFETY: offset stays inside the array, which lives through the call.
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress.map { unsafe $0 + offset }, bytes.count - offset, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    var isAwaited: Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        // SAFETY: the entry lives through the call.
        return unsafe poll(&entry, 1, 0) == 0
    }

    /// The next line, without its end. nil when there is none whole: the stream has ended, nothing came in time, or the
    /// line is longer than `byteCountMax`.
    func readLine(byteCountMax: Int) -> String? {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                guard end <= byteCountMax else { return nil }
                defer { received.removeFirst(end + 1) }
                return String(validating: received[..<end], as: UTF8.self)
            }
            searched = received.count
            guard searched <= byteCountMax else { return nil }
            // SAFETY: the call writes at most `count` bytes into the array.
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            received += chunk[..<count]
        }
    }

    /// nil when the kernel does not say.
    var caller: AdminCaller? {
        var (user, group, process): (UInt32, UInt32, Int32) = (0, 0, 0)
        // SAFETY: the variables live through the call.
        guard unsafe apus_local_peer(descriptor, &user, &group, &process) == 0 else { return nil }
        var groups = [UInt32](repeating: 0, count: 65_536)
        // SAFETY: at most as many as the array has room for.
        let count = unsafe apus_local_peer_groups(descriptor, &groups, groups.count)
        return AdminCaller(userID: user, groupIDs: [group] + groups[..<max(0, count)], processID: process)
    }
}
