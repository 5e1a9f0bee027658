import CLinux
import FileStore
import Glibc
import NTTypes
import SMBCrypto
import Testing

@testable import LinuxFileStore

@Suite("Security descriptors of files") struct SecurityTests {
    @Test func descriptorComesFromTheModeUntilOneIsSet() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        let made = try SecurityDescriptor(file.securityDescriptor(as: share.user)[...])
        #expect(made.owner == .user(share.user.userID))
        #expect(made.group == .group(share.user.groupID))
        #expect(made.rights(of: [.user(share.user.userID)]) == .fileAllAccess)
        #expect(made.rights(of: [.everyone]) == AccessMask(rawValue: 0x1200A9))
        var new = SecurityDescriptor()
        new.control = .daclPresent
        new.discretionaryList = AccessControlList(allowing: [(.everyone, .readControl, [])])
        try file.setSecurityDescriptor(new.encoded(), parts: 4, as: share.user)
        let kept = try SecurityDescriptor(file.securityDescriptor(as: share.user)[...])
        #expect(kept.owner == made.owner)
        #expect(kept.discretionaryList == new.discretionaryList)
        // A NULL list gives everything.
        new.discretionaryList = nil
        try file.setSecurityDescriptor(new.encoded(), parts: 4, as: share.user)
        let open = try SecurityDescriptor(file.securityDescriptor(as: share.user)[...])
        #expect(open.discretionaryList == nil)
        #expect(open.rights(of: []) == .fileAllAccess)
    }

    @Test func whatSambaWroteIsRead() throws {
        // Samba 4.17, vfs_acl_xattr, a file of mode 0764 with a POSIX ACL.
        let version4 = """
            0400040000000200040002000100d023f0e2ec2bb2cd2ded1311813ee050a5116b6e80dcccdd16b0718c0fa1cadc0000
            000000000000000000000000000000000000000000000000000000000000706f7369785f61636c000000000000000000
            c1d2b037623cfe4716065ba823580258036aa22ffbaacaa5cd27a719f681e5a800000000000000000000000000000000
            0000000000000000000000000000000001000480b4000000d000000000000000ec000000010500000000000515000000
            4b609764398d76f3b89b2a2ee80300000105000000000005150000004b609764398d76f3b89b2a2e0102000002006400
            0300000000002400ff011f000105000000000005150000004b609764398d76f3b89b2a2ee803000000002400a9001200
            0105000000000005150000004b609764398d76f3b89b2a2e0102000000001400a9001200010100000000000100000000
            """.hexadecimal
        let attribute = try #require(NTACLAttribute(version4))
        let descriptor = attribute.descriptor
        #expect(descriptor.owner == SecurityIdentifier(5, 21, 0x6497_604B, 0xF376_8D39, 0x2E2A_9BB8, 1000))
        #expect(descriptor.rights(of: [.everyone]) == AccessMask(rawValue: 0x12_00A9))
        #expect(descriptor.rights(of: [try #require(descriptor.owner)]) == .fileAllAccess)
        for count in 0..<version4.count { #expect(NTACLAttribute(Array(version4[..<count])) == nil) }
        let state = PosixState(owner: 1, group: 2, mode: 0o100644, access: PosixAccessList(mode: 0o644))
        let again = try #require(NTACLAttribute(NTACLAttribute.encode(descriptor, state)))
        #expect(again.descriptor == descriptor)
        #expect(again.stateHash == Digest.sha256(state.encodedForHash))
    }

    @Test func stateIsHashedAsSambaDoes() {
        // What smbd 4.17 put into security.NTACL of a file and of a folder.
        let access = PosixAccessList(entries: [
            .init(tag: .owner, permissions: 7), .init(tag: .user, permissions: 7, number: 30_001),
            .init(tag: .owningGroup, permissions: 5), .init(tag: .group, permissions: 5, number: 30_001),
            .init(tag: .mask, permissions: 7), .init(tag: .others, permissions: 5),
        ])
        var state = PosixState(owner: 30_001, group: 30_001, mode: 0o100775, access: access)
        #expect(
            Digest.sha256(state.encodedForHash)
                == "859714d2d7ca5c6eef4e354004e1df504291196666ad504585c83e9d8af4be7e".hexadecimal)
        state.mode = 0o040775
        state.inherited = access
        #expect(
            Digest.sha256(state.encodedForHash)
                == "1461f90cfc841b3f2c16857114cc18818f773e375a393a0e9d70dfdd10743a2a".hexadecimal)
        state = PosixState(
            owner: 30_001, group: 30_001, mode: 0o100775, access: PosixAccessList(mode: 0o755),
            inherited: PosixAccessList(entries: []))
        #expect(
            Digest.sha256(state.encodedForHash)
                == "6216c8fb74ce04292d20eaf7ec956c328729104feabdc6b05cf8a186bafb8a68".hexadecimal)
    }

    @Test func listBecomesAPosixList() {
        let mapping = IdentifierMapping(domain: SecurityIdentifier(5, 21, 1, 2, 3))
        func reflect(
            _ entries: [(SecurityIdentifier, AccessMask, AccessControlEntry.Flags)], isDirectory: Bool = false
        ) -> PosixState {
            var descriptor = SecurityDescriptor()
            descriptor.owner = .user(10)
            descriptor.discretionaryList = AccessControlList(allowing: entries)
            let old = PosixState(
                owner: 10, group: 20, mode: isDirectory ? 0o042755 : 0o100644, access: PosixAccessList(mode: 0),
                inherited: isDirectory ? PosixAccessList(entries: []) : nil)
            return descriptor.reflected(in: old, mapping)
        }
        // A list of owner, group and everybody is a mode.
        let plain = reflect([
            (.user(10), .fileAllAccess, []), (.group(20), .fileGenericRead, []), (.everyone, .fileGenericExecute, []),
        ])
        #expect(plain.mode == 0o100751)
        #expect(plain.access == PosixAccessList(mode: 0o751))
        // Named ones have entries and a mask; of those who are nobody here only everybody's rights remain.
        let named = reflect([
            (mapping.inDomain(.user(11)) ?? .everyone, .fileAllAccess, []), (.group(21), .fileGenericRead, []),
            (SecurityIdentifier(5, 21, 9, 9, 9, 1000), .fileAllAccess, []),
        ])
        #expect(named.access.entries.map(\.permissions) == [0, 7, 0, 4, 7, 0])
        #expect(named.access.entries.map(\.number) == [.max, 11, .max, 21, .max, .max])
        #expect(named.mode == 0o100070)
        // In a folder, whoever may do anything may pass; what is handed on is the default list. Other bits stay.
        let folder = reflect(
            [
                (.creatorOwner, .fileAllAccess, [.objectInherit, .containerInherit, .inheritOnly]),
                (.everyone, .fileGenericRead, [.objectInherit, .containerInherit]),
            ], isDirectory: true)
        #expect(folder.mode == 0o042555)
        #expect(folder.inherited == PosixAccessList(mode: 0o755))
        #expect(reflect([], isDirectory: true).inherited?.entries.isEmpty == true)
    }

    @Test func posixListsComeAndGo() {
        let list = PosixAccessList(entries: [
            .init(tag: .owner, permissions: 7), .init(tag: .user, permissions: 7, number: 5),
            .init(tag: .owningGroup, permissions: 5), .init(tag: .mask, permissions: 1),
            .init(tag: .others, permissions: 0),
        ])
        #expect(PosixAccessList(list.encoded[...]) == list)
        #expect(list.mode == 0o710)
        let descriptor = SecurityDescriptor(PosixState(owner: 1, group: 2, mode: 0o100710, access: list))
        #expect(descriptor.rights(of: [.user(5)]) == PermissionBits.rights(1, isOwner: false, isDirectory: false))
        for count in 0..<list.encoded.count where count % 8 != 4 {
            #expect(PosixAccessList(list.encoded[..<count]) == nil)
        }
        #expect(PosixAccessList([2, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 8)[...]) == nil)
    }
}

