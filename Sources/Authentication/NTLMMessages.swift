import NTTypes

/// The NT LAN Manager protocol, [MS-NLMP]: what its messages have in common.
enum NTLM {
    /// The bytes are not the message that they should be.
    struct Malformed: Error {}

    /// "NTLMSSP" and a zero, which every message begins with, 2.2.1.
    static let signature: [UInt8] = Array("NTLMSSP".utf8) + [0]

    /// Longest NEGOTIATE_MESSAGE, in bytes: 40, and two names, 2.2.1.1. Strangers send it, and it is kept until the
    /// login is done, for its MIC.
    static let negotiateByteCountMax = 1024

    static func hasSignature(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature) }

    /// NEGOTIATE flags, 2.2.2.5.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt32
        static let unicode = Flags(rawValue: 0x1)
        static let oem = Flags(rawValue: 0x2)
        static let requestTarget = Flags(rawValue: 0x4)
        static let sign = Flags(rawValue: 0x10)
        static let seal = Flags(rawValue: 0x20)
        static let ntlm = Flags(rawValue: 0x200)
        static let anonymous = Flags(rawValue: 0x800)
        static let alwaysSign = Flags(rawValue: 0x8000)
        static let targetTypeServer = Flags(rawValue: 0x2_0000)
        static let extendedSessionSecurity = Flags(rawValue: 0x8_0000)
        static let targetInfo = Flags(rawValue: 0x80_0000)
        static let version = Flags(rawValue: 0x200_0000)
        static let key128 = Flags(rawValue: 0x2000_0000)
        static let keyExchange = Flags(rawValue: 0x4000_0000)
        static let key56 = Flags(rawValue: 0x8000_0000)
    }

    /// VERSION, 2.2.2.10: only for debugging; the last byte is NTLMSSP_REVISION_W2K3.
    static let version: [UInt8] = [6, 1, 0, 0, 0, 0, 0, 0x0F]

    /// Checks signature and type.
    static func reader(_ bytes: [UInt8], type: UInt32) throws(Malformed) -> MessageReader {
        guard hasSignature(bytes) else { throw Malformed() }
        let reader = MessageReader(bytes: bytes)
        guard try reader.integer(at: 8, as: UInt32.self) == type else { throw Malformed() }
        return reader
    }
}

/// Reads a message at offsets that it may name itself; nothing outside it can be reached.
struct MessageReader {
    let bytes: [UInt8]

    func integer<Value: FixedWidthInteger>(
        at offset: Int, as type: Value.Type = Value.self
    ) throws(NTLM.Malformed) -> Value {
        let slice = try slice(offset: offset, count: MemoryLayout<Value>.size)
        return slice.reversed().reduce(0) { $0 << 8 | Value($1) }
    }

    func slice(offset: Int, count: Int) throws(NTLM.Malformed) -> ArraySlice<UInt8> {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw NTLM.Malformed()
        }
        return bytes[offset..<offset + count]
    }

    /// A payload by its length, maximum length (ignored, 2.2.1.1) and offset. Without a length the offset is ignored
    /// too.
    func payload(at offset: Int) throws(NTLM.Malformed) -> [UInt8] {
        let count = Int(try integer(at: offset, as: UInt16.self))
        let start = try integer(at: offset + 4, as: UInt32.self)
        return count == 0 ? [] : Array(try slice(offset: Int(start), count: count))
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        for shift in 0..<MemoryLayout<Value>.size { append(UInt8(truncatingIfNeeded: value >> Value(shift * 8))) }
    }

    /// Length, maximum length and offset of a payload.
    mutating func append(fieldOfCount count: Int, offset: inout Int) {
        append(littleEndian: UInt16(count))
        append(littleEndian: UInt16(count))
        append(littleEndian: UInt32(offset))
        offset += count
    }

    init(utf16 string: String) {
        self = string.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    /// As UTF-16LE code units; an odd byte at the end is left out.
    var utf16Units: [UInt16] {
        stride(from: 0, to: count - 1, by: 2).map { UInt16(self[$0]) | UInt16(self[$0 + 1]) << 8 }
    }
}

/// NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1.
struct NegotiateMessage: Equatable {
    var flags: NTLM.Flags

    init(flags: NTLM.Flags) { self.flags = flags }

    /// The names in it are of no use to anyone; clients leave out the end of the message at will.
    init(_ bytes: [UInt8]) throws(NTLM.Malformed) {
        guard bytes.count <= NTLM.negotiateByteCountMax else { throw NTLM.Malformed() }
        flags = NTLM.Flags(rawValue: try NTLM.reader(bytes, type: 1).integer(at: 12))
    }

    var bytes: [UInt8] {
        var bytes = NTLM.signature
        bytes.append(littleEndian: 1 as UInt32)
        bytes.append(littleEndian: flags.rawValue)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: 16))
        if flags.contains(.version) { bytes.append(contentsOf: NTLM.version) }
        return bytes
    }
}

/// CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2.
struct ChallengeMessage: Equatable {
    var flags: NTLM.Flags
    /// 8 bytes.
    var challenge: [UInt8]
    /// As encoded.
    var targetName: [UInt8]
    /// AV pairs, as encoded.
    var targetInfo: [UInt8]

    init(flags: NTLM.Flags, challenge: [UInt8], targetName: [UInt8], targetInfo: [UInt8]) {
        self.flags = flags
        self.challenge = challenge
        self.targetName = targetName
        self.targetInfo = targetInfo
    }

