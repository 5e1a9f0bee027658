import NTTypes

/// What clients ask of a file's space beyond reading and writing. Offsets and lengths in bytes; ranges are not empty
/// and end at 2^63 - 1 at most. Callers have checked access and byte-range locks.
public protocol FileSpace: AnyObject {
    /// FSCTL_SET_SPARSE, [MS-FSA] 2.1.5.10.39: what is zeroed from now on gives its space back. Not sparse any more:
    /// what is missing is set aside again.
    func setSparse(_ isSparse: Bool, as user: Credentials) throws(NTStatus)
    /// FSCTL_SET_ZERO_DATA, [MS-FSA] 2.1.5.10.40. The end of file stays.
    func zero(_ range: Range<UInt64>) throws(NTStatus)
    /// FSCTL_QUERY_ALLOCATED_RANGES, [MS-FSA] 2.1.5.10.22: where there is data in `range`, in order, at most `countMax`
    /// pieces.
    func allocatedRanges(in range: Range<UInt64>, countMax: Int) throws(NTStatus) -> [Range<UInt64>]
    /// FSCTL_FILE_LEVEL_TRIM, [MS-FSCC] 2.3.73: the client does not need what is there; it reads as zeros or as before.
    func trim(_ range: Range<UInt64>) throws(NTStatus)
    /// Copies `range` of `source`, which may be this file, to `offset`: all of it, or it throws. What overlaps is
    /// copied as if all were read first; `range` is then at most 16 MiB long.
    func copy(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus)
    /// FSCTL_DUPLICATE_EXTENTS_TO_FILE, [MS-FSA] 2.1.5.10.4: shares the blocks of `range` of `source`; notSupported
    /// where the file system cannot, or the ranges are not whole blocks.
    func clone(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus)
    /// FSCTL_SET_COMPRESSION, [MS-FSA] 2.1.5.10.34. What FSCTL_GET_COMPRESSION tells is in the file's attributes.
    func setCompressed(_ isCompressed: Bool) throws(NTStatus)
}

/// What holds of data that is no file of the file system's own, and where the file system knows no better.
extension FileSpace where Self: StoreFile {
    public func setSparse(_ isSparse: Bool, as user: Credentials) throws(NTStatus) {
        if isDirectory { throw .invalidParameter }
    }

    public func zero(_ range: Range<UInt64>) throws(NTStatus) {
        let end = min(range.upperBound, try information().endOfFile)
        let zeros = [UInt8](repeating: 0, count: min(1 << 20, Int(clamping: end &- min(end, range.lowerBound))))
        var offset = range.lowerBound
        while offset < end {
            let count = Int(min(UInt64(zeros.count), end - offset))
            // SAFETY: the array lives through the call, and has at least `count` bytes.
            try unsafe zeros.withBytes(count) { bytes throws(NTStatus) in try unsafe write(bytes, at: offset) }
            offset += UInt64(count)
        }
    }

    public func allocatedRanges(in range: Range<UInt64>, countMax: Int) throws(NTStatus) -> [Range<UInt64>] {
        if isDirectory { throw .invalidParameter }
        let end = min(range.upperBound, try information().endOfFile)
        return range.lowerBound < end ? [range.lowerBound..<end] : []
    }

    public func trim(_ range: Range<UInt64>) throws(NTStatus) { throw .notSupported }

    public func copy(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus) {
        try copyBytes(range, of: source, to: offset)
    }

    /// By way of a buffer: goes from anywhere to anywhere.
    public func copyBytes(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus) {
        // All is read before anything is written, so that overlapping is no matter.
        var buffer = [UInt8](repeating: 0, count: range.count)
        // SAFETY: the array is touched by nothing else during the call.
        let count = try unsafe buffer.fill { bytes throws(NTStatus) in
            try unsafe source.read(into: bytes, at: range.lowerBound, mayBlock: true)
        }
        guard count == range.count else { throw .invalidViewSize }
        // SAFETY: the array lives through the call.
        try unsafe buffer.withBytes(count) { bytes throws(NTStatus) in try unsafe write(bytes, at: offset) }
    }

    public func clone(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus) {
        throw .notSupported
    }

    public func setCompressed(_ isCompressed: Bool) throws(NTStatus) {
        if isCompressed { throw .notSupported }
    }
}

extension NTStatus {
    /// STATUS_INVALID_VIEW_SIZE, [MS-ERREF] 2.3.1: a copy reaches beyond the end of its source.
    public static var invalidViewSize: NTStatus { NTStatus(rawValue: 0xC000_001F) }
}

extension [UInt8] {
    /// The first `count` bytes. The standard library's form of this rethrows untyped.
    fileprivate func withBytes(
        _ count: Int, _ body: (UnsafeRawBufferPointer) throws(NTStatus) -> Void
    ) throws(NTStatus) {
        // SAFETY: the bytes are used inside the call only.
        let result: Result<Void, NTStatus> = unsafe withUnsafeBytes { bytes in
            do throws(NTStatus) {
                // SAFETY: callers ask for no more than there is.
                return .success(try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
            } catch { return .failure(error) }
        }
        try result.get()
    }

    fileprivate mutating func fill(
        _ body: (UnsafeMutableRawBufferPointer) throws(NTStatus) -> Int
    ) throws(NTStatus) -> Int {
        // SAFETY: the bytes are used inside the call only.
        let result: Result<Int, NTStatus> = unsafe withUnsafeMutableBytes { bytes in
            // SAFETY: the array is touched by nothing else during the call.
            do throws(NTStatus) { return .success(try unsafe body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
