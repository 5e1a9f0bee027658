import FileStore
import Glibc
import NTTypes
import Testing

@testable import LinuxFileStore

/// A folder in memory: other file systems may have no room for a stream of more than 4 KiB.
@Suite("Named streams in Samba's format") struct StreamTests {
    private let share: TemporaryShare
    init() throws { share = try TemporaryShare(in: "/dev/shm") }

    @Test func aLongStreamGoesOnInFurtherAttributes() throws {
        let text = String(repeating: "0123456789abcdef", count: 10_000)
        let stream = try share.open("f:long", .fileAllAccess, .create).file
        try stream.write(text)
        let first = try #require(share.attribute("f", "user.DosStream.long:$DATA"))
        #expect(first.count == 65_536 && first.last == 2)
        #expect(share.attribute("f", "user.DosStreamExt.1.long:$DATA")?.count == 65_536)
        #expect(share.attribute("f", "user.DosStreamExt.2.long:$DATA")?.count == text.utf8.count - 65_535 - 65_536)
        #expect(try share.open("f:long").file.text(text.utf8.count + 1) == text)
        #expect(try stream.streams().map(\.endOfFile) == [0, UInt64(text.utf8.count)])
        #expect(try stream.extendedAttributes(as: share.user).isEmpty)

        try stream.setEndOfFile(10)
        #expect(share.attribute("f", "user.DosStream.long:$DATA") == Array("0123456789\0".utf8))
        #expect(share.attribute("f", "user.DosStreamExt.1.long:$DATA") == nil)
    }

    /// As Samba writes them with a smaller `smbd max xattr size`, and Btrfs wants them.
    @Test func piecesMayBeSmall() throws {
        try share.create("f")
        _ = share.setAttribute("f", "user.DosStream.p:$DATA", Array("first, ".utf8) + [2])
        _ = share.setAttribute("f", "user.DosStreamExt.1.p:$DATA", Array("second, ".utf8))
        _ = share.setAttribute("f", "user.DosStreamExt.2.p:$DATA", Array("third".utf8))
        #expect(try share.open("f:p").file.text() == "first, second, third")
        #expect(try share.open("f:p").information.endOfFile == 20)
    }

    /// [MS-FSA] 2.1.4.17.
    @Test func whatIsWrittenToAStreamHasModifiedTheFile() throws {
        let stream = try share.open("f:s", .fileAllAccess, .create).file
        let before = FileTime(unixSeconds: 1_000_000_000, nanoseconds: 0)
        var times = BasicInformationChange()
        (times.lastAccessTime, times.lastWriteTime) = (before, before)
        for change in [{ try stream.write("text") }, { try stream.setEndOfFile(2) }] {
            try stream.setBasicInformation(times, as: share.user)
            try change()
            let information = try share.open("f").information
            #expect(information.lastWriteTime > before && information.lastAccessTime == before)
        }
    }

    @Test func whatHasNoRoomLeavesTheStreamAsItWas() throws {
        let stream = try share.open("f:s", .fileAllAccess, .create).file
        try stream.write("before")
        #expect(share.status { () throws(NTStatus) in try stream.write("x", at: 1 << 20) } == .diskFull)
        #expect(try stream.text() == "before")
    }

    @Test func whatKsmbdWroteHasNoMark() throws {
        try share.create("f")
        _ = share.setAttribute("f", "user.DosStream.k:$DATA", Array("ends with text".utf8))
        _ = share.setAttribute("f", "user.DosStream.n:$DATA", Array("ends with a small number\u{3}".utf8))
        #expect(try share.open("f:k").file.text() == "ends with text")
        #expect(try share.open("f:n").file.text() == "ends with a small number\u{3}")
        #expect(try share.open("f:k").information.endOfFile == 14)
    }

    @Test func aStreamBecomesTheFilesData() throws {
        try share.create("f", "old data")
        let stream = try share.open("f:s", .fileAllAccess, .create).file
        try stream.write("new")
        let target = NTPath(test: "f")
        let refused = share.status { () throws(NTStatus) in
            try stream.rename(to: target, replaceIfExists: false, as: share.user)
        }
        #expect(refused == .objectNameCollision)
        try stream.rename(to: target, replaceIfExists: true, as: share.user)
        #expect(try share.open("f").file.text() == "new")
        #expect(try stream.text() == "new")
        #expect(try stream.streams().count == 1)
    }

    @Test func withoutStreamsThereIsNoSuchName() throws {
        let share = try TemporaryShare { $0.hasStreams = false }
        try share.create("f")
        #expect(share.status { () throws(NTStatus) in _ = try share.open("f:s") } == .objectNameInvalid)
    }
}
