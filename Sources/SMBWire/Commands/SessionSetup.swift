import Platform

/// SMB2 SESSION_SETUP Request, [MS-SMB2] 2.2.5.
public struct SessionSetupRequest: ~Escapable {
    public static var structureSize: UInt16 { 25 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        @inlinable public static var binding: Self { .init(rawValue: 1) }
    }
    public let flags: Flags
    public let securityMode: NegotiateSecurityMode
    public let capabilities: ServerCapabilities
    public let channel: UInt32
    public let previousSessionID: UInt64
    public let securityBuffer: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        flags = Flags(rawValue: try reader.read())
        securityMode = NegotiateSecurityMode(rawValue: UInt16(try reader.read(UInt8.self)))
        capabilities = ServerCapabilities(rawValue: try reader.read())
        channel = try reader.read()
        let offset = try reader.read(UInt16.self)
        let length = try reader.read(UInt16.self)
        previousSessionID = try reader.read()
        securityBuffer = try reader.slice(offset: Int(offset), length: Int(length))
    }

    /// For a client.
    public static func encode(
        flags: Flags = [], securityMode: NegotiateSecurityMode, capabilities: ServerCapabilities = [],
        previousSessionID: UInt64 = 0, securityBuffer: [UInt8], into buffer: PDUBuffer
    ) {
        buffer.append(structureSize)
        buffer.append(flags.rawValue)
        buffer.append(UInt8(truncatingIfNeeded: securityMode.rawValue))
        buffer.append(capabilities.rawValue)
        buffer.append(0 as UInt32)
        buffer.append(UInt16(SMB2Header.byteCount + 24))
        buffer.append(UInt16(securityBuffer.count))
        buffer.append(previousSessionID)
        buffer.append(securityBuffer)
    }
}

/// SMB2 SESSION_SETUP Response, [MS-SMB2] 2.2.6.
public struct SessionSetupResponse: Equatable, Sendable {
    public static var structureSize: UInt16 { 9 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
        @inlinable public static var guest: Self { .init(rawValue: 1) }
        @inlinable public static var null: Self { .init(rawValue: 2) }
        @inlinable public static var encryptData: Self { .init(rawValue: 4) }
    }
    public var sessionFlags: Flags
    public var securityBuffer: [UInt8]
    public init(sessionFlags: Flags, securityBuffer: [UInt8]) {
        self.sessionFlags = sessionFlags
        self.securityBuffer = securityBuffer
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        sessionFlags = Flags(rawValue: try reader.read())
        let offset = try reader.read(UInt16.self)
        let length = try reader.read(UInt16.self)
        securityBuffer = try reader.slice(offset: Int(offset), length: Int(length)).array
    }
    /// - Parameter headerStart: of the SMB2 header in `buffer`.
    public func encode(into buffer: PDUBuffer, headerStart: Int) {
        let start = buffer.count
        buffer.append(Self.structureSize)
        buffer.append(sessionFlags.rawValue)
        buffer.append(UInt16(start + 8 - headerStart))
        buffer.append(UInt16(securityBuffer.count))
        buffer.append(securityBuffer)
    }
}
