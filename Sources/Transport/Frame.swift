import Platform

/// The four bytes before a message, [MS-SMB2] 2.1: a type, zero for SMB, and a length of 24 bits, big-endian. Types
/// other than zero are those of the NetBIOS session service, RFC 1002 4.3, which clients still send on port 445 too.
enum Frame {
    static let prefixByteCount = 4
    static let sessionRequest: UInt8 = 0x81
    static let positiveSessionResponse: UInt8 = 0x82
    static let keepAlive: UInt8 = 0x85

    /// - Parameter offset: where four bytes lie in `buffer`.
    static func read(_ buffer: PDUBuffer, at offset: Int) -> (type: UInt8, byteCount: Int) {
        precondition(offset + prefixByteCount <= buffer.count)
        // SAFETY: the precondition proves four bytes.
        let word = unsafe UInt32(bigEndian: (buffer.base + offset).loadUnaligned(as: UInt32.self))
        return (UInt8(word >> 24), Int(word & 0xFF_FFFF))
    }

    /// Fills the prefix at `offset` for the message that follows it and ends the buffer.
    static func writePrefix(_ buffer: PDUBuffer, at offset: Int) {
        buffer.patch(UInt32(buffer.count - offset - prefixByteCount).byteSwapped, at: offset)
    }
}
