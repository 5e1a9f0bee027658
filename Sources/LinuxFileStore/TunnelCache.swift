import CLinux
import FileStore
import NTTypes
import Platform

/// What NTFS calls tunneling, [MS-FSA] 2.1.5.1.1: a program that knows only a file's 8.3 name, and replaces the file by
/// deleting it and making it anew, gives the new file the long name of the old one.
final class TunnelCache: Sendable {
    private struct Key: Hashable {
        var folder: FileIdentity
        var shortName: NTName
    }
    private let entries = Mutex<[Key: (longName: NTName, until: FileTime)]>([:])

    /// As on Windows.
    private static var lifetime: UInt64 { 15 * 10_000_000 }
    private static var countMax: Int { 256 }

    /// The file called `longName` was reached by its 8.3 name.
    func note(_ shortName: NTName, for longName: NTName, in folder: CInt) {
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0 else { return }
        let key = Key(folder: status.identity, shortName: shortName.folded)
        let now = FileTime.now
        entries.withLock { entries in
            if entries.count >= Self.countMax { entries = entries.filter { $0.value.until > now } }
            if entries.count >= Self.countMax { entries = [:] }
            entries[key] = (longName, FileTime(rawValue: now.rawValue + Self.lifetime))
        }
    }

    /// The long name that belongs to `shortName` in this folder, if it was used just now.
    func longName(of shortName: NTName, in folder: CInt) -> NTName? {
        guard ShortName.mayBeMangled(shortName) else { return nil }
        var status = apus_statx()
        guard Linux.status(folder, into: &status) >= 0 else { return nil }
        let key = Key(folder: status.identity, shortName: shortName.folded)
        let entry = entries.withLock { $0[key] }
        guard let entry, entry.until > .now else { return nil }
        return entry.longName
    }
}
