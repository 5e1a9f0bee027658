import NTTypes

/// Why bytes are not the structure they should be. The peer's mistake, always a value.
public enum WireError: Error, Equatable {
    /// Fewer bytes than the field at this offset needs.
    case truncated(at: Int)
    /// A StructureSize other than the one that the section demands.
    case structureSize(UInt16)
    /// An offset, length or count that contradicts the message or the section, named for the log.
    case invalid(StaticString)

    public static func == (left: WireError, right: WireError) -> Bool {
        switch (left, right) {
        case (.truncated(let a), .truncated(let b)): a == b
        case (.structureSize(let a), .structureSize(let b)): a == b
        case (.invalid(let a), .invalid(let b)): a.description == b.description
        default: false
        }
    }
}

/// A cursor over bytes that it cannot leave; a failed read consumes nothing. Little-endian.
public struct WireReader: ~Escapable {
    /// All the bytes, those already read too. In a request: from the first byte of the SMB2 header, so that the
    /// protocol's offsets, which count from there, are indices into it.
    public let bytes: RawSpan
    @usableFromInline var position: Int
    /// Of the next byte to be read.
    @inlinable public var offset: Int { position }

    @inlinable
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, at offset: Int = 0) {
        self.bytes = bytes
        position = min(max(0, offset), bytes.byteCount)
    }

    @inlinable public var remainingByteCount: Int { bytes.byteCount &- offset }

    @inlinable
    @_lifetime(self: copy self)
    public mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self
    ) throws(WireError) -> Value {
        guard MemoryLayout<Value>.size <= remainingByteCount else { throw .truncated(at: offset) }
        // SAFETY: the guard proves [offset, offset + size) lies inside `bytes`; every bit pattern of an integer is
        // valid.
        let value = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self)
        position &+= MemoryLayout<Value>.size
        return Value(littleEndian: value)
    }

    @inlinable
    @_lifetime(self: copy self)
    public mutating func skip(_ byteCount: Int) throws(WireError) {
        guard byteCount >= 0, byteCount <= remainingByteCount else { throw .truncated(at: offset) }
        position &+= byteCount
    }

    /// The next `byteCount` bytes.
    @inlinable
    @_lifetime(copy self)
    public mutating func read(byteCount: Int) throws(WireError) -> RawSpan {
        guard byteCount >= 0, byteCount <= remainingByteCount else { throw .truncated(at: offset) }
        let part = bytes.extracting(offset..<(offset &+ byteCount))
        position &+= byteCount
        return part
    }

    /// The bytes [offset, offset + length) of the message: the protocol's offset-and-length fields.
    /// A length of 0 gives an empty span whatever the offset says.
    @inlinable
    @_lifetime(copy self)
    public func slice(offset: Int, length: Int) throws(WireError) -> RawSpan {
        guard length > 0 else { return bytes.extracting(0..<0) }
        guard offset >= 0, offset <= bytes.byteCount, length <= bytes.byteCount &- offset else {
            throw .truncated(at: offset)
        }
        return bytes.extracting(offset..<(offset &+ length))
    }

    @inlinable
    @_lifetime(self: copy self)
    public mutating func expectStructureSize(_ size: UInt16) throws(WireError) {
        let found = try read(UInt16.self)
        guard found == size else { throw .structureSize(found) }
    }

    @inlinable
    @_lifetime(self: copy self)
    public mutating func readGUID() throws(WireError) -> GUID {
        guard remainingByteCount >= 16 else { throw .truncated(at: offset) }
        return GUID(low: try read(), high: try read())
    }
}

extension RawSpan {
    /// A copy, for what must outlive the message.
    // SAFETY: copied inside the closure.
    @inlinable public var array: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}
