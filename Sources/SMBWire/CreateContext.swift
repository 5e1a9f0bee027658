import NTTypes
import Platform

/// The name of a create context, [MS-SMB2] 2.2.13.2: four ASCII characters, or 16 bytes.
public enum CreateContextName: Hashable, Sendable {
    case tag(UInt32)
    case guid(GUID)
    /// A name of another length; nobody's.
    case unknown

    private static func tag(_ text: StaticString) -> CreateContextName {
        var value: UInt32 = 0
        // SAFETY: a static string lives for ever and has `utf8CodeUnitCount` bytes.
        for index in 0..<4 { value |= unsafe UInt32(text.utf8Start[index]) << (8 * UInt32(index)) }
        return .tag(value)
    }
    public static let extendedAttributes = tag("ExtA")
    public static let securityDescriptor = tag("SecD")
    public static let durableHandleRequest = tag("DHnQ")
    public static let durableHandleReconnect = tag("DHnC")
    public static let allocationSize = tag("AlSi")
    public static let queryMaximalAccess = tag("MxAc")
    public static let timewarp = tag("TWrp")
    public static let queryOnDiskID = tag("QFid")
    public static let lease = tag("RqLs")
    public static let durableHandleRequestV2 = tag("DH2Q")
    public static let durableHandleReconnectV2 = tag("DH2C")
    public static let apple = tag("AAPL")
    /// 45BCA66A-EFA7-F74A-9008-FA462E144D74.
    public static let appInstanceID = guid(GUID(low: 0x4AF7_A7EF_6AA6_BC45, high: 0x744D_142E_46FA_0890))
    /// B982D0B7-3B56-074F-A07B-524A8116A010.
    public static let appInstanceVersion = guid(GUID(low: 0x4F07_563B_B7D0_82B9, high: 0x10A0_1681_4A52_7BA0))
    /// 93AD25509CB411E7B42383DE968BCD7C: the SMB3 POSIX extensions.
    public static let posix = guid(GUID(low: 0xE711_B49C_5025_AD93, high: 0x7CCD_8B96_DE83_23B4))

    init(_ bytes: RawSpan) {
        var reader = WireReader(bytes)
        switch bytes.byteCount {
        case 4: self = (try? reader.read(UInt32.self)).map { .tag($0) } ?? .unknown
        case 16: self = (try? reader.readGUID()).map { .guid($0) } ?? .unknown
        default: self = .unknown
        }
    }

    func encode(into buffer: PDUBuffer) {
        switch self {
        case .tag(let tag): buffer.append(tag)
        case .guid(let guid): buffer.append(guid)
        case .unknown: break
        }
    }
    var byteCount: Int {
        switch self {
        case .tag: 4
        case .guid: 16
        case .unknown: 0
        }
    }
}

/// One create context with its data, to be sent.
public struct CreateContext: Equatable, Sendable {
    public var name: CreateContextName
    public var data: [UInt8]
    public init(name: CreateContextName, data: [UInt8]) {
        self.name = name
        self.data = data
    }

    /// Appends a chain; `buffer` is 8-byte aligned where it begins.
    static func encode(_ contexts: [CreateContext], into buffer: PDUBuffer) {
        let chainStart = buffer.count
        for (index, context) in contexts.enumerated() {
            let start = buffer.count
            buffer.append(0 as UInt32)
            buffer.append(16 as UInt16)
            buffer.append(UInt16(context.name.byteCount))
            buffer.append(0 as UInt16)
            buffer.append(0 as UInt16)
            buffer.append(UInt32(context.data.count))
            context.name.encode(into: buffer)
            buffer.align(to: 8, from: chainStart)
            if !context.data.isEmpty { buffer.patch(UInt16(buffer.count - start), at: start + 10) }
            buffer.append(context.data)
            if index < contexts.count - 1 {
                buffer.align(to: 8, from: chainStart)
                buffer.patch(UInt32(buffer.count - start), at: start)
            }
        }
    }
}

/// Walks a chain of create contexts, [MS-SMB2] 2.2.13.2.
public struct CreateContextReader: ~Escapable {
    private let chain: RawSpan
    private var start = 0
    private var isAtEnd: Bool
    private var count = 0
    /// More than there are kinds; a longer chain is an attack.
    private static var countMax: Int { 64 }
    /// Of the context that `next` moved to.
    public private(set) var name: CreateContextName = .unknown
    public private(set) var data: RawSpan

    @_lifetime(copy chain)
    public init(_ chain: RawSpan) {
        self.chain = chain
        data = chain.extracting(0..<0)
        isAtEnd = chain.byteCount == 0
    }

    /// Moves on. - Returns: false at the end.
    @_lifetime(self: copy self)
    public mutating func next() throws(WireError) -> Bool {
        guard !isAtEnd else { return false }
        guard count < Self.countMax else { throw .invalid("too many create contexts") }
        count += 1
        var reader = WireReader(chain, at: start)
        let next = try Int(reader.read(UInt32.self))
        let nameOffset = try Int(reader.read(UInt16.self))
        let nameLength = try Int(reader.read(UInt16.self))
        try reader.skip(2)
        let dataOffset = try Int(reader.read(UInt16.self))
        let dataLength = try Int(reader.read(UInt32.self))
        // A context ends where the next begins: nothing in it may reach further.
        guard next % 8 == 0, next == 0 || (next >= 16 && next <= chain.byteCount - start) else {
            throw .invalid("Next")
        }
        let end = next == 0 ? chain.byteCount : start + next
        let whole = WireReader(chain.extracting(start..<end))
        guard nameOffset >= 16, nameLength >= 4 else { throw .invalid("NameOffset") }
        guard dataLength == 0 || dataOffset >= nameOffset + nameLength else { throw .invalid("DataOffset") }
        name = CreateContextName(try whole.slice(offset: nameOffset, length: nameLength))
        data = try whole.slice(offset: dataOffset, length: dataLength)
        isAtEnd = next == 0
        start += next
        return true
    }
}
