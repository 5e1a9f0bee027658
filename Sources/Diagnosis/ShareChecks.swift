import Configuration

/// What a share's folder, and the file system beneath it, can do.
public struct ShareFacts: Sendable {
    public enum Folder: Equatable, Sendable {
        case folder
        case missing
        case noFolder
        /// The system's words.
        case unreachable(String)
    }
    public var folder = Folder.folder
    /// statfs(2)'s kind, by name: "ext4", "nfs"; the number where there is none.
    public var fileSystem = ""
    public var isMountedReadOnly = false
    public var hasUserAttributes = true
    /// An attribute of 64 KiB fits; nil where it was not tried.
    public var hasLargeAttributes: Bool?
    public var hasAccessLists = true
    public var hasFileHandles = true
    /// The file system itself takes names that differ by case for the same.
    public var foldsCase = false
    /// Two names in the folder, or below, that differ by case alone.
    public var namesThatCollide: [String] = []
    /// Of all blocks, in percent, for those who are not root; nil where the file system has no such bound.
    public var freePercent: Int?
    public var freeFilePercent: Int?
    public init() {}
}

/// Judges one share.
public enum ShareChecks {
    public static func findings(_ share: ShareConfiguration, _ facts: ShareFacts) -> [Finding] {
        let check = "share [\(share.name)]"
        if let bad = folder(check, share, facts) { return [bad] }
        let findings = [
            fileSystem(check, share, facts), writing(check, share, facts), attributes(check, share, facts),
            streams(check, share, facts), lists(check, facts), handles(check, share, facts),
            letters(check, share, facts),
            room(check, facts),
        ].compactMap { $0 }
        return findings.isEmpty ? [Finding(check, .fine, "\(share.path), on \(facts.fileSystem)")] : findings
    }

    static func folder(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        let seen: String
        switch facts.folder {
        case .folder: return nil
        case .missing: seen = "there is no \(share.path)"
        case .noFolder: seen = "\(share.path) is no folder"
        case .unreachable(let words): seen = "\(share.path) cannot be opened: \(words)"
        }
        return Finding(
            check, .broken, seen, because: "the share is not served, and clients hear that there is none of that name",
            mend: (facts.folder == .missing ? "mkdir -p \(share.path), or " : "")
                + "mend `path` (\(share.line > 0 ? "line \(share.line)" : "configuration")), then apus reload")
    }

    static func fileSystem(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        switch facts.fileSystem {
        case "nfs", "cifs", "smb2", "9p", "ceph", "afs":
            Finding(
                check, .warning, "\(share.path) is on \(facts.fileSystem), another server's",
                because:
                    "its other clients' changes and locks are not seen here; each request crosses the network twice",
                mend: "run Apus where the files are")
        case "fuse":
            Finding(
                check, .warning, "\(share.path) is on a FUSE file system",
                because: "each request takes a turn through another process, and changes made behind it go unnoticed",
                mend: "serve the file system beneath it, where there is one")
        case "vfat", "exfat":
            Finding(
                check, .warning, "\(share.path) is on \(facts.fileSystem)",
                because: "it has neither owners nor permissions: every user of the share may do the same",
                mend: "keep the files on ext4, xfs or btrfs")
        case "tmpfs", "ramfs":
            Finding(
                check, .note, "\(share.path) is in memory (\(facts.fileSystem)): a restart of the machine empties it")
        default: nil
        }
    }

    static func writing(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        guard facts.isMountedReadOnly, !share.isReadOnly || !share.writeList.isEmpty else { return nil }
        return Finding(
            check, .broken, "\(share.path) is mounted read-only, and the share says that it can be written",
            because: "every write is refused", mend: "mount -o remount,rw, or read only = yes")
    }

    static func attributes(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        guard !facts.hasUserAttributes, share.storesDOSAttributes || share.hasStreams else { return nil }
        return Finding(
            check, .warning, "\(facts.fileSystem) at \(share.path) has no extended attributes for users",
            because:
                "hidden, archive and creation times are forgotten, NT permissions and named streams refused: macOS "
                + "cannot copy files that have a resource fork",
            mend:
                "mount it with user_xattr, use ext4, xfs or btrfs (tmpfs from Linux 6.6), or say store dos attributes "
                + "= no and streams = no")
    }

    static func streams(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        guard facts.hasUserAttributes, facts.hasLargeAttributes == false, share.hasStreams else { return nil }
        return Finding(
            check, .note,
            "\(facts.fileSystem) at \(share.path) takes small attributes alone: named streams of over 4 KiB or so are "
                + "refused there",
            because: "macOS keeps resource forks and large Finder information in them",
            mend: "xfs or btrfs, or ext4 made with -O ea_inode")
    }

    static func lists(_ check: String, _ facts: ShareFacts) -> Finding? {
        guard !facts.hasAccessLists else { return nil }
        return Finding(
            check, .warning, "\(facts.fileSystem) has no POSIX access lists",
            because:
                "permissions that are set from Windows hold for SMB alone; other programs see owner, group and others",
            mend: "mount it with acl, or use ext4, xfs or btrfs")
    }

    static func handles(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        guard !facts.hasFileHandles, share.followsLocalChanges else { return nil }
        return Finding(
            check, .warning, "\(facts.fileSystem) has no file handles",
            because: "changes by other programs cannot be told to clients, and clients do not cache its folders",
            mend: "ext4, xfs, btrfs or tmpfs; or kernel change notify = no, so that nobody expects it")
    }

    static func letters(_ check: String, _ share: ShareConfiguration, _ facts: ShareFacts) -> Finding? {
        if share.isCaseSensitive, facts.foldsCase {
            return Finding(
                check, .warning, "case sensitive = yes on a file system that does not tell A from a",
                because: "clients believe that README and readme are two files, and one overwrites the other",
                mend: "case sensitive = no")
        }
        if share.isCaseSensitive {
            return Finding(
                check, .note, "case sensitive = yes: Windows programs that write a name in another case do not find it",
                because: "Windows takes README and readme for the same", mend: "case sensitive = no")
        }
        guard let pair = facts.namesThatCollide.first else { return nil }
        let count = facts.namesThatCollide.count
        let more = count > 1 ? " and \(count - 1) more like them" : ""
        return Finding(
            check, .warning, "\(pair) differ by case alone\(more)",
            because: "clients see both names and reach one of the two files, whichever they ask for",
            mend: "rename one of each pair")
    }

    static func room(_ check: String, _ facts: ShareFacts) -> Finding? {
        if let free = facts.freePercent, free < 1 {
            return Finding(
                check, free == 0 ? .broken : .warning, "\(free) % of its file system are free",
                because: "writes fail, and clients that cache writes learn of it late", mend: "make room")
        }
        if let free = facts.freeFilePercent, free < 1 {
            return Finding(
                check, .warning, "\(free) % of its file system's inodes are free",
                because: "new files are refused although there is room",
                mend: "remove files, or make a file system with more")
        }
        return nil
    }
}
