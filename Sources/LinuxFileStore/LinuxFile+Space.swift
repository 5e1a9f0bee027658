import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFile {
    /// Sparse is an attribute only: whatever a file's attributes, Linux keeps holes where nothing was written.
    func setSparse(_ isSparse: Bool, as user: Credentials) throws(NTStatus) {
        // [MS-FSA] 2.1.5.10.39: a folder has no data that could have holes.
        if isDirectory { throw .invalidParameter }
        try requireData()
        try store.identity.act(as: user)
        let descriptor = try begin(isSparse ? .read : .write)
        defer { handle.end() }
        let (_, kept, status) = try readInformation(descriptor)
        var updated = kept ?? DOSAttributes(attributes: .archive, creationTime: FileTime(status.bestBirthTime))
        if isSparse { updated.attributes.insert(.sparseFile) } else { updated.attributes.remove(.sparseFile) }
        if updated.attributes != kept?.attributes { try store.keep(updated, on: descriptor) }
        guard !isSparse, status.size > 0 else { return }
        let result = Linux.preallocate(descriptor, byteCount: Int64(clamping: status.size))
        if !result.failed(EOPNOTSUPP) { try result.orThrow() }
    }

    private func isSparse(_ descriptor: CInt) -> Bool {
        store.dosAttributes(descriptor, isPathOnly: handle.isPathOnly)?.attributes.contains(.sparseFile) == true
    }

    func zero(_ range: Range<UInt64>) throws(NTStatus) {
        try requireData()
        let descriptor = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        let range = try within(range, descriptor)
        guard !range.isEmpty else { return }
        let givesBack = isSparse(descriptor)
        var result = givesBack ? Linux.punchHole(descriptor, range) : Linux.zero(descriptor, range)
        if !givesBack, result.failed(EOPNOTSUPP) {
            // The same in two steps: at no time does anybody see other than the old data or zeros.
            result = Linux.punchHole(descriptor, range)
            if result >= 0 { result = Linux.preallocate(descriptor, range) }
        }
        if result.failed(EOPNOTSUPP) { return try writeZeros(range, descriptor) }
        try result.orThrow()
    }

    /// What of a range lies in the file.
    private func within(_ range: Range<UInt64>, _ descriptor: CInt) throws(NTStatus) -> Range<UInt64> {
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        return range.clamped(to: 0..<status.size)
    }

    private func writeZeros(_ range: Range<UInt64>, _ descriptor: CInt) throws(NTStatus) {
        let zeros = [UInt8](repeating: 0, count: Int(min(1 << 20, range.upperBound - range.lowerBound)))
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = min(zeros.count, Int(clamping: range.upperBound - offset))
            // SAFETY: `count` is at most the array's.
            let written = unsafe zeros.withUnsafeBytes { bytes in
                unsafe Linux.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: Int64(offset))
            }
            offset += UInt64(try written.orThrow())
        }
    }

    func allocatedRanges(in range: Range<UInt64>, countMax: Int) throws(NTStatus) -> [Range<UInt64>] {
        if isDirectory { throw .invalidParameter }
        try requireData()
        let descriptor = try begin(.read)
        defer { handle.end() }
        try store.identity.act(as: user)
        let range = try within(range, descriptor)
        guard !range.isEmpty else { return [] }
        // A file that is not sparse has all its space, as far as clients are concerned.
        guard isSparse(descriptor) else { return [range] }
        var ranges: [Range<UInt64>] = []
        var offset = range.lowerBound
        while offset < range.upperBound, ranges.count < countMax {
            let data = Linux.seekData(descriptor, from: offset)
            if data.failed(ENXIO) { break }
            if data.failed(EINVAL) { return [range] }
            let start = UInt64(try data.orThrow())
            guard start < range.upperBound else { break }
            let end = min(UInt64(try Linux.seekHole(descriptor, from: start).orThrow()), range.upperBound)
            ranges.append(max(start, offset)..<end)
            offset = end
        }
        return ranges
    }

    /// Whole blocks inside the range go back to the file system, which may tell the disk.
    func trim(_ range: Range<UInt64>) throws(NTStatus) {
        try requireData()
        let descriptor = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        let unit = FileInformation.allocationUnit
        let range = try within(range, descriptor)
        let start = range.lowerBound.roundedUp(toMultipleOf: unit)
        let end = range.upperBound / unit * unit
        guard start < end else { return }
        let result = Linux.punchHole(descriptor, start..<end)
        // Where it cannot be done, it does not matter.
        if !result.failed(EOPNOTSUPP) { try result.orThrow() }
    }

    // MARK: copying

    func copy(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus) {
        try requireData()
        let overlaps = source.identity == identity && range.overlaps(offset..<offset + UInt64(range.count))
        guard let other = source as? LinuxFile, !overlaps else {
            return try copyBytes(range, of: source, to: offset)
        }
        try other.requireData()
        let from = try other.begin(.read)
        defer { other.handle.end() }
        let onto = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        var done: UInt64 = 0
        let total = range.upperBound - range.lowerBound
        while done < total {
            let result = Linux.copy(
                from, range.lowerBound + done, to: onto, offset + done, byteCount: Int(clamping: total - done))
            if result == 0 { throw .invalidViewSize }
            // Two file systems, or one that cannot.
            if [EXDEV, EOPNOTSUPP, EINVAL, ENOSYS].contains(where: result.failed) {
                return try copyBytes(range.lowerBound + done..<range.upperBound, of: source, to: offset + done)
            }
            done += UInt64(try result.orThrow())
        }
    }

    func clone(_ range: Range<UInt64>, of source: any StoreFile, to offset: UInt64) throws(NTStatus) {
        try requireData()
        guard let other = source as? LinuxFile else { throw .notSupported }
        try other.requireData()
        let from = try other.begin(.read)
        defer { other.handle.end() }
        let onto = try begin(.write)
        defer { handle.end() }
        try store.identity.act(as: user)
        let result = Linux.clone(from, range, to: onto, offset)
        if [EXDEV, EOPNOTSUPP, EINVAL, ENOTTY].contains(where: result.failed) { throw .notSupported }
        try result.orThrow()
    }

    // MARK: compression

    func setCompressed(_ isCompressed: Bool) throws(NTStatus) {
        guard store.capabilities.contains(.compression), !isSpecial else {
            if isCompressed { throw .notSupported }
            return
        }
        let descriptor = try begin(.read)
        defer { handle.end() }
        try store.identity.act(as: user)
        let flags = try Linux.fileFlags(descriptor).orThrow()
        let bit = Int(APUS_FILE_FLAG_COMPRESSED)
        let wanted =
            isCompressed ? (flags | bit) & ~Int(APUS_FILE_FLAG_NOT_COMPRESSED) : flags & ~bit
        guard wanted != flags else { return }
        // Flags are the owner's to change, but whoever may write the file may compress it.
        try store.identity.insisting { Linux.setFileFlags(descriptor, UInt32(truncatingIfNeeded: wanted)) }.orThrow()
    }
}

