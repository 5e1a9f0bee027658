import NTTypes
import Platform
import SMBWire

/// The body that QUERY_DIRECTORY and QUERY_INFO responses share, written in place: StructureSize 9, offset and length
/// of a buffer, the buffer. [MS-SMB2] 2.2.34 and 2.2.38.
struct OutputBuffer {
    let reply: PDUBuffer
    /// Of the buffer's first byte in `reply`.
    let start: Int
    /// The most that the client takes, in bytes.
    let limit: Int

    /// Writes the fixed part.
    init(in reply: PDUBuffer, limit: Int) {
        self.reply = reply
        self.limit = limit
        reply.append(9 as UInt16)
        reply.append(UInt16(SMB2Header.byteCount + 8))
        reply.append(0 as UInt32)
        start = reply.count
    }

    var count: Int { reply.count - start }

    /// [MS-SMB2] 3.3.5.20.1: the fixed part of an information class must fit, or nothing is returned.
    func requireRoom(for fixedByteCount: Int) throws(NTStatus) {
        guard limit >= fixedByteCount else { throw .infoLengthMismatch }
    }

    /// Cuts off what the client does not take and enters the length.
    /// - Returns: `.bufferOverflow` if something was cut off, success otherwise.
    func end() -> NTStatus {
        let status: NTStatus = count > limit ? .bufferOverflow : .success
        if count > limit { reply.count = start + limit }
        reply.patch(UInt32(count), at: start - 4)
        // StructureSize counts one byte of the buffer; clients insist on it even when there is none.
        if count == 0 { reply.append(0 as UInt8) }
        return status
    }
}

extension PDUBuffer {
    /// A name as the information classes hold it: its length in bytes in 4 bytes, then its UTF-16 code units.
    func appendCounted(_ names: NTName...) {
        let at = count
        append(0 as UInt32)
        for name in names { append(utf16: name) }
        patch(UInt32(count - at - 4), at: at)
    }
}
