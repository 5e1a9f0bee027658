import NTTypes
import Platform

extension NTName {
    /// A name from the wire: UTF-16LE, lone surrogates kept as `NTName` says. - Throws: on an odd number of bytes.
    public init(utf16LittleEndian bytes: RawSpan) throws(WireError) {
        guard bytes.byteCount % 2 == 0 else { throw .invalid("an odd number of bytes in a UTF-16 string") }
        var utf8: [UInt8] = []
        utf8.reserveCapacity(bytes.byteCount / 2)
        var offset = 0
        while offset < bytes.byteCount {
            let unit = Self.unit(bytes, at: offset)
            offset += 2
            if unit < 0x80 {
                utf8.append(UInt8(unit))
            } else if unit & 0xFC00 == 0xD800, offset < bytes.byteCount, Self.unit(bytes, at: offset) & 0xFC00 == 0xDC00
            {
                let low = Self.unit(bytes, at: offset)
                offset += 2
                Self.append(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00), to: &utf8)
            } else if unit >= 0xDC80, unit <= 0xDCFF {
                // A byte of the disk that was not valid UTF-8.
                utf8.append(UInt8(unit & 0xFF))
            } else {
                Self.append(unit, to: &utf8)
            }
        }
        self.init(utf8: utf8)
    }

    @inline(__always)
    private static func unit(_ bytes: RawSpan, at offset: Int) -> UInt32 {
        // SAFETY: the callers keep offset and offset + 1 inside an even number of bytes.
        UInt32(unsafe UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }

    private static func append(_ scalar: UInt32, to utf8: inout [UInt8]) {
        switch scalar {
        case ..<0x80: utf8.append(UInt8(scalar))
        case ..<0x800: utf8 += [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)]
        case ..<0x10000:
            utf8 += [UInt8(0xE0 | scalar >> 12), UInt8(0x80 | scalar >> 6 & 0x3F), UInt8(0x80 | scalar & 0x3F)]
        default:
            utf8 += [
                UInt8(0xF0 | scalar >> 18), UInt8(0x80 | scalar >> 12 & 0x3F), UInt8(0x80 | scalar >> 6 & 0x3F),
                UInt8(0x80 | scalar & 0x3F),
            ]
        }
    }

    /// The name's UTF-16 code units, one after the other.
    public func forEachUTF16(_ body: (UInt16) -> Void) {
        var index = 0
        while index < utf8.count {
            let (scalar, length) = Self.scalar(in: utf8, at: index)
            index += length
            if scalar >= 0x10000 {
                body(UInt16(0xD800 + (scalar - 0x10000) >> 10))
                body(UInt16(0xDC00 + (scalar - 0x10000) & 0x3FF))
            } else {
                body(UInt16(scalar))
            }
        }
    }

    /// The scalar (or lone surrogate) at `index` and its length; a byte that is part of neither becomes U+DC80 and up.
    private static func scalar(in utf8: [UInt8], at index: Int) -> (UInt32, Int) {
        let lead = UInt32(utf8[index])
        func tail(_ offset: Int) -> UInt32? {
            guard index + offset < utf8.count, utf8[index + offset] & 0xC0 == 0x80 else { return nil }
            return UInt32(utf8[index + offset] & 0x3F)
        }
        if lead < 0x80 { return (lead, 1) }
        if lead >= 0xC2, lead < 0xE0, let a = tail(1) { return ((lead & 0x1F) << 6 | a, 2) }
        if lead >= 0xE0, lead < 0xF0, let a = tail(1), let b = tail(2) {
            let scalar = (lead & 0x0F) << 12 | a << 6 | b
            // The three-byte form of U+DC80...U+DCFF would come back as a byte: so it is three bytes, each for itself.
            if scalar >= 0x800, !(0xDC80...0xDCFF).contains(scalar) { return (scalar, 3) }
        }
        if lead >= 0xF0, lead < 0xF5, let a = tail(1), let b = tail(2), let c = tail(3) {
            let scalar = (lead & 0x07) << 18 | a << 12 | b << 6 | c
            if scalar >= 0x10000, scalar <= 0x10FFFF { return (scalar, 4) }
        }
        return (0xDC00 + lead, 1)
    }
}

extension PDUBuffer {
    /// A name in UTF-16LE, without terminator.
    public func append(utf16 name: NTName) {
        reserve(name.utf8.count * 2)
        name.forEachUTF16 { append($0) }
    }
}
