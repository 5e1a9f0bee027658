import NTTypes
import Platform

/// SMB2 TREE_CONNECT Request, [MS-SMB2] 2.2.9.
public struct TreeConnectRequest: ~Escapable {
    public static var structureSize: UInt16 { 9 }
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
        @inlinable public static var clusterReconnect: Self { .init(rawValue: 1) }
        @inlinable public static var redirectToOwner: Self { .init(rawValue: 2) }
        @inlinable public static var extensionPresent: Self { .init(rawValue: 4) }
    }
    public let flags: Flags
    /// `\\server\share` in UTF-16LE.
    public let path: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        flags = Flags(rawValue: try reader.read())
        let offset = try reader.read(UInt16.self)
        let length = try reader.read(UInt16.self)
        if flags.contains(.extensionPresent) {
            // TREE_CONNECT_Request_Extension, 2.2.9.1: the path's offset counts from the extension's start.
            path = try reader.slice(offset: reader.offset + Int(offset), length: Int(length))
        } else {
            path = try reader.slice(offset: Int(offset), length: Int(length))
        }
    }

    /// For a client.
    public static func encode(path: NTName, into buffer: PDUBuffer) {
        let start = buffer.count
        buffer.append(structureSize)
        buffer.append(0 as UInt16)
        buffer.append(UInt16(SMB2Header.byteCount + 8))
        buffer.append(0 as UInt16)
        buffer.append(utf16: path)
        buffer.patch(UInt16(buffer.count - start - 8), at: start + 6)
    }
}

/// SMB2 TREE_CONNECT Response, [MS-SMB2] 2.2.10.
public struct TreeConnectResponse: Equatable, Sendable {
    public static var structureSize: UInt16 { 16 }
    public struct ShareType: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        @inlinable public static var disk: Self { .init(rawValue: 1) }
        @inlinable public static var pipe: Self { .init(rawValue: 2) }
        @inlinable public static var print: Self { .init(rawValue: 3) }
    }
    public struct ShareFlags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
        @inlinable public static var noCaching: Self { .init(rawValue: 0x30) }
        @inlinable public static var accessBasedDirectoryEnum: Self { .init(rawValue: 0x800) }
        @inlinable public static var encryptData: Self { .init(rawValue: 0x8000) }
    }
    public struct Capabilities: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
        @inlinable public static var dfs: Self { .init(rawValue: 0x08) }
        @inlinable public static var continuousAvailability: Self { .init(rawValue: 0x10) }
    }
    public var shareType = ShareType.disk
    public var shareFlags: ShareFlags = []
    public var capabilities: Capabilities = []
    public var maximalAccess: AccessMask = []

    public init() {}
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        shareType = ShareType(rawValue: try reader.read())
        try reader.skip(1)
        shareFlags = ShareFlags(rawValue: try reader.read())
        capabilities = Capabilities(rawValue: try reader.read())
        maximalAccess = AccessMask(rawValue: try reader.read())
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(shareType.rawValue)
        buffer.append(0 as UInt8)
        buffer.append(shareFlags.rawValue)
        buffer.append(capabilities.rawValue)
        buffer.append(maximalAccess.rawValue)
    }
}
