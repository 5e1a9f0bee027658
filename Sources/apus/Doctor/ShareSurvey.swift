import CLinux
import Configuration
import Diagnosis
import Glibc

/// Collects what `Diagnosis` judges of a share's folder.
enum ShareSurvey {
    /// Names that are looked at for such as differ by case alone, and folders.
    private static let nameCountMax = 20_000
    private static let folderCountMax = 200

    static func look(_ share: ShareConfiguration) -> ShareFacts {
        var facts = ShareFacts()
        var status = stat()
        // SAFETY: the path is a terminated string for the length of the call, and the structure outlives it.
        guard unsafe stat(share.path, &status) == 0 else {
            facts.folder = errno == ENOENT ? .missing : .unreachable(systemMessage(errno))
            return facts
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            facts.folder = .noFolder
            return facts
        }
        var kind: UInt64 = 0
        var isReadOnly: CInt = 0
        // SAFETY: path and variables live through the call.
        if unsafe apus_probe_file_system(share.path, &kind, &isReadOnly) == 0 {
            facts.fileSystem = name(ofFileSystem: kind)
            facts.isMountedReadOnly = isReadOnly != 0
        }
        // SAFETY: the texts live through the calls.
        unsafe facts.hasUserAttributes = apus_probe_attribute(share.path, "user.DOSATTRIB") != -Int(EOPNOTSUPP)
        unsafe facts.hasAccessLists = apus_probe_attribute(share.path, "system.posix_acl_access") != -Int(EOPNOTSUPP)
        unsafe facts.hasFileHandles = apus_probe_handle(share.path) >= 0
        unsafe facts.foldsCase =
            apus_probe_case_folding(share.path) == 1 || ["vfat", "exfat"].contains(facts.fileSystem)
        if facts.hasUserAttributes, !facts.isMountedReadOnly {
            // SAFETY: as above.
            switch unsafe apus_probe_large_attribute(share.path, 60 << 10) {
            case 0: facts.hasLargeAttributes = true
            case -Int(ENOSPC), -Int(E2BIG), -Int(ERANGE): facts.hasLargeAttributes = false
            default: break
            }
        }
        if !share.isCaseSensitive, !facts.foldsCase { facts.namesThatCollide = collisions(beneath: share.path) }
        lookAtRoom(share.path, &facts)
        return facts
    }

    private static func lookAtRoom(_ path: String, _ facts: inout ShareFacts) {
        var room = statvfs()
        // SAFETY: path and structure live through the call.
        guard unsafe statvfs(path, &room) == 0 else { return }
        if room.f_blocks > 0 { facts.freePercent = Int(room.f_bavail * 100 / room.f_blocks) }
        if room.f_files > 0 { facts.freeFilePercent = Int(room.f_favail * 100 / room.f_files) }
    }

    /// In the folder and those right below it.
    private static func collisions(beneath path: String) -> [String] {
        let names = SystemFiles.names(path, limit: nameCountMax)
        var found = CollidingNames.pairs(names, in: path)
        var left = nameCountMax - names.count
        for name in names.prefix(folderCountMax) where left > 0 {
            let inner = SystemFiles.names("\(path)/\(name)", limit: left)
            left -= inner.count
            found += CollidingNames.pairs(inner, in: "\(path)/\(name)")
        }
        return found
    }

    /// linux/magic.h.
    static func name(ofFileSystem kind: UInt64) -> String {
        let names: [UInt64: String] = [
            0xEF53: "ext4", 0x5846_5342: "xfs", 0x9123_683E: "btrfs", 0x0102_1994: "tmpfs", 0x8584_58F6: "ramfs",
            0x2FC1_2FC1: "zfs", 0xF2F5_2010: "f2fs", 0x794C_7630: "overlay", 0x6969: "nfs", 0xFF53_4D42: "cifs",
            0xFE53_4D42: "smb2", 0x0102_1997: "9p", 0x00C3_6400: "ceph", 0x5346_414F: "afs", 0x6573_5546: "fuse",
            0x4D44: "vfat", 0x2011_BAB0: "exfat", 0x7366_746E: "ntfs3", 0xCA45_1A4E: "bcachefs",
            0x7371_7368: "squashfs",
        ]
        return names[kind] ?? "file system 0x" + String(kind, radix: 16)
    }
}
