extension NTName {
    /// The name by which it is found where case does not count: every letter a capital, [MS-FSA] 2.1.4.2.
    public var folded: NTName {
        let bytes = utf8.span
        var folded: [UInt8] = []
        folded.reserveCapacity(bytes.count)
        var offset = 0
        while offset < bytes.count {
            let (scalar, byteCount) = Self.decode(bytes, at: offset)
            let upper = Self.upcased(scalar)
            if upper == scalar {
                for index in offset..<offset + byteCount { folded.append(bytes[index]) }
            } else if let letter = Unicode.Scalar(upper) {
                folded.append(contentsOf: UTF8.encode(letter).map { Array($0) } ?? [])
            }
            offset += byteCount
        }
        return NTName(utf8: folded)
    }

    /// The scalar at `offset` and how many bytes it takes. Generalised UTF-8 (see `NTName`); a byte that cannot start
    /// or continue one stands for the low surrogate that the wire shows for it, U+DC80 and up.
    @inlinable
    public static func decode(_ bytes: Span<UInt8>, at offset: Int) -> (scalar: UInt32, byteCount: Int) {
        let first = bytes[offset]
        if first < 0x80 { return (UInt32(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first <= 0xF4, offset + length <= bytes.count else { return (0xDC00 + UInt32(first), 1) }
        var scalar = UInt32(first) & (0x7F >> UInt32(length))
        for index in offset + 1..<offset + length {
            guard bytes[index] & 0xC0 == 0x80 else { return (0xDC00 + UInt32(first), 1) }
            scalar = scalar << 6 | UInt32(bytes[index] & 0x3F)
        }
        let least: UInt32 = length == 4 ? 0x1_0000 : length == 3 ? 0x800 : 0x80
        return scalar >= least && scalar <= 0x10_FFFF ? (scalar, length) : (0xDC00 + UInt32(first), 1)
    }

    /// What stands for `scalar` when names are compared without regard to case: the same for all letters that Unicode's
    /// simple case folding takes for one.
    @inlinable
    public static func folded(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return scalar &- 0x41 < 26 ? scalar | 0x20 : scalar }
        return CaseFolding.folded(scalar)
    }

    /// The capital letter that NTFS's upcase table has for `scalar`: simple one-to-one mappings only, so that "ß"
    /// stays.
    @inlinable
    static func upcased(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return scalar &- 0x61 < 26 ? scalar &- 32 : scalar }
        return upcasedBeyondASCII(scalar)
    }

    @usableFromInline
    static func upcasedBeyondASCII(_ scalar: UInt32) -> UInt32 {
        guard let letter = Unicode.Scalar(scalar) else { return scalar }
        var mapped = letter.properties.uppercaseMapping.unicodeScalars.makeIterator()
        guard let first = mapped.next(), mapped.next() == nil else { return scalar }
        return first.value
    }
}
