import NTTypes

/// A name in the form in which names that differ in case only are equal: by Unicode's simple case folding, scalar by
/// scalar. Composed and decomposed letters stay different, as on NTFS.
struct FoldedName {
    private let scalars: [UInt32]

    init(_ name: NTName) { self.init(name.utf8.span) }

    init(_ bytes: Span<UInt8>) {
        var scalars: [UInt32] = []
        scalars.reserveCapacity(bytes.count)
        var offset = 0
        while offset < bytes.count {
            let (scalar, length) = NTName.decode(bytes, at: offset)
            scalars.append(NTName.folded(scalar))
            offset += length
        }
        self.scalars = scalars
    }

    func matches(_ bytes: Span<UInt8>) -> Bool {
        var offset = 0
        for expected in scalars {
            guard offset < bytes.count else { return false }
            let (scalar, length) = NTName.decode(bytes, at: offset)
            guard NTName.folded(scalar) == expected else { return false }
            offset += length
        }
        return offset == bytes.count
    }

    /// Seeded for each process: nobody can make up names that all have the same.
    var hash: Int {
        var hasher = Hasher()
        for scalar in scalars { hasher.combine(scalar) }
        return hasher.finalize()
    }

    func matches(_ name: NTName) -> Bool { matches(name.utf8.span) }
}
