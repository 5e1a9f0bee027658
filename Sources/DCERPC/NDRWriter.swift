/// Puts the stub of a response together. What stands behind the pointers of a parameter comes after the parameter, in
/// the order of the pointers, each followed by its own pointees: C706 14.3.12.3.
public struct NDRWriter {
    public private(set) var bytes: [UInt8] = []
    let syntax: TransferSyntax
    private var referentCount: UInt32 = 0
    private var pointees: [(inout NDRWriter) -> Void] = []

    public init(syntax: TransferSyntax = .ndr) { self.syntax = syntax }

    mutating func align(_ byteCount: Int) {
        let rest = bytes.count % byteCount
        if rest != 0 { bytes.append(contentsOf: repeatElement(0, count: byteCount - rest)) }
    }
    mutating func alignToWord() { align(syntax.wordByteCount) }

    mutating func append(_ raw: some Collection<UInt8>) { bytes.append(contentsOf: raw) }

    /// A number at its natural alignment, little-endian.
    mutating func number<Value: FixedWidthInteger>(_ value: Value) {
        align(Value.bitWidth / 8)
        for index in 0..<Value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }
    mutating func numbers(_ values: UInt32...) { for value in values { number(value) } }

    /// A 16-bit enumeration, which NDR64 widens to 32.
    mutating func enumeration(_ value: UInt16) {
        if syntax == .ndr { number(value) } else { number(UInt32(value)) }
    }

    /// A conformance, offset or length of an array.
    mutating func count(_ value: Int) {
        if syntax == .ndr { number(UInt32(value)) } else { number(UInt64(value)) }
    }

    // MARK: structures and pointers

    /// A structure that holds pointers. NDR64 also fills it up at its end, [MS-RPCE] 2.2.5.3.4.1.
    mutating func structure(_ body: (inout NDRWriter) -> Void) {
        alignToWord()
        body(&self)
        if syntax == .ndr64 { alignToWord() }
    }

    /// A top-level parameter: what its pointers point to follows it at once.
    mutating func parameter(_ body: (inout NDRWriter) -> Void) {
        body(&self)
        writePointees()
    }

    /// A unique pointer; `pointee` writes what it points to, nil stands for a null pointer.
    mutating func pointer(_ pointee: ((inout NDRWriter) -> Void)?) {
        guard let pointee else {
            count(0)
            return
        }
        count(Int(0x0002_0000 + 4 * referentCount))
        referentCount += 1
        pointees.append(pointee)
    }

    private mutating func writePointees() {
        let waiting = pointees
        pointees = []
        for pointee in waiting {
            pointee(&self)
            writePointees()
        }
    }

    /// A union's discriminant and the alignment of its arms, of which one holds a pointer.
    mutating func discriminant<Level: FixedWidthInteger>(_ level: Level) {
        alignToWord()
        number(level)
        alignToWord()
    }

    /// A conformant array.
    mutating func array<Element>(_ elements: [Element], _ body: (inout NDRWriter, Element) -> Void) {
        count(elements.count)
        for element in elements { body(&self, element) }
    }

    // MARK: common types

    /// A conformant and varying array of UTF-16 code units, with its terminator.
    mutating func string(_ text: String) {
        let units = Array(text.utf16)
        count(units.count + 1)
        count(0)
        count(units.count + 1)
        for unit in units { number(unit) }
        number(0 as UInt16)
    }
    /// A pointer to such a text.
    mutating func stringPointer(_ text: String?) {
        pointer(text.map { text in { $0.string(text) } })
    }

    /// RPC_UNICODE_STRING, [MS-DTYP] 2.3.10: not terminated. nil has no buffer at all.
    /// - Parameter isTerminated: MaximumLength counts a terminator that is not sent (LSA_UNICODE_STRING of names).
    mutating func unicodeString(_ text: String?, isTerminated: Bool = false) {
        let units = Array((text ?? "").utf16.prefix(0x7FFE))
        structure { writer in
            writer.number(UInt16(units.count * 2))
            writer.number(UInt16((units.count + (isTerminated ? 1 : 0)) * 2))
            writer.pointer(
                text == nil
                    ? nil
                    : { writer in
                        writer.count(units.count + (isTerminated ? 1 : 0))
                        writer.count(0)
                        writer.count(units.count)
                        for unit in units { writer.number(unit) }
                    })
        }
    }

    /// RPC_SID, [MS-DTYP] 2.4.2.3.
    mutating func sid(_ sid: SID) {
        count(sid.subauthorities.count)
        align(4)
        append(sid.encoded)
    }
    mutating func sidPointer(_ sid: SID?) { pointer(sid.map { sid in { $0.sid(sid) } }) }

    mutating func handle(_ handle: ContextHandle) {
        number(0 as UInt32)
        for value in [handle.low, handle.high] {
            for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
        }
    }
}
