import NTTypes

/// p_syntax_id_t of C706 12.6.3.1: an interface or a transfer syntax, and its version.
struct SyntaxIdentifier: Hashable {
    var uuid: GUID
    /// Minor version in the upper half.
    var version: UInt32

    static let ndr = SyntaxIdentifier(uuid: GUID(0x8A88_5D04, 0x1CEB, 0x11C9, 0x9FE8_0800_2B10_4860), version: 2)
    static let ndr64 = SyntaxIdentifier(uuid: GUID(0x7171_0533, 0xBEBA, 0x4937, 0x8319_B5DB_EF9C_CC36), version: 1)
    static let none = SyntaxIdentifier(uuid: .zero, version: 0)

    /// Bind-time feature negotiation, [MS-RPCE] 2.2.2.14: a prefix, with the client's features behind it.
    var proposedFeatures: UInt64? {
        uuid.low == 0x4540_9812_6CB7_1C2C && version == 1 ? uuid.high : nil
    }
}

extension GUID {
    /// As it is written: 00112233-4455-6677-8899-AABBCCDDEEFF.
    init(_ first: UInt32, _ second: UInt16, _ third: UInt16, _ rest: UInt64) {
        self.init(low: UInt64(first) | UInt64(second) << 32 | UInt64(third) << 48, high: rest.byteSwapped)
    }
}

extension NDRReader {
    mutating func guid() throws(RPCFault) -> GUID {
        let first = try number(UInt32.self)
        let second = try number(UInt16.self)
        let third = try number(UInt16.self)
        let rest = try read(byteCount: 8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return GUID(first, second, third, rest)
    }
    mutating func syntaxIdentifier() throws(RPCFault) -> SyntaxIdentifier {
        SyntaxIdentifier(uuid: try guid(), version: try number())
    }
}

extension NDRWriter {
    mutating func guid(_ guid: GUID) {
        align(4)
        for half in [guid.low, guid.high] {
            for index in 0..<8 { append(CollectionOfOne(UInt8(truncatingIfNeeded: half >> (index * 8)))) }
        }
    }
    mutating func syntaxIdentifier(_ syntax: SyntaxIdentifier) {
        guid(syntax.uuid)
        number(syntax.version)
    }
}
