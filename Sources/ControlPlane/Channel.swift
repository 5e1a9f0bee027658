import CLinux
import Glibc
import Platform

/// One end of a SOCK_SEQPACKET socket pair, over which whole messages go. Used by one thread at a time.
///
/// Before each message stands the number of the request that it is, or belongs to: what comes twice, late or unasked is
/// never taken for the answer to something else.
public final class Channel: Sendable {
    /// Closed with this object.
    public let descriptor: CInt
    /// Where messages are received: most are short, and the longest must fit.
    private let room = Mutex([UInt8](repeating: 0, count: numberByteCount + ControlPlaneRequest.byteCountMax + 1))
    private let lastNumber = Atomic<UInt32>(0)
    static let numberByteCount = 4

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

    /// `receive` gives up after so long, and `send` when the other end does not take what it is sent.
    public func setPatience(milliseconds: Int) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            // SAFETY: the structure lives through the call, and its size is said.
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// A number for the next request, which no other request on this channel has had.
    func nextNumber() -> UInt32 { lastNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    /// - Returns: false when the other end is gone or takes nothing, or the message is too long.
    func send(_ message: [UInt8], number: UInt32) -> Bool {
        guard message.count <= ControlPlaneRequest.byteCountMax else { return false }
        var number = number.littleEndian
        while true {
            // SAFETY: the number and the array live through the call.
            let count = unsafe withUnsafeMutableBytes(of: &number) { number in
                unsafe message.withUnsafeBytes { message in unsafe send(number, message) }
            }
            if count < 0, errno == EINTR { continue }
            return count == Self.numberByteCount + message.count
        }
    }

    private func send(_ number: UnsafeMutableRawBufferPointer, _ message: UnsafeRawBufferPointer) -> Int {
        // SAFETY: both buffers live through this function, and are said to be as long as they are.
        let parts = unsafe [
            iovec(iov_base: number.baseAddress, iov_len: number.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: message.baseAddress), iov_len: message.count),
        ]
        // SAFETY: the parts live through the call, which only reads what they point at.
        return unsafe parts.withUnsafeBufferPointer { parts in
            var datagram = unsafe msghdr()
            unsafe datagram.msg_iov = UnsafeMutablePointer(mutating: parts.baseAddress)
            unsafe datagram.msg_iovlen = parts.count
            return unsafe sendmsg(descriptor, &datagram, CInt(MSG_NOSIGNAL))
        }
    }

    /// Waits for a message. - Returns: nil when the other end is gone or out of patience, or sent what is no message.
    func receive() -> (number: UInt32, message: [UInt8])? {
        room.withLock { room in
            while true {
                // SAFETY: the call writes at most `count` bytes into the array.
                let count = unsafe room.withUnsafeMutableBytes {
                    unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
                }
                if count < 0, errno == EINTR { continue }
                guard count > Self.numberByteCount, count < room.count else { return nil }
                let number = room[..<Self.numberByteCount].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
                return (number, Array(room[Self.numberByteCount..<count]))
            }
        }
    }

    /// One request and its answer; nil when there is none, or what comes is no answer. Then the channel is of no use.
    public func ask(_ request: ControlPlaneRequest) -> ControlPlaneAnswer? {
        let number = nextNumber()
        guard send(request.encode(), number: number), let (its, bytes) = receive(), its == number,
            let answer = ControlPlaneAnswer(decoding: bytes), request.isAnswered(by: answer)
        else { return nil }
        return answer
    }
}
