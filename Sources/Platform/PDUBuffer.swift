/// A piece of memory in which one message, or a batch of them, is put together: grows as needed, is reused through a
/// `BufferPool`, and is the only thing that crosses between a transport and the engine.
///
/// One thread at a time uses a buffer; whoever hands it on gives up using it. All integers are written little-endian.
@safe public final class PDUBuffer: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): a buffer has one owner at a time; ownership moves with the reference (see above).

    /// Start of the memory. Valid for `capacity` bytes until the buffer grows or goes.
    @exclusivity(unchecked)
    public private(set) var base: UnsafeMutableRawPointer
    @safe @exclusivity(unchecked)
    public private(set) var capacity: Int
    /// Number of bytes written. May be set back to take bytes away again.
    @safe @exclusivity(unchecked)
    public var count = 0

    /// - Parameter capacity: bytes allocated at once; at least 64.
    public init(capacity: Int = 4096) {
        self.capacity = max(64, capacity)
        // SAFETY: freed in deinit or replaced in `grow`; `capacity` always is its size.
        unsafe base = .allocate(byteCount: self.capacity, alignment: 64)
    }

    deinit {
        // SAFETY: allocated by init or `grow`, not freed before.
        unsafe base.deallocate()
    }

    /// Makes room for `byteCount` more bytes. Pointers taken before are void afterwards.
    @inlinable
    public func reserve(_ byteCount: Int) {
        if byteCount > capacity &- count { grow(byteCount) }
    }

    @usableFromInline
    @inline(never)
    func grow(_ byteCount: Int) {
        precondition(byteCount >= 0)
        let wanted = max(capacity * 2, count + byteCount)
        // SAFETY: the new block holds at least `count` bytes; the old one is freed once copied.
        let block = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 64)
        unsafe block.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = block
        capacity = wanted
    }

    // MARK: writing at the end

    @inlinable
    public func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        // SAFETY: `reserve` made room for exactly these bytes.
        unsafe (base + count).storeBytes(of: value.littleEndian, as: Value.self)
        count &+= MemoryLayout<Value>.size
    }

    @inlinable
    public func append(_ bytes: RawSpan) {
        reserve(bytes.byteCount)
        // SAFETY: `reserve` made room; a span of this buffer itself is not possible, since it would be exclusive.
        unsafe bytes.withUnsafeBytes { source in
            if let start = source.baseAddress {
                unsafe (base + count).copyMemory(from: start, byteCount: source.count)
            }
        }
        count &+= bytes.byteCount
    }

    @inlinable
    public func append(_ bytes: [UInt8]) {
        // SAFETY: the array lives through the call.
        unsafe bytes.withUnsafeBytes { unsafe append($0.bytes) }
    }

    /// Appends `byteCount` zero bytes.
    @inlinable
    public func appendZeros(_ byteCount: Int) {
        precondition(byteCount >= 0)
        reserve(byteCount)
        // SAFETY: `reserve` made room.
        unsafe (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        count &+= byteCount
    }

    /// Zero bytes until `count - start` is a multiple of `alignment` (a power of two).
    @inlinable
    public func align(to alignment: Int, from start: Int = 0) {
        appendZeros((alignment &- ((count &- start) & (alignment &- 1))) & (alignment &- 1))
    }

    // MARK: changing what is written

    /// Overwrites bytes already written: lengths and offsets that were not known before.
    @inlinable
    public func patch<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(offset >= 0 && offset <= count &- MemoryLayout<Value>.size)
        // SAFETY: the precondition keeps the store inside the written bytes.
        unsafe (base + offset).storeBytes(of: value.littleEndian, as: Value.self)
    }

    // MARK: views

    /// A read-only view of the bytes in `range`. Growing the buffer meanwhile is the caller's mistake.
    @inlinable
    @_lifetime(borrow self)
    public func span(_ range: Range<Int>) -> RawSpan {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // SAFETY: inside the written bytes; the lifetime is tied to `self` below.
        let view = unsafe RawSpan(_unsafeStart: base + range.lowerBound, byteCount: range.count)
        return unsafe _overrideLifetime(view, borrowing: self)
    }

    /// The bytes in `range`, for calls that fill or transform memory in place (a socket, a file, a cipher).
    @inlinable
    public func region(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // SAFETY: inside the written bytes; valid until the buffer grows.
        return unsafe UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Room for `byteCount` more bytes at the end, not counted as written before `count` is moved on.
    @inlinable
    public func spare(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        reserve(byteCount)
        // SAFETY: `reserve` made room.
        return unsafe UnsafeMutableRawBufferPointer(start: base + count, count: byteCount)
    }

    /// A copy of the bytes in `range`.
    // SAFETY: `region` checks the range; the copy is made before anything can change it.
    public func array(_ range: Range<Int>) -> [UInt8] { unsafe [UInt8](region(range)) }
}
