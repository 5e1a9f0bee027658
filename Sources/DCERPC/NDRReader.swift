/// How values are laid out: NDR of C706 chapter 14, or NDR64 of [MS-RPCE] 2.2.5, which widens counts and pointers.
public enum TransferSyntax: Sendable {
    case ndr, ndr64
    /// Bytes of a pointer and of a conformance.
    var wordByteCount: Int { self == .ndr ? 4 : 8 }
}

/// A cursor over the stub of a request, which it cannot leave.
public struct NDRReader: Sendable {
    let bytes: ArraySlice<UInt8>
    let syntax: TransferSyntax
    /// The sender's byte order, C706 14.1: the reader makes it right.
    let isBigEndian: Bool
    private let elementCountMax: Int
    private(set) var offset = 0

    public init(
        _ bytes: ArraySlice<UInt8>, syntax: TransferSyntax = .ndr, isBigEndian: Bool = false,
        elementCountMax: Int = RPCLimits().elementCountMax
    ) {
        self.bytes = bytes
        self.syntax = syntax
        self.isBigEndian = isBigEndian
        self.elementCountMax = elementCountMax
    }

    var remainingByteCount: Int { bytes.count - offset }

    /// Alignment counts from the start of the stub.
    mutating func align(_ byteCount: Int) throws(RPCFault) {
        let rest = offset % byteCount
        guard rest != 0 else { return }
        try skip(byteCount - rest)
    }
    /// To where something starts that holds pointers.
    mutating func alignToWord() throws(RPCFault) { try align(syntax.wordByteCount) }

    mutating func skip(_ byteCount: Int) throws(RPCFault) {
        guard byteCount >= 0, byteCount <= remainingByteCount else { throw .badStubData }
        offset += byteCount
    }

    mutating func read(byteCount: Int) throws(RPCFault) -> ArraySlice<UInt8> {
        let start = bytes.startIndex + offset
        try skip(byteCount)
        return bytes[start..<start + byteCount]
    }

    /// A number at its natural alignment.
    mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(RPCFault) -> Value {
        try align(Value.bitWidth / 8)
        let part = try read(byteCount: Value.bitWidth / 8)
        var value: Value = 0
        for (index, byte) in part.enumerated() {
            let place = isBigEndian ? part.count - 1 - index : index
            value |= Value(truncatingIfNeeded: byte) << (place * 8)
        }
        return value
    }

    /// A 16-bit enumeration, which NDR64 widens to 32.
    mutating func enumeration() throws(RPCFault) -> UInt16 {
        guard syntax == .ndr64 else { return try number() }
        guard let value = UInt16(exactly: try number(UInt32.self)) else { throw .badStubData }
        return value
    }

    /// A conformance, offset or length of an array.
    mutating func count() throws(RPCFault) -> Int {
        let value = syntax == .ndr ? UInt64(try number(UInt32.self)) : try number(UInt64.self)
        guard let count = Int(exactly: value), count <= Int(UInt32.max) else { throw .badStubData }
        return count
    }

    /// The number of elements to follow, each of at least one byte, so that the stub itself bounds it.
    mutating func elementCount() throws(RPCFault) -> Int {
        let value = try count()
        guard value <= elementCountMax, value <= remainingByteCount else { throw .badStubData }
        return value
    }

    /// Whether something stands behind a unique pointer.
    mutating func pointer() throws(RPCFault) -> Bool {
        syntax == .ndr ? try number(UInt32.self) != 0 : try number(UInt64.self) != 0
    }

    /// The text of a conformant and varying array of UTF-16 code units, without the terminator.
    mutating func string() throws(RPCFault) -> String {
        let maximum = try count()
        let first = try count()
        let length = try count()
        guard first == 0, length <= maximum else { throw .badStubData }
        var units = try codeUnits(length)
        if units.last == 0 { units.removeLast() }
        return String(decoding: units, as: UTF16.self)
    }

    private mutating func codeUnits(_ length: Int) throws(RPCFault) -> [UInt16] {
        guard length <= remainingByteCount / 2 else { throw .badStubData }
        var units: [UInt16] = []
        units.reserveCapacity(length)
        for _ in 0..<length { units.append(try number()) }
        return units
    }

    /// A text behind a unique pointer, as top-level parameters are: pointer and pointee in one place.
    mutating func optionalString() throws(RPCFault) -> String? { try pointer() ? try string() : nil }

    /// RPC_UNICODE_STRING's fixed part, [MS-DTYP] 2.3.10; the text follows where the structure's pointees do.
    mutating func unicodeStringHeader() throws(RPCFault) -> UnicodeStringHeader {
        try alignToWord()
        let length = try number(UInt16.self)
        let maximum = try number(UInt16.self)
        guard length % 2 == 0, length <= maximum else { throw .badStubData }
        return UnicodeStringHeader(codeUnitCount: Int(length / 2), hasText: try pointer())
    }
    struct UnicodeStringHeader {
        let codeUnitCount: Int
        let hasText: Bool
    }
    /// The text that belongs to a header; empty where there is none.
    mutating func text(of header: UnicodeStringHeader) throws(RPCFault) -> String {
        guard header.hasText else { return "" }
        let maximum = try count()
        let first = try count()
        let length = try count()
        guard first == 0, length <= maximum, length == header.codeUnitCount else { throw .badStubData }
        return String(decoding: try codeUnits(length), as: UTF16.self)
    }

    /// RPC_SID, [MS-DTYP] 2.4.2.3: the number of subauthorities stands before it once more.
    mutating func sid() throws(RPCFault) -> SID {
        let conformance = try count()
        try align(4)
        guard try number(UInt8.self) == 1 else { throw .badStubData }
        let count = Int(try number(UInt8.self))
        guard count == conformance, count <= SID.subauthorityCountMax else { throw .badStubData }
        let authority = try read(byteCount: 6).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        var subauthorities: [UInt32] = []
        for _ in 0..<count { subauthorities.append(try number()) }
        return SID(authority: authority, subauthorities: subauthorities)
    }

    /// A context handle, C706 appendix N: 20 bytes.
    mutating func handle() throws(RPCFault) -> ContextHandle {
        try align(4)
        guard try number(UInt32.self) == 0 else {
            try skip(16)
            return .null
        }
        return ContextHandle(low: try rawNumber(), high: try rawNumber())
    }

    /// Eight bytes as they come: handles are ours, whatever the sender's byte order.
    private mutating func rawNumber() throws(RPCFault) -> UInt64 {
        try read(byteCount: 8).enumerated().reduce(0) { $0 | UInt64($1.element) << ($1.offset * 8) }
    }
}
