import CLinux
import Glibc
import Platform

/// One end of a SOCK_SEQPACKET socket pair, over which whole messages go. Used by one thread at a time.
public final class Channel: Sendable {
    /// Closed with this object.
    public let descriptor: CInt
    /// Where messages are received: most are short, and the longest must fit.
    private let room = Mutex([UInt8](repeating: 0, count: ControlPlaneRequest.byteCountMax + 1))

    /// - Parameter descriptor: the channel's from now on.
    public init(descriptor: CInt) { self.descriptor = descriptor }

    deinit { _ = Glibc.close(descriptor) }

    /// Both ends of a new pair; nil when the process has no descriptors left.
    public static func makePair() -> (Channel, Channel)? {
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

    /// Ends the channel for both sides, whoever still holds it.
    public func hangUp() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// `receive` gives up after so many seconds.
    public func setPatience(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        // SAFETY: the structure lives through the call, and its size is said.
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
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

    /// Waits for a message. - Returns: nil when the other end is gone or out of patience, or sent what is too long.
    func receive() -> [UInt8]? {
        room.withLock { room in
            while true {
                // SAFETY: the call writes at most `count` bytes into the array.
                let count = unsafe room.withUnsafeMutableBytes {
                    unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
                }
                if count < 0, errno == EINTR { continue }
                return count > 0 && count <= ControlPlaneRequest.byteCountMax ? Array(room[..<count]) : nil
            }
        }
    }

    /// One request and its answer; nil when there is none, or what comes is no answer. Then the channel is of no use.
    public func ask(_ request: ControlPlaneRequest) -> ControlPlaneAnswer? {
        guard send(request.encode()), let bytes = receive() else { return nil }
        return ControlPlaneAnswer(decoding: bytes)
    }
}
