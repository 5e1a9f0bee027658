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

    /// FILE_NEED_EA, [MS-FSCC] 2.4.16.
    @Test func oneMayBeNeeded() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        func set(_ name: String, flags: UInt8, _ value: [UInt8]) throws(NTStatus) {
            let attribute = ExtendedAttribute(flags: flags, name: Array(name.utf8), value: value)
            try file.setExtendedAttributes([attribute], as: share.user)
        }
        func openUnknowing() -> NTStatus {
            share.status { () throws(NTStatus) in
                _ = try share.open("f", .readData, .open, .noExtendedAttributeKnowledge)
            }
        }
        #expect(share.status { () throws(NTStatus) in try set("a", flags: 1, [1]) } == .invalidExtendedAttributeName)
        try set("plain", flags: 0, [1])
        #expect(openUnknowing() == .success)
        try set("Needed", flags: 0x80, [1])
        #expect(try Set(file.extendedAttributes(as: share.user).map(\.flags)) == [0, 0x80])
        #expect(openUnknowing() == .accessDenied)
        // Neither counted nor shown, and gone with what it is about.
        #expect(try file.information().extendedAttributeSize == UInt32(4 + 4 + 5 + 2 + 4 + 6 + 2))
        try set("NEEDED", flags: 0, [2])
        #expect(openUnknowing() == .success)
        try set("needed", flags: 0x80, [3])
        _ = try file.overwrite(
            supersede: false, attributes: [], extendedAttributes: [], allocationSize: 0, as: share.user)
        #expect(openUnknowing() == .success)
        #expect(share.attribute("f", "user.APUS_NEED_EA") == nil)
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

    @Test func whatSambaWroteIsRead() throws {
        // smbd 4.17: a hidden system file.
        let attributes = decode("0000050005000000110000002600000092e350df067cdd01".hexadecimal)
        #expect(attributes?.attributes == [.hidden, .system, .archive])
        #expect(attributes?.encoded == "0000050005000000110000002600000092e350df067cdd01".hexadecimal)
        let share = try TemporaryShare()
        try share.create("f")
        _ = share.setAttribute("f", "user.DosStream.stream:$DATA", "68656c6c6f0a00".hexadecimal)
        #expect(try share.open("f:stream").file.text() == "hello\n")
    }
}

extension String {
    var hexadecimal: [UInt8] {
        let digits = compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
