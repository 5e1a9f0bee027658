import CLinux
import Glibc
import Platform

/// One end of a SOCK_SEQPACKET socket pair, over which whole messages go.
struct Channel: Sendable {
    let descriptor: CInt

    /// Both ends of a new pair; nil when the process has no descriptors left.
    static func makePair() -> (Channel, Channel)? {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: the tuple has room for the two descriptors.
        let result = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            unsafe socketpair(
                AF_UNIX, CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0,
                ends.baseAddress?.assumingMemoryBound(to: CInt.self))
        }
        guard result == 0 else { return nil }
        return (Channel(descriptor: ends.0), Channel(descriptor: ends.1))
    }

    /// - Returns: false when the other end is gone, or the message is too long.
    func send(_ message: [UInt8]) -> Bool {
        guard message.count <= ControlPlaneRequest.byteCountMax else { return false }
        while true {
            // SAFETY: the array lives through the call.
            let count = unsafe message.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            return count == message.count
        }
    }

    /// Waits for a message. - Returns: nil when the other end is gone, or sent what is too long.
    func receive() -> [UInt8]? {
        while true {
            // SAFETY: the closure below fills what it says it fills.
            let message = unsafe [UInt8](unsafeUninitializedCapacity: ControlPlaneRequest.byteCountMax + 1) {
                room, count in
                // SAFETY: the call writes at most `room.count` bytes and says how many.
                count = unsafe max(0, recv(descriptor, room.baseAddress, room.count, 0))
            }
            if message.isEmpty, errno == EINTR { continue }
            return message.isEmpty || message.count > ControlPlaneRequest.byteCountMax ? nil : message
        }
    }

    func close() { _ = Glibc.close(descriptor) }
}