@Suite("Security descriptors and Linux", .enabled(if: geteuid() == 0)) struct ReflectionTests {
    private let alice = Credentials(userID: 61_001, groupID: 61_001, groups: [61_100])
    private let bob = Credentials(userID: 61_002, groupID: 61_002, groups: [61_100])

    private func set(
        _ file: any StoreFile, _ entries: [(SecurityIdentifier, AccessMask, AccessControlEntry.Flags)],
        as user: Credentials
    ) throws {
        var new = SecurityDescriptor()
        new.control = .daclPresent
        new.discretionaryList = AccessControlList(allowing: entries)
        try file.setSecurityDescriptor(new.encoded(), parts: 4, as: user)
    }

    private func mode(_ share: TemporaryShare, _ name: String) -> mode_t {
        var status = stat()
        stat(share.local(name), &status)
        return status.st_mode & 0o7777
    }

    @Test func localChangesCount() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        try set(file, [(.user(alice.userID), .fileAllAccess, []), (.everyone, .fileGenericRead, [])], as: alice)
        #expect(mode(share, "f") == 0o744)
        _ = try share.open("f", .readData, as: bob)
        // Somebody takes it back locally: the list has nothing to say any more.
        chmod(share.local("f"), 0o600)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", .readData, as: bob) } == .accessDenied)
        let now = try SecurityDescriptor(file.securityDescriptor(as: alice)[...])
        #expect(now.rights(of: [.everyone]).isDisjoint(with: [.readData, .writeData]))
        chmod(share.local("f"), 0o744)
        _ = try share.open("f", .readData, as: bob)
    }

    @Test func listGivesWhatNoPosixListCan() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        try file.write("text")
        // Bob reads by his name and writes by his group: for POSIX his name is all.
        try set(
            file, [(.user(bob.userID), .fileGenericRead, []), (.group(61_100), .fileGenericWrite, [])], as: alice)
        let opened = try share.open("f", [.readData, .writeData], as: bob)
        #expect(try opened.file.text() == "text")
        try opened.file.write("TEXT")
        let maximal = try share.open("f", .maximumAllowed, as: bob)
        try maximal.file.write("more")
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", .writeDAC, as: bob) } == .accessDenied)
        // Run, but not read.
        try set(file, [(.user(bob.userID), .fileGenericExecute, [])], as: alice)
        _ = try share.open("f", .execute, as: bob)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", .readData, as: bob) } == .accessDenied)
    }

    @Test func fileMayBeDeletedWhoseFolderMayNotBeWritten() throws {
        let share = try TemporaryShare()
        mkdir(share.local("d"), 0o755)
        chown(share.local("d"), alice.userID, alice.groupID)
        let file = try share.open("d/f", .fileAllAccess, .create, as: alice).file
        try set(file, [(.user(bob.userID), [.delete, .readAttributes], [])], as: alice)
        let opened = try share.open("d/f", .delete, as: bob)
        try opened.file.checkRemovable(as: bob)
        try opened.file.remove(as: bob)
        #expect(!share.exists("d/f"))
    }

    @Test func aStickyFolderKeepsItsFilesWhateverTheirListsSay() throws {
        let share = try TemporaryShare()
        mkdir(share.local("d"), 0o755)
        chmod(share.local("d"), 0o1777)
        let file = try share.open("d/f", .fileAllAccess, .create, as: alice).file
        try set(file, [(.user(bob.userID), [.delete, .readAttributes], [])], as: alice)
        let opened = try share.open("d/f", .delete, as: bob).file
        #expect(share.status { () throws(NTStatus) in try opened.checkRemovable(as: bob) } == .accessDenied)
        #expect(share.status { () throws(NTStatus) in try opened.remove(as: bob) } == .accessDenied)
        #expect(share.exists("d/f"))
    }

    /// Root's power goes to the file that the list is about, and to nothing that has come into its place.
    @Test func aListOpensAndDeletesItsOwnFileOnly() throws {
        let share = try TemporaryShare()
        mkdir(share.local("d"), 0o755)
        chown(share.local("d"), alice.userID, alice.groupID)
        let list: [(SecurityIdentifier, AccessMask, AccessControlEntry.Flags)] = [
            (.user(bob.userID), [.readData, .execute, .delete, .readAttributes], [])
        ]
        try set(try share.open("d/f", .fileAllAccess, .create, as: alice).file, list, as: alice)
        let opened = try share.open("d/f", [.readData, .delete], as: bob).file
        rename(share.local("d/f"), share.local("d/g"))
        share.writeLocally("d/f", "another", mode: 0o600)
        chown(share.local("d/f"), alice.userID, alice.groupID)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/f", .readData, as: bob) } == .accessDenied)
        // The handle follows its file.
        try opened.remove(as: bob)
        #expect(share.exists("d/f") && !share.exists("d/g"))
        // Folders on the way are the kernel's to judge, and links lead nowhere.
        try set(try share.open("d/h", .fileAllAccess, .create, as: alice).file, list, as: alice)
        symlink("d/h", share.local("link"))
        #expect(share.status { () throws(NTStatus) in _ = try share.open("link", .readData, as: bob) } != .success)
        chmod(share.local("d"), 0o700)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/h", .readData, as: bob) } == .accessDenied)
    }

    @Test func ownersAreTakenAndNotGiven() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        func setOwner(_ owner: SecurityIdentifier, as user: Credentials) throws(NTStatus) {
            var new = SecurityDescriptor()
            new.owner = owner
            try file.setSecurityDescriptor(new.encoded(), parts: 1, as: user)
        }
        #expect(share.status { () throws(NTStatus) in try setOwner(.user(bob.userID), as: alice) } == .invalidOwner)
        try setOwner(.user(bob.userID), as: bob)
        var status = stat()
        stat(share.local("f"), &status)
        #expect(status.st_uid == bob.userID)
        // An administrator gives.
        try setOwner(.user(alice.userID), as: Credentials(userID: 0, groupID: 0, groups: []))
        stat(share.local("f"), &status)
        #expect(status.st_uid == alice.userID)
    }

    @Test func systemListsAreForRoot() throws {
        let share = try TemporaryShare()
        let root = Credentials(userID: 0, groupID: 0, groups: [])
        try share.open("f", .fileAllAccess, .create, as: alice).file.close()
        #expect(
            share.status { () throws(NTStatus) in _ = try share.open("f", .accessSystemSecurity, as: alice) }
                == .privilegeNotHeld)
        let file = try share.open("f", [.accessSystemSecurity, .readControl], as: root).file
        var new = SecurityDescriptor()
        new.control = .saclPresent
        new.systemList = AccessControlList(allowing: [(.everyone, .readData, [])])
        try file.setSecurityDescriptor(new.encoded(), parts: 8, as: root)
        #expect(try SecurityDescriptor(file.securityDescriptor(as: root)[...]).systemList == new.systemList)
    }

    @Test func streamsAreTheFilesToGive() throws {
        // CVE-2013-4475: a stream opened past its file's list.
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        try share.open("f:s", .fileAllAccess, .create, as: alice).file.write("secret")
        try set(file, [(.user(bob.userID), [.readAttributes, .readControl], [])], as: alice)
        for access in [AccessMask.readData, .writeData] {
            #expect(share.status { () throws(NTStatus) in _ = try share.open("f:s", access, as: bob) } == .accessDenied)
        }
        // Nor is one made by who may not write.
        #expect(
            share.status { () throws(NTStatus) in _ = try share.open("f:new", .readAttributes, .openIf, as: bob) }
                == .accessDenied)
        #expect(share.attribute("f", "user.DosStream.new:$DATA") == nil)
    }

    @Test func guestsAreNoAuthenticatedUsers() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        try set(file, [(.authenticatedUsers, .fileGenericRead, []), (.guests, .readControl, [])], as: alice)
        let guest = Credentials(userID: 65_534, groupID: 65_534, groups: [], isGuest: true)
        _ = try share.open("f", .readData, as: bob)
        _ = try share.open("f", .readControl, as: guest)
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f", .readData, as: guest) } == .accessDenied)
    }

    @Test func anotherServersOwnerIsKnownByTheHash() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, as: alice).file
        let foreign = SecurityIdentifier(5, 21, 7, 7, 7, 1000)
        var security = SecurityDescriptor()
        security.control = .daclPresent
        security.owner = foreign
        security.discretionaryList = AccessControlList(allowing: [(foreign, .fileGenericRead, [])])
        var status = stat()
        stat(share.local("f"), &status)
        let state = PosixState(
            owner: alice.userID, group: alice.groupID, mode: status.st_mode,
            access: PosixAccessList(mode: status.st_mode))
        #expect(share.setAttribute("f", "security.NTACL", NTACLAttribute.encode(security, state)) == 0)
        let read = try SecurityDescriptor(file.securityDescriptor(as: alice)[...])
        #expect(read.owner == .user(alice.userID))
        #expect(read.rights(of: [.user(alice.userID)]) == AccessMask.fileGenericRead.union(.writeDAC))
    }

    @Test func hostileAttributesAreNone() throws {
        let share = try TemporaryShare()
        try share.open("f", .fileAllAccess, .create, as: alice).file.close()
        for value in [
            [], [4, 0], [4, 0, 4, 0] + [UInt8](repeating: 0xFF, count: 400), [UInt8](repeating: 0, count: 60_000),
            // The description ends where the attribute does.
            [4, 0, 4, 0, 0, 0, 2, 0, 4, 0, 2, 0, 1, 0] + [UInt8](repeating: 0x41, count: 74) + [0],
        ] {
            _ = share.setAttribute("f", "security.NTACL", value)
            #expect(try share.open("f", .maximumAllowed, as: alice).grantedAccess == .fileAllAccess)
        }
    }
}
