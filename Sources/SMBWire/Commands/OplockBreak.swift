import NTTypes
import Platform

/// SMB2 OPLOCK_BREAK Acknowledgment, Notification and Response, [MS-SMB2] 2.2.23.1, 2.2.24.1, 2.2.25.1: one shape.
public struct OplockBreak: Equatable, Sendable {
    public static var structureSize: UInt16 { 24 }
    public var level: UInt8
    public var fileID: FileID
    public init(level: UInt8, fileID: FileID) {
        self.level = level
        self.fileID = fileID
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        level = try reader.read()
        try reader.skip(5)
        fileID = try FileID(from: &reader)
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(level)
        buffer.appendZeros(5)
        buffer.append(fileID)
    }
}

/// LEASE_BREAK Acknowledgment and Response, [MS-SMB2] 2.2.24.2 and 2.2.25.2: one shape.
public struct LeaseBreakAcknowledgment: Equatable, Sendable {
    public static var structureSize: UInt16 { 36 }
    public var flags: UInt32
    public var leaseKey: GUID
    public var leaseState: UInt32
    public init(leaseKey: GUID, leaseState: UInt32, flags: UInt32 = 0) {
        self.flags = flags
        self.leaseKey = leaseKey
        self.leaseState = leaseState
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(2)
        flags = try reader.read()
        leaseKey = try reader.readGUID()
        leaseState = try reader.read()
        try reader.skip(8)
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(0 as UInt16)
        buffer.append(flags)
        buffer.append(leaseKey)
        buffer.append(leaseState)
        buffer.append(0 as UInt64)
    }
}

/// LEASE_BREAK Notification, [MS-SMB2] 2.2.23.2.
public struct LeaseBreakNotification: Equatable, Sendable {
    public static var structureSize: UInt16 { 44 }
    public var newEpoch: UInt16
    /// SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED.
    public var requiresAcknowledgment: Bool
    public var leaseKey: GUID
    public var currentLeaseState: UInt32
    public var newLeaseState: UInt32
    public init(
        newEpoch: UInt16, requiresAcknowledgment: Bool, leaseKey: GUID, currentLeaseState: UInt32, newLeaseState: UInt32
    ) {
        self.newEpoch = newEpoch
        self.requiresAcknowledgment = requiresAcknowledgment
        self.leaseKey = leaseKey
        self.currentLeaseState = currentLeaseState
        self.newLeaseState = newLeaseState
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        newEpoch = try reader.read()
        requiresAcknowledgment = try reader.read(UInt32.self) & 1 == 1
        leaseKey = try reader.readGUID()
        currentLeaseState = try reader.read()
        newLeaseState = try reader.read()
        try reader.skip(12)
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(newEpoch)
        buffer.append((requiresAcknowledgment ? 1 : 0) as UInt32)
        buffer.append(leaseKey)
        buffer.append(currentLeaseState)
        buffer.append(newLeaseState)
        buffer.appendZeros(12)
    }
}
