import FileStore
import NTTypes
import Platform

/// The enumeration of a folder that an open keeps from one QUERY_DIRECTORY to the next: Open.EnumerationLocation and
/// Open.EnumerationSearchPattern of [MS-SMB2] 3.3.1.10.
///
/// Requests that use the same open at once take turns; its lock is the one that is held while the disk is read, and
/// guards nothing else.
final class DirectorySearch: Sendable {
    struct Reader {
        let cursor: any DirectoryCursor
        var expression: NameExpression
        /// Entries have been returned since the pattern was set: what tells "no such file" from "no more files".
        var hasReturned = false
        /// Number of the entry that comes next; the FileIndex of SMB2_INDEX_SPECIFIED.
        var index: UInt32 = 0
    }
    let reader: Mutex<Reader>

    init(_ cursor: sending any DirectoryCursor, _ expression: NameExpression) {
        reader = Mutex(Reader(cursor: cursor, expression: expression))
    }
}

extension DirectorySearch.Reader {
    /// From the first entry again. - Parameter expression: nil keeps the pattern.
    mutating func restart(with expression: NameExpression?) throws(NTStatus) {
        if let expression, expression != self.expression {
            self.expression = expression
            hasReturned = false
        }
        try cursor.rewind()
    }

    /// The next entry that matches and that the share does not hide.
    mutating func next(in share: Share, wantsInformation: Bool) throws(NTStatus) -> DirectoryEntry? {
        let expression = expression
        return try cursor.next(
            matches: { name in
                if !expression.matchesEverything, !expression.matches(name),
                    !(share.shortNames != .none && expression.mayMeanShortName && expression.matchesShortName(of: name))
                {
                    return false
                }
                return name.isDotOrDotDot || !share.hides(name)
            }, wantsInformation: wantsInformation)
    }

    /// There was no room for it: it comes again.
    mutating func pushBack(_ entry: DirectoryEntry) {
        cursor.pushBack(entry)
    }
}

extension NameExpression {
    /// Worth a look at 8.3 names: all that are not their file's only name have the mark.
    var mayMeanShortName: Bool { name.utf8.contains(UInt8(ascii: "~")) }

    func matchesShortName(of name: NTName) -> Bool { ShortName.make(for: name).map(matches) ?? false }
}
