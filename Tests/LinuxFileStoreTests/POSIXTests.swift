import CLinux
import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Testing

@Suite("POSIX extensions of 3.1.1") struct POSIXTests {
    private func open(
        _ share: TemporaryShare, _ path: String, _ access: AccessMask, _ disposition: CreateDisposition = .open,
        _ options: CreateOptions = [], _ change: (inout OpenParameters) -> Void = { _ in }
    ) throws(NTStatus) -> OpenedFile {
        try share.open(path, access, disposition, options) { parameters in
            parameters.isPOSIX = true
            change(&parameters)
        }
    }

    private func status(_ share: TemporaryShare, _ name: String) -> stat {
        var status = stat()
        lstat(share.local(name), &status)
        return status
    }

    @Test func hardLinksAndNewNamesMayDifferInCaseOnly() throws {
        let share = try TemporaryShare()
        share.writeLocally("one")
        share.writeLocally("NAME")
        let one = try open(share, "one", [.readAttributes, .delete]).file
        try one.link(at: NTPath(test: "name"), replaceIfExists: false, as: share.user)
        #expect(status(share, "name").st_ino == status(share, "one").st_ino)
        #expect(status(share, "NAME").st_ino != status(share, "one").st_ino)
        try one.rename(to: NTPath(test: "Name"), replaceIfExists: false, as: share.user)
        #expect(try Set(share.names()) == [".", "..", "NAME", "Name", "name"])
    }

    @Test func timesAndOwnersAreSetOnTheLinkItself() throws {
        let share = try TemporaryShare()
        share.writeLocally("target")
        symlink("target", share.local("link"))
        // A look is told where the link leads, with or without its target there.
        #expect(
            share.status { () throws(NTStatus) in _ = try open(share, "link", .readAttributes) } == .stoppedOnSymlink)
        #expect(share.status { () throws(NTStatus) in _ = try open(share, "link", .readData) } == .stoppedOnSymlink)
        let link = try open(share, "link", .writeAttributes).file
        var change = BasicInformationChange()
        change.lastWriteTime = FileTime(unixSeconds: 1_000_000_000, nanoseconds: 0)
        try link.setBasicInformation(change, as: share.user)
        #expect(status(share, "link").st_mtim.tv_sec == 1_000_000_000)
        #expect(status(share, "target").st_mtim.tv_sec != 1_000_000_000)
    }

    @Test func fileIsMadeWithItsModeAndGivenAwayAsFarAsItsMakerMay() throws {
        let share = try TemporaryShare()
        _ = try open(share, "exact", .fileAllAccess, .create) { parameters in
            parameters.mode = 0o4711
            parameters.userID = share.user.userID
            parameters.groupID = share.user.groupID
        }
        #expect(status(share, "exact").st_mode & 0o7777 == 0o4711)
        if geteuid() == 0 {
            _ = try open(share, "theirs", .fileAllAccess, .create) { parameters in
                parameters.mode = 0o2755
                parameters.userID = 1234
                parameters.groupID = 4321
            }
            #expect(status(share, "theirs").st_uid == 1234)
            #expect(status(share, "theirs").st_gid == 4321)
            #expect(status(share, "theirs").st_mode & 0o7777 == 0o2755)
        } else {
            _ = try open(share, "mine", .fileAllAccess, .create) { $0.userID = 0 }
            #expect(status(share, "mine").st_uid == geteuid())
        }
    }
}