    init(_ bytes: [UInt8]) throws(NTLM.Malformed) {
        let reader = try NTLM.reader(bytes, type: 2)
        targetName = try reader.payload(at: 12)
        flags = NTLM.Flags(rawValue: try reader.integer(at: 20))
        challenge = Array(try reader.slice(offset: 24, count: 8))
        targetInfo = flags.contains(.targetInfo) ? try reader.payload(at: 40) : []
    }

    var bytes: [UInt8] {
        var bytes = NTLM.signature
        var offset = 56
        bytes.append(littleEndian: 2 as UInt32)
        bytes.append(fieldOfCount: targetName.count, offset: &offset)
        bytes.append(littleEndian: flags.rawValue)
        bytes.append(contentsOf: challenge)
        bytes.append(littleEndian: 0 as UInt64)
        bytes.append(fieldOfCount: targetInfo.count, offset: &offset)
        bytes.append(contentsOf: flags.contains(.version) ? NTLM.version : [UInt8](repeating: 0, count: 8))
        return bytes + targetName + targetInfo
    }
}

/// AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3.
struct AuthenticateMessage: Equatable {
    /// Where the message integrity code lies, after VERSION, if the client says that there is one.
    static let micRange = 72..<88

    var flags: NTLM.Flags
    var lmResponse: [UInt8]
    var ntResponse: [UInt8]
    /// These three as encoded: in UTF-16LE if `flags` has `unicode`.
    var domain: [UInt8]
    var user: [UInt8]
    var workstation: [UInt8]
    var encryptedSessionKey: [UInt8]

    init(
        flags: NTLM.Flags, lmResponse: [UInt8], ntResponse: [UInt8], domain: [UInt8], user: [UInt8],
        workstation: [UInt8], encryptedSessionKey: [UInt8]
    ) {
        self.flags = flags
        self.lmResponse = lmResponse
        self.ntResponse = ntResponse
        self.domain = domain
        self.user = user
        self.workstation = workstation
        self.encryptedSessionKey = encryptedSessionKey
    }

    init(_ bytes: [UInt8]) throws(NTLM.Malformed) {
        let reader = try NTLM.reader(bytes, type: 3)
        lmResponse = try reader.payload(at: 12)
        ntResponse = try reader.payload(at: 20)
        domain = try reader.payload(at: 28)
        user = try reader.payload(at: 36)
        workstation = try reader.payload(at: 44)
        encryptedSessionKey = try reader.payload(at: 52)
        flags = NTLM.Flags(rawValue: try reader.integer(at: 60))
    }

    /// With room for the integrity code, which is zero.
    var bytes: [UInt8] {
        var bytes = NTLM.signature
        var offset = Self.micRange.upperBound
        bytes.append(littleEndian: 3 as UInt32)
        for field in [lmResponse, ntResponse, domain, user, workstation, encryptedSessionKey] {
            bytes.append(fieldOfCount: field.count, offset: &offset)
        }
        bytes.append(littleEndian: flags.rawValue)
        bytes.append(contentsOf: NTLM.version)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: 16))
        return bytes + lmResponse + ntResponse + domain + user + workstation + encryptedSessionKey
    }

    /// A name in it, for people and account databases.
    func text(_ field: [UInt8]) -> String {
        flags.contains(.unicode)
            ? String(decoding: field.utf16Units, as: UTF16.self) : String(decoding: field, as: UTF8.self)
    }
}

/// AV_PAIR list, [MS-NLMP] 2.2.2.1.
struct TargetInformation: Equatable {
    enum Identifier: UInt16 {
        case endOfList = 0
        case computerName = 1
        case domainName = 2
        case dnsComputerName = 3
        case dnsDomainName = 4
        case flags = 6
        case timestamp = 7
    }

    /// Those before the end of the list. Unknown identifiers are kept.
    var pairs: [(identifier: UInt16, value: [UInt8])] = []

    static func == (left: TargetInformation, right: TargetInformation) -> Bool { left.bytes == right.bytes }

    init() {}

    /// - Throws: if a pair runs over the end, or the list's own end is missing. What follows it is ignored.
    init(_ bytes: some Collection<UInt8>) throws(NTLM.Malformed) {
        let reader = MessageReader(bytes: Array(bytes))
        var offset = 0
        while true {
            let identifier = try reader.integer(at: offset, as: UInt16.self)
            let count = Int(try reader.integer(at: offset + 2, as: UInt16.self))
            if identifier == Identifier.endOfList.rawValue { return }
            pairs.append((identifier, Array(try reader.slice(offset: offset + 4, count: count))))
            offset += 4 + count
        }
    }

    subscript(_ identifier: Identifier) -> [UInt8]? {
        get { pairs.first { $0.identifier == identifier.rawValue }?.value }
        set {
            pairs.removeAll { $0.identifier == identifier.rawValue }
            if let newValue { pairs.append((identifier.rawValue, newValue)) }
        }
    }

    /// MsvAvFlags bit 1: the AUTHENTICATE message has an integrity code.
    static let hasMIC: UInt32 = 2
    var flags: UInt32 {
        guard let value = self[.flags], value.count == 4 else { return 0 }
        return value.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            bytes.append(littleEndian: pair.identifier)
            bytes.append(littleEndian: UInt16(pair.value.count))
            bytes.append(contentsOf: pair.value)
        }
        return bytes + [0, 0, 0, 0]
    }
}