extension LinuxFileStore {
    /// What the file system below the root can do with space.
    static func spaceCapabilities(_ root: CInt) -> FileStoreCapabilities {
        switch apus_file_system_type(root) {
        case 0x9123_683E: return [.blockCloning, .compression]
        case 0x5846_5342:
            let opened = Linux.reopenFolder(root)
            guard opened >= 0 else { return [] }
            let folder = OwnedDescriptor(opened)
            return apus_xfs_shares_blocks(folder.raw) == 1 ? .blockCloning : []
        default: return []
        }
    }
}

extension Linux {
    static func zero(_ descriptor: CInt, _ range: Range<UInt64>) -> Int {
        repeating { apus_zero_range(descriptor, Int64(range.lowerBound), Int64(range.upperBound - range.lowerBound)) }
    }
    static func punchHole(_ descriptor: CInt, _ range: Range<UInt64>) -> Int {
        repeating { apus_punch_hole(descriptor, Int64(range.lowerBound), Int64(range.upperBound - range.lowerBound)) }
    }
    static func preallocate(_ descriptor: CInt, _ range: Range<UInt64>) -> Int {
        repeating {
            apus_preallocate(descriptor, Int64(range.lowerBound), Int64(range.upperBound - range.lowerBound))
        }
    }
    static func seekData(_ descriptor: CInt, from offset: UInt64) -> Int {
        apus_seek_data(descriptor, Int64(clamping: offset))
    }
    static func seekHole(_ descriptor: CInt, from offset: UInt64) -> Int {
        apus_seek_hole(descriptor, Int64(clamping: offset))
    }
    static func copy(
        _ descriptor: CInt, _ offset: UInt64, to other: CInt, _ otherOffset: UInt64, byteCount: Int
    ) -> Int {
        repeating {
            apus_copy_range(descriptor, Int64(clamping: offset), other, Int64(clamping: otherOffset), byteCount)
        }
    }
    static func clone(_ descriptor: CInt, _ range: Range<UInt64>, to other: CInt, _ offset: UInt64) -> Int {
        repeating {
            apus_clone_range(
                descriptor, Int64(range.lowerBound), Int64(range.upperBound - range.lowerBound), other,
                Int64(clamping: offset))
        }
    }
    static func fileFlags(_ descriptor: CInt) -> Int { apus_get_file_flags(descriptor) }
    static func setFileFlags(_ descriptor: CInt, _ flags: UInt32) -> Int { apus_set_file_flags(descriptor, flags) }
}
