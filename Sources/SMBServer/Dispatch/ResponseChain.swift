import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Puts the responses of one message behind each other: padding, NextCommand and signatures, [MS-SMB2] 3.3.4.1.3.
struct ResponseChain {
    let reply: PDUBuffer
    /// Of the first response's header.
    let start: Int
    private var current: Response?
    /// The one before `current`, as long as `current` can still be taken back.
    private var previous: Response?

    struct Response: Sendable {
        var start: Int
        /// Without padding.
        var end: Int
        var key: SigningKey?
    }

    /// Of the responses so far.
    var byteCount: Int { reply.count - start }

    init(reply: PDUBuffer, start: Int) {
        self.reply = reply
        self.start = start
    }

    /// Begins a response; the one before is padded and signed.
    /// - Returns: where its header starts.
    mutating func begin(_ header: SMB2Header) -> Int {
        if let last = current {
            reply.align(to: 8, from: start)
            reply.patch(UInt32(reply.count - last.start), at: last.start + 20)
        }
        previous = current
        current = Response(start: reply.count, end: reply.count, key: nil)
        header.encode(into: reply)
        return reply.count - SMB2Header.byteCount
    }

    /// The body is complete. - Parameter signingKey: nil leaves it unsigned.
    mutating func end(signingKey: SigningKey?) {
        current?.end = reply.count
        current?.key = signingKey
        if let previous { sign(previous.start..<(current?.start ?? previous.end), previous.key) }
        previous = nil
    }

    /// Signs the last response now, since its bytes are about to be used; nothing may follow it, or stand before it.
    mutating func signLast() {
        guard let last = current, last.start == start, let key = last.key else { return }
        sign(last.start..<last.end, key)
        current?.key = nil
    }

    /// Takes back the response begun last: the request is answered later, or not at all.
    mutating func abandon() {
        current = previous
        previous = nil
        if let last = current {
            reply.count = last.end
            reply.patch(0 as UInt32, at: last.start + 20)
        } else {
            reply.count = start
        }
    }

    /// Takes out what is there, to be gone on with later: bytes counted from `start`, and the last response.
    mutating func suspend() -> Suspended? {
        guard let last = current else { return nil }
        let held = Suspended(bytes: reply.array(start..<reply.count), last: last, start: start)
        reply.count = start
        current = nil
        return held
    }

    /// The other half of `suspend`, in another buffer.
    mutating func resume(_ held: Suspended) {
        reply.append(held.bytes)
        let shift = start - held.start
        current = Response(start: held.last.start + shift, end: held.last.end + shift, key: held.last.key)
    }

    struct Suspended: Sendable {
        let bytes: [UInt8]
        let last: Response
        let start: Int
    }

    /// No further response follows.
    mutating func finish() {
        defer { current = nil }
        guard var last = current else { return }
        if last.start != start {
            // As Windows does: among several the last one is padded too.
            reply.align(to: 8, from: start)
            last.end = reply.count
        }
        sign(last.start..<last.end, last.key)
    }

    /// [MS-SMB2] 3.3.4.1.1: the flag first, since the signature covers it.
    private func sign(_ range: Range<Int>, _ key: SigningKey?) {
        guard let key else { return }
        // SAFETY: `region` checks the range, which begins with a whole header: 16 and four more bytes are inside.
        let region = unsafe reply.region(range)
        let flags = unsafe UInt32(littleEndian: region.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        reply.patch(flags | SMB2Header.Flags.signed.rawValue, at: range.lowerBound + 16)
        // SAFETY: the region is one whole response inside the written bytes.
        unsafe key.sign(region)
    }
}

extension SMB2Header {
    /// The response header to this request, credits and async ID left to the caller: [MS-SMB2] 3.3.4.1.
    func makeResponse(status: NTStatus) -> SMB2Header {
        var response = self
        response.status = status
        response.flags = flags.intersection([.relatedOperations, .priorityMask]).union(.serverToRedirector)
        response.nextCommand = 0
        response.signatureLow = 0
        response.signatureHigh = 0
        return response
    }
}
