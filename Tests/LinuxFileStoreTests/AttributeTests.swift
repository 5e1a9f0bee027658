import FileStore
import Glibc
import NTTypes
import Testing

@testable import LinuxFileStore

@Suite("Attributes, times, EAs, streams, security") struct AttributeTests {
    // MARK: DOSATTRIB

    private func decode(_ bytes: [UInt8]) -> DOSAttributes? { DOSAttributes(bytes.span) }

    private func words(_ values: UInt64..., sizes: [Int]) -> [UInt8] {
        zip(values, sizes).flatMap { value, size in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }

    private let creation: UInt64 = 0x01D9_0000_1234_5678

    @Test func everyVersionIsRead() {
        let head: (UInt8) -> [UInt8] = { [0, 0, $0, 0, $0, 0, 0, 0] }
        let one = head(1) + words(0x22, 0, 1, 2, creation, 3, sizes: [4, 4, 8, 8, 8, 8])
        let two = head(2) + words(0, 0x22, 0, 1, 2, creation, 3, 4, 0, sizes: [4, 4, 4, 8, 8, 8, 8, 8, 1])
        let three = head(3) + words(0x11, 0x22, 0, 1, 2, creation, 3, sizes: [4, 4, 4, 8, 8, 8, 8])
        let four = head(4) + words(0x51, 0x22, 7, creation, sizes: [4, 4, 8, 8])
        let five = head(5) + words(0x11, 0x22, creation, sizes: [4, 4, 8])
        for bytes in [one, two, three, four, five] {
            let read = decode(bytes)
            #expect(read?.attributes == [.hidden, .archive])
            #expect(read?.creationTime?.rawValue == creation)
        }
        #expect(decode(Array("0x23\0".utf8))?.attributes == [.readOnly, .hidden, .archive])
        #expect(decode(Array("0x23\0".utf8))?.creationTime == nil)
    }

    @Test func flagsSayWhatHolds() {
        let none: [UInt8] = [0, 0, 5, 0, 5, 0, 0, 0] + words(0, 0x22, creation, sizes: [4, 4, 8])
        #expect(decode(none)?.attributes == [])
        #expect(decode(none)?.creationTime == nil)
    }

    @Test func writtenIsRead() {
        var value = DOSAttributes(attributes: [.readOnly, .system], creationTime: FileTime(rawValue: creation))
        #expect(decode(value.encoded) == value)
        #expect(value.encoded.count == 24)
        value.keptChangeTime = .init(
            changeTime: FileTime(rawValue: 5), validUntil: FileTime(rawValue: 6), lastWriteTime: FileTime(rawValue: 7))
        #expect(decode(value.encoded) == value)
    }

    @Test func hostileValuesAreIgnored() throws {
        let good = DOSAttributes(attributes: .hidden, creationTime: FileTime(rawValue: creation)).encoded
        for count in 0..<good.count { #expect(decode(Array(good[..<count]))?.creationTime == nil) }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255) }
            _ = decode(bytes)
            _ = decode((0..<Int.random(in: 0..<80)).map { _ in .random(in: 0...255, using: &random) })
        }
        let share = try TemporaryShare()
        try share.create("f")
        for bytes in [[], [0], [UInt8](repeating: 0xFF, count: 600), Array("0xzz\0".utf8), [0, 0, 9, 0, 9, 0, 0, 0]] {
            _ = share.setAttribute("f", "user.DOSATTRIB", bytes)
            #expect(try share.open("f").information.attributes == .archive)
        }
    }

    @Test func attributesAndTimesAreKept() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, [], attributes: .hidden).file
        #expect(try file.information().attributes == [.hidden, .archive])
        var change = BasicInformationChange()
        change.attributes = [.system, .readOnly]
        let times = (1...4).map { FileTime(unixSeconds: 1_000_000_000 + Int64($0), nanoseconds: 123_456_700) }
        change.creationTime = times[0]
        change.lastAccessTime = times[1]
        change.lastWriteTime = times[2]
        change.changeTime = times[3]
        try file.setBasicInformation(change, as: share.user)
        let found = try share.open("F", .readAttributes).information
        #expect(found.attributes == [.system, .readOnly])
        #expect([found.creationTime, found.lastAccessTime, found.lastWriteTime, found.changeTime] == times)
        change = BasicInformationChange()
        change.attributes = .normal
        try file.setBasicInformation(change, as: share.user)
        #expect(try file.information().attributes == .normal)
        #expect(try file.information().creationTime == times[0])
    }

    @Test func changeTimeHoldsUntilTheNextChange() throws {
        let share = try TemporaryShare()
        let file = try share.create("f", "x")
        let old = FileTime(unixSeconds: 1_000_000_000, nanoseconds: 0)
        var change = BasicInformationChange()
        change.changeTime = old
        try file.setBasicInformation(change, as: share.user)
        #expect(try file.information().changeTime == old)
        usleep(30_000)
        #expect(try share.open("f").information.changeTime == old)
        chmod(share.local("f"), 0o600)
        #expect(try file.information().changeTime > old)
        try file.setBasicInformation(change, as: share.user)
        usleep(10_000)
        try file.write("y")
        #expect(try file.information().changeTime > old)
    }

    @Test func impossibleAttributesAreRefused() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        let folder = try share.makeFolder("d")
        var change = BasicInformationChange()
        change.attributes = .directory
        #expect(
            share.status { () throws(NTStatus) in
                try file.setBasicInformation(change, as: share.user)
            } == .invalidParameter)
        change.attributes = .temporary
        #expect(
            share.status { () throws(NTStatus) in
                try folder.setBasicInformation(change, as: share.user)
            } == .invalidParameter)
    }

    @Test func overwriteAddsAndSupersedeReplacesAttributes() throws {
        let share = try TemporaryShare()
        let file = try share.open("f", .fileAllAccess, .create, [], attributes: .system).file
        try file.write("data")
        try file.setExtendedAttributes([ExtendedAttribute(name: Array("E".utf8), value: [1])], as: share.user)
        _ = try share.open("f:s", .fileAllAccess, .create)
        var information = try file.overwrite(
            supersede: false, attributes: .hidden, extendedAttributes: [], allocationSize: 0, as: share.user)
        #expect(information.attributes == [.hidden, .system, .archive])
        #expect(information.endOfFile == 0)
        #expect(try file.streams().count == 1)
        #expect(try file.extendedAttributes(as: share.user).isEmpty)
        information = try file.overwrite(
            supersede: true, attributes: .normal, extendedAttributes: [], allocationSize: 0, as: share.user)
        #expect(information.attributes == .archive)
    }

    @Test func fileOfALocalProcessHasSensibleValues() throws {
        let share = try TemporaryShare()
        share.writeLocally("f", "hello")
        let information = try share.open("f").information
        #expect(information.attributes == .archive)
        #expect(information.creationTime.rawValue > 0)
        #expect(information.creationTime <= information.lastWriteTime)
        #expect(share.attribute("f", "user.DOSATTRIB") == nil)
    }

    @Test func sparseFileHasWhatItHas() throws {
        let share = try TemporaryShare()
        share.writeLocally("f")
        truncate(share.local("f"), 1 << 30)
        let information = try share.open("f").information
        #expect(information.endOfFile == 1 << 30)
        #expect(information.allocationSize == 0)
    }

    // MARK: extended attributes

    @Test func extendedAttributesAreKeptWithoutRegardToCase() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        #expect(try file.information().extendedAttributeSize == 0)
        try file.setExtendedAttributes([ExtendedAttribute(name: Array("NAME".utf8), value: [1, 2, 3])], as: share.user)
        #expect(share.attribute("f", "user.NAME") == [1, 2, 3])
        #expect(try file.information().extendedAttributeSize == 4 + 4 + 4 + 1 + 3)
        try file.setExtendedAttributes([ExtendedAttribute(name: Array("name".utf8), value: [4])], as: share.user)
        let attributes = try file.extendedAttributes(as: share.user)
        #expect(attributes.map(\.name) == [Array("NAME".utf8)])
        #expect(attributes.map(\.value) == [[4]])
        try file.setExtendedAttributes([ExtendedAttribute(name: Array("Name".utf8), value: [])], as: share.user)
        #expect(try file.extendedAttributes(as: share.user).isEmpty)
        for (name, status) in [
            ("", NTStatus.invalidExtendedAttributeName), ("a*b", .invalidExtendedAttributeName),
            ("dosattrib", .accessDenied), ("DosStream.x", .accessDenied),
        ] {
            #expect(
                share.status { () throws(NTStatus) in
                    try file.setExtendedAttributes(
                        [ExtendedAttribute(name: Array(name.utf8), value: [1])], as: share.user)
                } == status)
        }
        #expect(
            share.status { () throws(NTStatus) in
                try file.setExtendedAttributes(
                    [ExtendedAttribute(name: Array("big".utf8), value: [UInt8](repeating: 1, count: 65_535))],
                    as: share.user)
            } == .extendedAttributeTooLarge)
    }

    // MARK: streams

    @Test func streamIsMadeReadWrittenAndRemoved() throws {
        let share = try TemporaryShare()
        try share.create("f", "main")
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f:s", .readData) } == .objectNameNotFound)
        let made = try share.open("f:Stream", .fileAllAccess, .create)
        #expect(made.action == .created)
        try made.file.write("hello")
        try made.file.write("J")
        try made.file.write("!", at: 7)
        #expect(share.attribute("f", "user.DosStream.Stream:$DATA") == Array("Jello\0\0!\0".utf8))
        let found = try share.open("F:STREAM", .fileGenericRead)
        #expect(found.file.path == NTPath(test: "f:Stream"))
        #expect(found.information.endOfFile == 8)
        #expect(try found.file.text() == "Jello\0\0!")
        #expect(try found.file.text(2, at: 1) == "el")
        #expect(try found.file.text(at: 8) == "")
        #expect(try share.open("f").file.text() == "main")
        #expect(try found.file.streams().map(\.name.description) == ["", "Stream"])
        #expect(try found.file.streams().map(\.endOfFile) == [4, 8])
        try made.file.setEndOfFile(2)
        #expect(try found.file.text() == "Je")
        #expect(
            share.status { () throws(NTStatus) in _ = try share.open("f:stream", .readData, .create) }
                == .objectNameCollision)
        try made.file.rename(to: NTPath(test: "f:other"), replaceIfExists: false, as: share.user)
        #expect(try found.file.streams().map(\.name.description) == ["", "other"])
        try made.file.remove(as: share.user)
        #expect(share.attribute("f", "user.DosStream.other:$DATA") == nil)
        #expect(try share.open("f").file.extendedAttributes(as: share.user).isEmpty)
    }

    @Test func streamMakesItsFileAndFoldersHaveThemToo() throws {
        let share = try TemporaryShare()
        #expect(try share.open("new:s", .fileAllAccess, .openIf).action == .created)
        #expect(share.exists("new"))
        try share.makeFolder("d")
        let stream = try share.open("d:s", .fileAllAccess, .create, .nonDirectoryFile)
        #expect(!stream.file.isDirectory)
        #expect(!stream.information.isDirectory)
        try stream.file.write("x")
        #expect(
            share.status { () throws(NTStatus) in
                _ = try share.open("d:s", .readData, .open, .directoryFile)
            } == .notADirectory)
        #expect(
            share.status { () throws(NTStatus) in
                try stream.file.write(String(repeating: "x", count: 70_000))
            } == .diskFull)
        #expect(try stream.file.text() == "x")
    }

    // MARK: security

    @Test func descriptorComesFromTheModeUntilOneIsSet() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        let made = try SecurityDescriptor(file.securityDescriptor(as: share.user)[...])
        #expect(made.owner == .user(share.user.userID))
        #expect(made.group == .group(share.user.groupID))
        #expect(made.rights(of: [.user(share.user.userID)]) == .fileAllAccess)
        #expect(made.rights(of: [.everyone]) == AccessMask(rawValue: 0x1200A9))
        var new = SecurityDescriptor()
        new.control = SecurityDescriptor.discretionaryListPresent
        new.discretionaryList = SecurityDescriptor.list([(.everyone, .readControl)])
        try file.setSecurityDescriptor(new.encoded, parts: 4, as: share.user)
        let kept = try SecurityDescriptor(file.securityDescriptor(as: share.user)[...])
        #expect(kept.owner == made.owner)
        #expect(kept.discretionaryList == new.discretionaryList)
        // A NULL list gives everything.
        new.discretionaryList = nil
        try file.setSecurityDescriptor(new.encoded, parts: 4, as: share.user)
        #expect(try SecurityDescriptor(file.securityDescriptor(as: share.user)[...]).rights(of: []) == nil)
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
        let descriptor = try #require(NTACLAttribute.decode(version4))
        #expect(descriptor.owner == SecurityIdentifier(authority: 5, 21, 0x6497_604B, 0xF376_8D39, 0x2E2A_9BB8, 1000))
        #expect(descriptor.rights(of: [.everyone]) == AccessMask(rawValue: 0x12_00A9))
        #expect(descriptor.rights(of: [try #require(descriptor.owner)]) == .fileAllAccess)
        for count in 0..<version4.count { #expect(NTACLAttribute.decode(Array(version4[..<count])) == nil) }
        let again = try #require(NTACLAttribute.decode(NTACLAttribute.encode(descriptor)))
        #expect(again.encoded == descriptor.encoded)
        // smbd 4.17: a hidden system file.
        let attributes = decode("0000050005000000110000002600000092e350df067cdd01".hexadecimal)
        #expect(attributes?.attributes == [.hidden, .system, .archive])
        #expect(attributes?.encoded == "0000050005000000110000002600000092e350df067cdd01".hexadecimal)
        let share = try TemporaryShare()
        try share.create("f")
        _ = share.setAttribute("f", "user.DosStream.stream:$DATA", "68656c6c6f0a00".hexadecimal)
        #expect(try share.open("f:stream").file.text() == "hello\n")
    }

    @Test func folderHandsItsListOn() throws {
        let owner = SecurityIdentifier.user(7)
        let group = SecurityIdentifier.group(8)
        var folder = SecurityDescriptor()
        // Files only; folders only, once; both; none; the owner.
        let entries: [(UInt8, SecurityIdentifier, UInt32)] = [
            (0x1, .everyone, 1), (0x2 | 0x4, .network, 2), (0x3, .authenticatedUsers, 3), (0, .everyone, 4),
            (0x3 | 0x8, .creatorOwner, 0x1000_0000),
        ]
        folder.control = SecurityDescriptor.discretionaryListPresent
        var list = SecurityDescriptor.list(entries.map { ($0.1, AccessMask(rawValue: $0.2)) })
        var offset = 8
        for entry in entries {
            list[offset + 1] = entry.0
            offset += Int(list[offset + 2])
        }
        folder.discretionaryList = list
        func summary(_ isDirectory: Bool) throws -> [String] {
            let list = try #require(folder.inheritedList(isDirectory: isDirectory, owner: owner, group: group)).list
            var new = SecurityDescriptor()
            new.control = SecurityDescriptor.discretionaryListPresent
            new.discretionaryList = list
            new = try SecurityDescriptor(new.encoded[...])
            var rest = list[8...]
            var lines: [String] = []
            while !rest.isEmpty {
                lines.append("\(rest[rest.startIndex + 1]) \(String(rest.littleEndian32(4), radix: 16))")
                rest = rest.dropFirst(Int(rest.littleEndian16(2)))
            }
            return lines
        }
        #expect(try summary(false) == ["0 1", "0 3", "0 1f01ff"])
        #expect(try summary(true) == ["9 1", "0 2", "3 3", "0 1f01ff", "11 10000000"])
        folder.discretionaryList = SecurityDescriptor.list([(.everyone, .readData)])
        #expect(folder.inheritedList(isDirectory: false, owner: owner, group: group) == nil)
    }

    @Test func hostileDescriptorsAreRefused() throws {
        var random = SystemRandomNumberGenerator()
        var descriptor = SecurityDescriptor()
        descriptor.control = 4
        descriptor.owner = .user(1)
        descriptor.discretionaryList = SecurityDescriptor.list([(.everyone, .readData), (.network, .readData)])
        let good = descriptor.encoded
        for count in 0..<good.count { _ = try? SecurityDescriptor(good[..<count]) }
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255) }
            _ = (try? SecurityDescriptor(bytes[...]))?.rights(of: [.everyone])
            _ = (try? SecurityDescriptor(bytes[...]))?
                .inheritedList(isDirectory: true, owner: .everyone, group: .everyone)
            _ = NTACLAttribute.decode([4, 0, 4, 0] + bytes)
            _ = NTACLAttribute.decode([1, 0, 1, 0, 0, 0, 2, 0] + bytes)
        }
    }
}

extension String {
    fileprivate var hexadecimal: [UInt8] {
        let digits = compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
