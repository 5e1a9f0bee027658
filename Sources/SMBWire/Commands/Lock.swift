import Platform

/// SMB2 LOCK Request, [MS-SMB2] 2.2.26.
public struct LockRequest: Equatable, Sendable {
    public static var structureSize: UInt16 { 48 }
    /// SMB2_LOCK_ELEMENT, 2.2.26.1.
    public struct Element: Equatable, Sendable {
        public struct Flags: OptionSet, Hashable, Sendable {
            public let rawValue: UInt32
            @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
            @inlinable public static var shared: Self { .init(rawValue: 1) }
            @inlinable public static var exclusive: Self { .init(rawValue: 2) }
            @inlinable public static var unlock: Self { .init(rawValue: 4) }
            @inlinable public static var failImmediately: Self { .init(rawValue: 0x10) }
        }
        public var offset: UInt64
        public var length: UInt64
        public var flags: Flags
        public init(offset: UInt64, length: UInt64, flags: Flags) {
            self.offset = offset
            self.length = length
            self.flags = flags
        }
    }
    /// Sequence number in the low 4 bits, index in the rest; 0 when not used.
    public var lockSequence: UInt32
    public var fileID: FileID
    public var locks: [Element]
    public init(lockSequence: UInt32 = 0, fileID: FileID, locks: [Element]) {
        self.lockSequence = lockSequence
        self.fileID = fileID
        self.locks = locks
    }
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        let count = try reader.read(UInt16.self)
        lockSequence = try reader.read()
        fileID = try FileID(from: &reader)
        guard Int(count) * 24 <= reader.remainingByteCount else { throw .truncated(at: reader.offset) }
        locks = []
        locks.reserveCapacity(Int(count))
        for _ in 0..<count {
            let offset = try reader.read(UInt64.self)
            let length = try reader.read(UInt64.self)
            let flags = Element.Flags(rawValue: try reader.read())
            try reader.skip(4)
            locks.append(Element(offset: offset, length: length, flags: flags))
        }
    }
    public func encode(into buffer: PDUBuffer) {
        buffer.append(Self.structureSize)
        buffer.append(UInt16(locks.count))
        buffer.append(lockSequence)
        buffer.append(fileID)
        for lock in locks {
            buffer.append(lock.offset)
            buffer.append(lock.length)
            buffer.append(lock.flags.rawValue)
            buffer.append(0 as UInt32)
        }
    }
}
/// SMB2 LOCK Response, [MS-SMB2] 2.2.27.
public struct LockResponse: Equatable, Sendable {
    @inlinable public init() {}
    @inlinable public init(from reader: inout WireReader) throws(WireError) { try reader.readFourByteBody() }
    @inlinable public func encode(into buffer: PDUBuffer) { buffer.appendFourByteBody() }
}
