import NTTypes
import Platform

/// The commands, [MS-SMB2] 2.2.1.
public enum SMB2Command: UInt16, CaseIterable, Sendable {
    case negotiate = 0
    case sessionSetup = 1
    case logoff = 2
    case treeConnect = 3
    case treeDisconnect = 4
    case create = 5
    case close = 6
    case flush = 7
    case read = 8
    case write = 9
    case lock = 10
    case ioctl = 11
    case cancel = 12
    case echo = 13
    case queryDirectory = 14
    case changeNotify = 15
    case queryInfo = 16
    case setInfo = 17
    case oplockBreak = 18
}

/// SMB2 Packet Header, [MS-SMB2] 2.2.1.1 (ASYNC) and 2.2.1.2 (SYNC): 64 bytes.
public struct SMB2Header: Equatable, Sendable {
    @inlinable public static var byteCount: Int { 64 }
    /// 0xFE 'S' 'M' 'B'.
    @inlinable public static var protocolID: UInt32 { 0x424D_53FE }

    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
        @inlinable public static var serverToRedirector: Self { .init(rawValue: 0x1) }
        @inlinable public static var asyncCommand: Self { .init(rawValue: 0x2) }
        @inlinable public static var relatedOperations: Self { .init(rawValue: 0x4) }
        @inlinable public static var signed: Self { .init(rawValue: 0x8) }
        @inlinable public static var priorityMask: Self { .init(rawValue: 0x70) }
        @inlinable public static var dfsOperations: Self { .init(rawValue: 0x1000_0000) }
        @inlinable public static var replayOperation: Self { .init(rawValue: 0x2000_0000) }
    }

    public var creditCharge: UInt16 = 0
    /// In a response the status; in a request of dialect 3.x the channel sequence (low half).
    public var status: NTStatus = .success
    /// Raw, since a peer may send anything; see `SMB2Command`.
    public var command: UInt16 = 0
    /// Credits asked for, or granted.
    public var credits: UInt16 = 0
    public var flags: Flags = []
    /// Offset from this header to the next in a compound; 0 in the last.
    public var nextCommand: UInt32 = 0
    public var messageID: UInt64 = 0
    /// ASYNC: the AsyncId. SYNC: Reserved/ProcessId in the low half, TreeId in the high one.
    public var asyncIDOrTree: UInt64 = 0
    public var sessionID: UInt64 = 0
    public var signatureLow: UInt64 = 0
    public var signatureHigh: UInt64 = 0

    @inlinable public init() {}

    @inlinable public var treeID: UInt32 {
        get { flags.contains(.asyncCommand) ? 0 : UInt32(truncatingIfNeeded: asyncIDOrTree >> 32) }
        set { asyncIDOrTree = asyncIDOrTree & 0xFFFF_FFFF | UInt64(newValue) << 32 }
    }
    @inlinable public var channelSequence: UInt16 { UInt16(truncatingIfNeeded: status.rawValue) }

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        guard reader.remainingByteCount >= Self.byteCount else { throw .truncated(at: reader.offset) }
        guard try reader.read(UInt32.self) == Self.protocolID else { throw .invalid("ProtocolId") }
        try reader.expectStructureSize(64)
        creditCharge = try reader.read()
        status = NTStatus(rawValue: try reader.read())
        command = try reader.read()
        credits = try reader.read()
        flags = Flags(rawValue: try reader.read())
        nextCommand = try reader.read()
        messageID = try reader.read()
        asyncIDOrTree = try reader.read()
        sessionID = try reader.read()
        signatureLow = try reader.read()
        signatureHigh = try reader.read()
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.reserve(Self.byteCount)
        buffer.append(Self.protocolID)
        buffer.append(64 as UInt16)
        buffer.append(creditCharge)
        buffer.append(status.rawValue)
        buffer.append(command)
        buffer.append(credits)
        buffer.append(flags.rawValue)
        buffer.append(nextCommand)
        buffer.append(messageID)
        buffer.append(asyncIDOrTree)
        buffer.append(sessionID)
        buffer.append(signatureLow)
        buffer.append(signatureHigh)
    }
}
