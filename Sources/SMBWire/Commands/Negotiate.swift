import NTTypes
import Platform

/// SecurityMode of NEGOTIATE and SESSION_SETUP, [MS-SMB2] 2.2.3.
public struct NegotiateSecurityMode: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static var signingEnabled: Self { .init(rawValue: 1) }
    @inlinable public static var signingRequired: Self { .init(rawValue: 2) }
}

/// Capabilities of either end, [MS-SMB2] 2.2.3.
public struct ServerCapabilities: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var dfs: Self { .init(rawValue: 0x01) }
    @inlinable public static var leasing: Self { .init(rawValue: 0x02) }
    @inlinable public static var largeMTU: Self { .init(rawValue: 0x04) }
    @inlinable public static var multiChannel: Self { .init(rawValue: 0x08) }
    @inlinable public static var persistentHandles: Self { .init(rawValue: 0x10) }
    @inlinable public static var directoryLeasing: Self { .init(rawValue: 0x20) }
    @inlinable public static var encryption: Self { .init(rawValue: 0x40) }
    @inlinable public static var notifications: Self { .init(rawValue: 0x80) }
}

/// SMB2 NEGOTIATE Request, [MS-SMB2] 2.2.3.
public struct NegotiateRequest: Equatable, Sendable {
    public static let structureSize: UInt16 = 36
    /// More than any client has; what is beyond is refused.
    static let dialectCountMax = 64
    public var securityMode: NegotiateSecurityMode
    public var capabilities: ServerCapabilities
    public var clientGUID: GUID
    /// Raw, as the client lists them.
    public var dialects: [UInt16]
    /// Present when 3.1.1 is among the dialects.
    public var contexts: [NegotiateContext]

    public init(
        securityMode: NegotiateSecurityMode, capabilities: ServerCapabilities, clientGUID: GUID, dialects: [UInt16],
        contexts: [NegotiateContext] = []
    ) {
        self.securityMode = securityMode
        self.capabilities = capabilities
        self.clientGUID = clientGUID
        self.dialects = dialects
        self.contexts = contexts
    }

    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        let dialectCount = try reader.read(UInt16.self)
        securityMode = NegotiateSecurityMode(rawValue: try reader.read())
        try reader.skip(2)
        capabilities = ServerCapabilities(rawValue: try reader.read())
        clientGUID = try reader.readGUID()
        // ClientStartTime in the older dialects.
        let contextOffset = try reader.read(UInt32.self)
        let contextCount = try reader.read(UInt16.self)
        try reader.skip(2)
        guard Int(dialectCount) <= Self.dialectCountMax else { throw .invalid("DialectCount") }
        dialects = []
        for _ in 0..<dialectCount { dialects.append(try reader.read()) }
        contexts = []
        if dialects.contains(Dialect.smb311.rawValue) {
            contexts = try NegotiateContext.decodeList(
                reader.bytes, offset: Int(contextOffset), count: Int(contextCount))
        }
    }

    /// - Parameter headerStart: of the SMB2 header in `buffer`.
    public func encode(into buffer: PDUBuffer, headerStart: Int) {
        let start = buffer.count
        buffer.append(Self.structureSize)
        buffer.append(UInt16(dialects.count))
        buffer.append(securityMode.rawValue)
        buffer.append(0 as UInt16)
        buffer.append(capabilities.rawValue)
        buffer.append(clientGUID)
        buffer.append(0 as UInt64)
        for dialect in dialects { buffer.append(dialect) }
        guard !contexts.isEmpty else { return }
        buffer.align(to: 8, from: headerStart)
        buffer.patch(UInt32(buffer.count - headerStart), at: start + 28)
        buffer.patch(UInt16(contexts.count), at: start + 32)
        NegotiateContext.encode(contexts, into: buffer, headerStart: headerStart)
    }
}

/// SMB2 NEGOTIATE Response, [MS-SMB2] 2.2.4.
public struct NegotiateResponse: Equatable, Sendable {
    public static let structureSize: UInt16 = 65
    public var securityMode: NegotiateSecurityMode
    public var dialectRevision: UInt16
    public var serverGUID: GUID
    public var capabilities: ServerCapabilities
    public var maxTransactSize: UInt32
    public var maxReadSize: UInt32
    public var maxWriteSize: UInt32
    public var systemTime: FileTime
    public var serverStartTime: FileTime
    public var securityBuffer: [UInt8]
    public var contexts: [NegotiateContext]

    public init(
        securityMode: NegotiateSecurityMode, dialectRevision: UInt16, serverGUID: GUID,
        capabilities: ServerCapabilities, maxTransactSize: UInt32, maxReadSize: UInt32, maxWriteSize: UInt32,
        systemTime: FileTime, serverStartTime: FileTime, securityBuffer: [UInt8], contexts: [NegotiateContext] = []
    ) {
        self.securityMode = securityMode
        self.dialectRevision = dialectRevision
        self.serverGUID = serverGUID
        self.capabilities = capabilities
        self.maxTransactSize = maxTransactSize
        self.maxReadSize = maxReadSize
        self.maxWriteSize = maxWriteSize
        self.systemTime = systemTime
        self.serverStartTime = serverStartTime
        self.securityBuffer = securityBuffer
        self.contexts = contexts
    }

    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        securityMode = NegotiateSecurityMode(rawValue: try reader.read())
        dialectRevision = try reader.read()
        let contextCount = try reader.read(UInt16.self)
        serverGUID = try reader.readGUID()
        capabilities = ServerCapabilities(rawValue: try reader.read())
        maxTransactSize = try reader.read()
        maxReadSize = try reader.read()
        maxWriteSize = try reader.read()
        systemTime = FileTime(rawValue: try reader.read())
        serverStartTime = FileTime(rawValue: try reader.read())
        let bufferOffset = try reader.read(UInt16.self)
        let bufferLength = try reader.read(UInt16.self)
        let contextOffset = try reader.read(UInt32.self)
        securityBuffer = try reader.slice(offset: Int(bufferOffset), length: Int(bufferLength)).array
        contexts = []
        if dialectRevision == Dialect.smb311.rawValue {
            contexts = try NegotiateContext.decodeList(
                reader.bytes, offset: Int(contextOffset), count: Int(contextCount))
        }
    }

    /// - Parameter headerStart: of the SMB2 header in `buffer`.
    public func encode(into buffer: PDUBuffer, headerStart: Int) {
        let start = buffer.count
        buffer.append(Self.structureSize)
        buffer.append(securityMode.rawValue)
        buffer.append(dialectRevision)
        buffer.append(UInt16(contexts.count))
        buffer.append(serverGUID)
        buffer.append(capabilities.rawValue)
        buffer.append(maxTransactSize)
        buffer.append(maxReadSize)
        buffer.append(maxWriteSize)
        buffer.append(systemTime)
        buffer.append(serverStartTime)
        buffer.append(UInt16(start + 64 - headerStart))
        buffer.append(UInt16(securityBuffer.count))
        buffer.append(0 as UInt32)
        buffer.append(securityBuffer)
        guard !contexts.isEmpty else { return }
        buffer.align(to: 8, from: headerStart)
        buffer.patch(UInt32(buffer.count - headerStart), at: start + 60)
        NegotiateContext.encode(contexts, into: buffer, headerStart: headerStart)
    }
}
