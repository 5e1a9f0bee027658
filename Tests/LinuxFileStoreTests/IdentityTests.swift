import CLinux
import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Testing

/// Acting as somebody needs root.
@Suite("Acting as the user", .enabled(if: geteuid() == 0)) struct IdentityTests {
    private let alice = Credentials(userID: 61_001, groupID: 61_001, groups: [61_100])
    private let bob = Credentials(userID: 61_002, groupID: 61_002, groups: [61_100])
    private let carol = Credentials(userID: 61_003, groupID: 61_003, groups: [])

    @Test func filesBelongToTheirMakers() throws {
        let share = try TemporaryShare()
        for user in [alice, bob, carol] {
            let made = try share.open("f\(user.userID)", .fileAllAccess, .create, as: user)
            #expect(made.information.userID == user.userID)
            #expect(made.information.groupID == user.groupID)
        }
    }

    @Test func modeDecidesForOwnerGroupAndOthers() throws {
        let share = try TemporaryShare()
        share.writeLocally("f", "secret", mode: 0o640)
        chown(share.local("f"), alice.userID, 61_100)
        let read: AccessMask = [.readData, .readAttributes]
        #expect(try share.open("f", .maximumAllowed, as: alice).grantedAccess == .fileAllAccess)
        #expect(try share.open("f", read, as: bob).file.text() == "secret")
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", .writeData, as: bob) } == .accessDenied)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", read, as: carol) } == .accessDenied)
        let maximal = try share.open("f", .readAttributes, as: bob) { $0.wantsMaximalAccess = true }.maximalAccess
        #expect(maximal.isSuperset(of: [.readData, .execute, .delete, .readControl]))
        #expect(maximal.isDisjoint(with: [.writeData, .appendData, .writeDAC, .writeOwner]))
    }

    @Test func attributesAreSeenByThoseWhoCannotRead() throws {
        let share = try TemporaryShare()
        let made = try share.open("f", .fileAllAccess, .create, [], attributes: .hidden, as: alice)
        made.file.close()
        chmod(share.local("f"), 0o600)
        let opened = try share.open("f", .readAttributes, as: carol)
        #expect(opened.information.attributes == [.hidden, .archive])
        #expect(try opened.file.information().attributes == [.hidden, .archive])
        #expect(share.status { () throws(NTStatus) in _ = try opened.file.text() } == .accessDenied)
        let cursor = try share.open("", .readData, as: carol).file.makeDirectoryCursor(as: carol)
        let name = NTName("f")
        #expect(
            try cursor.next(matches: { $0 == name }, wantsInformation: true)?.information.attributes
                == [.hidden, .archive])
    }

    @Test func writersWhoAreNotOwnersMaySetTimesAndAttributes() throws {
        let share = try TemporaryShare()
        share.writeLocally("f", mode: 0o666)
        chown(share.local("f"), alice.userID, alice.groupID)
        let file = try share.open("f", [.writeAttributes], as: bob).file
        var change = BasicInformationChange()
        change.lastWriteTime = FileTime(unixSeconds: 1_000_000_000, nanoseconds: 0)
        change.attributes = .hidden
        try file.setBasicInformation(change, as: bob)
        let information = try share.open("f", .readAttributes, as: carol).information
        #expect(information.lastWriteTime == change.lastWriteTime)
        #expect(information.attributes == .hidden)
    }

    @Test func folderDecidesWhoDeletes() throws {
        let share = try TemporaryShare()
        mkdir(share.local("d"), 0o755)
        chown(share.local("d"), alice.userID, alice.groupID)
        share.writeLocally("d/f", mode: 0o666)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/f", .delete, as: bob) } == .accessDenied)
        let file = try share.open("d/f", .readAttributes, as: bob).file
        #expect(share.status { () throws(NTStatus) in try file.checkRemovable(as: bob) } == .accessDenied)
        #expect(share.status { () throws(NTStatus) in try file.remove(as: bob) } == .accessDenied)
        #expect(
            share.status { () throws(NTStatus) in
                try file.rename(to: NTPath(test: "g"), replaceIfExists: false, as: bob)
            } == .accessDenied)
        #expect(
            share.status { () throws(NTStatus) in _ = try share.open("d/new", .readData, .create, as: bob) }
                == .accessDenied)
        try share.open("d/f", .delete, as: alice).file.remove(as: alice)
        chmod(share.local("d"), 0o1777)
        share.writeLocally("d/f", mode: 0o666)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/f", .delete, as: bob) } == .accessDenied)
    }

    @Test func threadsAreDifferentPeopleAtOnce() async throws {
        let share = try TemporaryShare()
        let store = share.store
        let users = [alice, bob, carol]
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<300 {
                let user = users[index % 3]
                group.addTask {
                    let parameters = OpenParameters(
                        desiredAccess: .fileAllAccess, disposition: .create, options: [], attributes: [])
                    let opened = try? store.open(NTPath(test: "t\(index)"), parameters, as: user)
                    return opened?.information.userID == user.userID
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    #if DEBUG
        /// CVE-2026-64391, -64393, -68457: in debug builds a system call on behalf of nobody ends the process.
        @Test func aCallThatDoesNotSayAsWhomEndsTheProcess() async {
            await #expect(processExitsWith: .signal(SIGABRT)) {
                apus_act_as(61_001, 61_001, nil, 0)
                apus_begin_work()
                apus_mkdirat(AT_FDCWD, "/nonexistent/folder", 0o700)
            }
        }

        @Test func aCallAsSomebodyElseEndsTheProcess() async {
            await #expect(processExitsWith: .signal(SIGABRT)) {
                apus_begin_work()
                apus_act_as(61_001, 61_001, nil, 0)
                seteuid(61_002)
                apus_mkdirat(AT_FDCWD, "/nonexistent/folder", 0o700)
            }
        }

        @Test func aCallAsWhomItSaidGoesOn() async {
            await #expect(processExitsWith: .success) {
                apus_begin_work()
                apus_act_as(61_001, 61_001, nil, 0)
                apus_raise()
                apus_mkdirat(AT_FDCWD, "/nonexistent/folder", 0o700)
                apus_lower()
                apus_mkdirat(AT_FDCWD, "/nonexistent/folder", 0o700)
            }
        }
    #endif

    /// CVE-2026-64391, -64393, -68457: whatever else a handle does, it does as its opener, on every thread.
    @Test func streamsControlsAndChangesAreMadeAsTheOpener() throws {
        let share = try TemporaryShare()
        chmod(share.local("."), 0o777)
        let stream = try share.open("f:s", .fileAllAccess, .create, as: alice).file
        let file = try share.open("f", .fileAllAccess, as: alice).file
        // Somebody else has used the thread since.
        func elsewhere() throws {
            _ = try share.open("", .readData, as: carol)
            apus_begin_work()
        }
        try elsewhere()
        try stream.write("stream")
        try elsewhere()
        try file.write("data")
        try elsewhere()
        try file.setSparse(true, as: alice)
        try elsewhere()
        try file.zero(0..<2)
        try elsewhere()
        _ = try file.allocatedRanges(in: 0..<4, countMax: 4)
        try elsewhere()
        try file.setEndOfFile(3)
        try elsewhere()
        try file.setExtendedAttributes([ExtendedAttribute(name: Array("a".utf8), value: [1])], as: alice)
        try elsewhere()
        try file.rename(to: NTPath(test: "g"), replaceIfExists: false, as: alice)
        try elsewhere()
        try stream.setEndOfFile(0)
        // Bob's rights are Bob's, whoever was here before: the folder is not his to change.
        chmod(share.local("."), 0o755)
        try elsewhere()
        #expect(share.status { () throws(NTStatus) in try file.remove(as: bob) } == .accessDenied)
    }

    @Test func securityDescriptorIsEnforced() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        var bytes = try file.securityDescriptor(as: alice)
        // An empty list: header, owner, group, and a DACL without entries.
        bytes = Array(bytes[..<(20 + 16 + 16)]) + [2, 0, 8, 0, 0, 0, 0, 0]
        try file.setSecurityDescriptor(bytes, parts: 4, as: alice)
        _ = try share.open("f", .readControl, as: alice)
        for access in [AccessMask.readData, .writeData] {
            #expect(
                share.status { () throws(NTStatus) in _ = try share.open("f", access, as: alice) }
                    == .accessDenied)
        }
    }

    @Test func folderDescriptorDecidesAndIsHandedOn() throws {
        let share = try TemporaryShare()
        let folder = try share.open("d", .fileAllAccess, .create, .directoryFile, as: alice).file
        let head = try folder.securityDescriptor(as: alice)[..<(20 + 16 + 16)]
        // Whoever it is may read and list, no more; files get the same. S-1-1-0 is 12 bytes, an entry 20.
        let everyone: [UInt8] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
        let entry: [UInt8] = [0, 1, 20, 0] + [0xA9, 0, 0x12, 0] + everyone
        try folder.setSecurityDescriptor(head + [2, 0, 28, 0, 1, 0, 0, 0] + entry, parts: 4, as: alice)
        #expect(
            share.status { () throws(NTStatus) in
                _ = try share.open("d/f", .fileAllAccess, .create, as: alice)
            } == .accessDenied)
        let writing: [UInt8] = [0, 1, 20, 0] + [0xBF, 0x01, 0x12, 0] + everyone
        try folder.setSecurityDescriptor(head + [2, 0, 28, 0, 1, 0, 0, 0] + writing, parts: 4, as: alice)
        // The maker has what it asked for; later opens go by what was handed on, which says nothing of deleting.
        _ = try share.open("d/f", .fileAllAccess, .create, as: alice)
        _ = try share.open("d/f", [.readData, .writeData], as: alice)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/f", .delete, as: alice) } == .accessDenied)
    }

    @Test func quotasHoldForThoseActedFor() throws {
        let share = try TemporaryShare()
        try share.open("f", .fileAllAccess, .create, as: alice).file.write("x")
        // CAP_SYS_RESOURCE is bit 24 of the thread's effective set.
        let descriptor = Glibc.open("/proc/thread-self/status", O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        Glibc.close(descriptor)
        let status = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        let capabilities = try #require(UInt64(line.split(whereSeparator: \.isWhitespace)[1], radix: 16))
        #expect(capabilities & 1 << 24 == 0)
    }

    @Test func ownerIsInherited() throws {
        let share = try TemporaryShare { $0.inheritsOwner = true }
        mkdir(share.local("d"), 0o777)
        chmod(share.local("d"), 0o777)
        chown(share.local("d"), alice.userID, alice.groupID)
        #expect(try share.open("d/f", .fileAllAccess, .create, as: bob).information.userID == alice.userID)
    }
}
