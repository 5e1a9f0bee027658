import CLinux
import Glibc
import NTTypes

/// A name in the form in which names that differ in case only are equal: by Unicode's simple case folding, scalar by
/// scalar. Composed and decomposed letters stay different, as on NTFS.
struct FoldedName {
    private let scalars: [UInt32]

    init(_ name: NTName) {
        var scalars: [UInt32] = []
        scalars.reserveCapacity(name.utf8.count)
        let bytes = name.utf8.span
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

    func matches(_ name: NTName) -> Bool { matches(name.utf8.span) }
}

/// Finds a folder's entry whatever the case of the letters. Looks at the whole folder each time; the one place to put
/// an index that is kept true.
struct FoldedNameIndex: Sendable {
    /// The spelling on disk of the entry that `name` means; nil if there is none. Of several that differ in case
    /// only, one spelled exactly so comes first, else the first that the file system lists.
    /// - Parameter directory: any descriptor of the folder.
    func spelling(of name: NTName, in directory: CInt) throws(NTStatus) -> NTName? {
        let reopened = Linux.reopenFolder(directory)
        // Who may not list a folder can reach its entries by their exact names only.
        if reopened.failed(EACCES) { return nil }
        var reader = DirectoryReader(OwnedDescriptor(try reopened.orThrow()))
        let folded = FoldedName(name)
        var found: NTName?
        while try reader.advance() {
            guard reader.matches(folded), !reader.isDotEntry else { continue }
            let candidate = reader.name
            if candidate == name { return candidate }
            if found == nil { found = candidate }
        }
        return found
    }
}
