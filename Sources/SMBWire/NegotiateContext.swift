import NTTypes
import Platform

/// SMB2 NEGOTIATE_CONTEXT, [MS-SMB2] 2.2.3.1. Algorithms stay raw: unknown ones are skipped by whoever chooses.
public enum NegotiateContext: Equatable, Sendable {
    case preauthIntegrity(algorithms: [UInt16], salt: [UInt8])
    case encryption(ciphers: [UInt16])
    case compression(algorithms: [UInt16], flags: UInt32)
    case netName([UInt8])
    case transport(flags: UInt32)
    case rdmaTransform(ids: [UInt16])
    case signing(algorithms: [UInt16])
    /// The SMB3 POSIX extensions: 16 bytes that name the version.
    case posix(GUID)
    case other(type: UInt16, data: [UInt8])

    /// More than any client sends.
    static let countMax = 32

    public var type: UInt16 {
        switch self {
        case .preauthIntegrity: 1
        case .encryption: 2
        case .compression: 3
        case .netName: 5
        case .transport: 6
        case .rdmaTransform: 7
        case .signing: 8
        case .posix: 0x100
        case .other(let type, _): type
        }
    }

    /// The list that NegotiateContextOffset and -Count name.
    static func decodeList(_ bytes: RawSpan, offset: Int, count: Int) throws(WireError) -> [NegotiateContext] {
        guard count <= countMax else { throw .invalid("NegotiateContextCount") }
        guard count > 0 else { return [] }
        guard offset % 8 == 0, offset >= SMB2Header.byteCount, offset <= bytes.byteCount else {
            throw .invalid("NegotiateContextOffset")
        }
        var contexts: [NegotiateContext] = []
        var reader = WireReader(bytes, at: offset)
        for index in 0..<count {
            if index > 0 { try reader.skip((8 - reader.offset % 8) % 8) }
            let type = try reader.read(UInt16.self)
            let length = try reader.read(UInt16.self)
            try reader.skip(4)
            let data = try reader.read(byteCount: Int(length))
            contexts.append(try NegotiateContext(type: type, data: data))
        }
        return contexts
    }

    private init(type: UInt16, data: RawSpan) throws(WireError) {
        var reader = WireReader(data)
        switch type {
        case 1:
            let count = try reader.read(UInt16.self)
            let saltLength = try reader.read(UInt16.self)
            let algorithms = try Self.list(count, &reader)
            self = .preauthIntegrity(algorithms: algorithms, salt: try reader.read(byteCount: Int(saltLength)).array)
        case 2: self = .encryption(ciphers: try Self.list(try reader.read(), &reader))
        case 3:
            let count = try reader.read(UInt16.self)
            try reader.skip(2)
            let flags = try reader.read(UInt32.self)
            self = .compression(algorithms: try Self.list(count, &reader), flags: flags)
        case 5: self = .netName(data.array)
        case 6: self = .transport(flags: try reader.read())
        case 7:
            let count = try reader.read(UInt16.self)
            try reader.skip(6)
            self = .rdmaTransform(ids: try Self.list(count, &reader))
        case 8: self = .signing(algorithms: try Self.list(try reader.read(), &reader))
        case 0x100: self = .posix(try reader.readGUID())
        default: self = .other(type: type, data: data.array)
        }
    }

    private static func list(_ count: UInt16, _ reader: inout WireReader) throws(WireError) -> [UInt16] {
        var values: [UInt16] = []
        for _ in 0..<count { values.append(try reader.read()) }
        return values
    }

    static func encode(_ contexts: [NegotiateContext], into buffer: PDUBuffer, headerStart: Int) {
        for (index, context) in contexts.enumerated() {
            if index > 0 { buffer.align(to: 8, from: headerStart) }
            let start = buffer.count
            buffer.append(context.type)
            buffer.append(0 as UInt16)
            buffer.append(0 as UInt32)
            context.encodeData(into: buffer)
            buffer.patch(UInt16(buffer.count - start - 8), at: start + 2)
        }
    }

    private func encodeData(into buffer: PDUBuffer) {
        func append(_ values: [UInt16]) { for value in values { buffer.append(value) } }
        switch self {
        case .preauthIntegrity(let algorithms, let salt):
            append([UInt16(algorithms.count), UInt16(salt.count)] + algorithms)
            buffer.append(salt)
        case .encryption(let ids), .signing(let ids): append([UInt16(ids.count)] + ids)
        case .compression(let algorithms, let flags):
            append([UInt16(algorithms.count), 0])
            buffer.append(flags)
            append(algorithms)
        case .netName(let data): buffer.append(data)
        case .transport(let flags): buffer.append(flags)
        case .rdmaTransform(let ids): append([UInt16(ids.count), 0, 0, 0] + ids)
        case .posix(let version): buffer.append(version)
        case .other(_, let data): buffer.append(data)
        }
    }
}

/// Hash algorithms of the preauthentication integrity context, [MS-SMB2] 2.2.3.1.1.
public enum HashAlgorithm: UInt16, Sendable {
    case sha512 = 1
}
