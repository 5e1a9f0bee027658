import FileStore
import NTTypes
import Platform
import SMBWire

/// SECURITY_INFORMATION, [MS-DTYP] 2.4.7: the parts of a security descriptor.
struct SecurityParts: OptionSet {
    let rawValue: UInt32
    static var owner: Self { .init(rawValue: 1) }
    static var group: Self { .init(rawValue: 2) }
    static var dacl: Self { .init(rawValue: 4) }
    static var sacl: Self { .init(rawValue: 8) }
    static var label: Self { .init(rawValue: 0x10) }
    static var attribute: Self { .init(rawValue: 0x20) }
    static var scope: Self { .init(rawValue: 0x40) }
    static var backup: Self { .init(rawValue: 0x1_0000) }

    /// [MS-FSA] 2.1.5.14: who wants to read these must have been granted it.
    var accessToQuery: AccessMask {
        var access: AccessMask = []
        if !isDisjoint(with: [.owner, .group, .dacl, .label, .attribute, .scope, .backup]) {
            access.insert(.readControl)
        }
        if !isDisjoint(with: [.sacl, .backup]) { access.insert(.accessSystemSecurity) }
        return access
    }
    /// [MS-FSA] 2.1.5.17: who wants to change these must have been granted it.
    var accessToSet: AccessMask {
        var access: AccessMask = []
        if !isDisjoint(with: [.owner, .group, .label, .backup]) { access.insert(.writeOwner) }
        if !isDisjoint(with: [.dacl, .attribute, .backup]) { access.insert(.writeDAC) }
        if !isDisjoint(with: [.sacl, .scope, .backup]) { access.insert(.accessSystemSecurity) }
        return access
    }
}

/// A self-relative security descriptor seen from outside: [MS-DTYP] 2.4.6.
struct SelfRelativeDescriptor {
    let bytes: [UInt8]
    let control: UInt16
    let owner, group, sacl, dacl: Range<Int>?

    static var headerByteCount: Int { 20 }

    /// - Throws: `.invalidSecurityDescriptor` if an offset leads out of it, or a part is longer than what there is.
    init(_ bytes: [UInt8]) throws(NTStatus) {
        guard bytes.count >= Self.headerByteCount, bytes[0] == 1, bytes[3] & 0x80 != 0 else {
            throw .invalidSecurityDescriptor
        }
        self.bytes = bytes
        control = bytes.littleEndian16(at: 2)
        owner = try Self.identifier(bytes, bytes.littleEndian32(at: 4))
        group = try Self.identifier(bytes, bytes.littleEndian32(at: 8))
        sacl = try control & Self.saclPresent == 0 ? nil : Self.list(bytes, bytes.littleEndian32(at: 12))
        dacl = try control & Self.daclPresent == 0 ? nil : Self.list(bytes, bytes.littleEndian32(at: 16))
    }

    private static var daclPresent: UInt16 { 0x4 }
    private static var saclPresent: UInt16 { 0x10 }
    /// Present, defaulted, automatic inheritance required and done, protected.
    private static var daclControl: UInt16 { 0x4 | 0x8 | 0x100 | 0x400 | 0x1000 }
    private static var saclControl: UInt16 { 0x10 | 0x20 | 0x200 | 0x800 | 0x2000 }

    /// A SID, [MS-DTYP] 2.4.2: 8 bytes and 4 for each of at most 15 subauthorities.
    private static func identifier(_ bytes: [UInt8], _ offset: UInt32) throws(NTStatus) -> Range<Int>? {
        guard offset != 0 else { return nil }
        let start = Int(offset)
        guard start >= headerByteCount, start + 8 <= bytes.count, bytes[start] == 1, bytes[start + 1] <= 15 else {
            throw .invalidSecurityDescriptor
        }
        let end = start + 8 + 4 * Int(bytes[start + 1])
        guard end <= bytes.count else { throw .invalidSecurityDescriptor }
        return start..<end
    }

    /// An ACL, [MS-DTYP] 2.4.5, whose entries fill no more than its size.
    private static func list(_ bytes: [UInt8], _ offset: UInt32) throws(NTStatus) -> Range<Int>? {
        guard offset != 0 else { return nil }
        let start = Int(offset)
        guard start >= headerByteCount, start + 8 <= bytes.count else { throw .invalidSecurityDescriptor }
        let end = start + Int(bytes.littleEndian16(at: start + 2))
        guard end >= start + 8, end <= bytes.count else { throw .invalidACL }
        var at = start + 8
        for _ in 0..<bytes.littleEndian16(at: start + 4) {
            guard at + 4 <= end else { throw .invalidACL }
            let byteCount = Int(bytes.littleEndian16(at: at + 2))
            guard byteCount >= 4, at + byteCount <= end else { throw .invalidACL }
            at += byteCount
        }
        return start..<end
    }

    /// A descriptor with only these parts.
    func selecting(_ parts: SecurityParts) -> [UInt8] {
        let all = parts.contains(.backup)
        var kept = control
        if !parts.contains(.dacl), !all { kept &= ~Self.daclControl }
        if !parts.contains(.sacl), !all { kept &= ~Self.saclControl }
        var result: [UInt8] = [1, bytes[1], UInt8(truncatingIfNeeded: kept), UInt8(truncatingIfNeeded: kept >> 8)]
        result.append(contentsOf: [UInt8](repeating: 0, count: 16))
        let chosen: [(part: SecurityParts, range: Range<Int>?, field: Int)] = [
            (.owner, owner, 4), (.group, group, 8), (.sacl, sacl, 12), (.dacl, dacl, 16),
        ]
        for (part, range, field) in chosen {
            guard parts.contains(part) || all, let range else { continue }
            var offset = UInt32(result.count)
            for index in field..<field + 4 {
                result[index] = UInt8(truncatingIfNeeded: offset)
                offset >>= 8
            }
            result.append(contentsOf: bytes[range])
        }
        return result
    }
}

extension QueryInfoHandler {
    /// [MS-SMB2] 3.3.5.20.3.
    static func encodeSecurityInformation(
        _ query: InformationQuery, of open: Open, into output: OutputBuffer, in context: inout RequestContext
    ) throws(NTStatus) {
        let parts = SecurityParts(rawValue: query.additionalInformation)
        try open.require(parts.accessToQuery)
        let whole = try SelfRelativeDescriptor(try open.file.securityDescriptor(as: open.credentials))
        let descriptor = whole.selecting(parts)
        // All or nothing: too small a buffer is told how large it must be, in 4 bytes of error data, 2.2.2.
        guard descriptor.count <= output.limit else {
            context.errorResponse = ErrorResponse(requiredBufferLength: UInt32(descriptor.count))
            throw .bufferTooSmall
        }
        output.reply.append(descriptor)
    }
}
