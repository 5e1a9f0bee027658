import FileStore
import NTTypes
import Platform
import Testing

@testable import SMBServer

@Suite("Directory entries [MS-FSCC] 2.4") struct DirectoryEntryEncodingTests {
    static let classes: [DirectoryEntryClass] = [
        .directory, .fullDirectory, .bothDirectory, .names, .idBothDirectory, .idFullDirectory, .idExtdDirectory,
        .idExtdBothDirectory,
    ]

    private func entry(_ name: String) -> DirectoryEntry {
        var information = FileInformation()
        information.identity = FileIdentity(device: 1, index: 0x1122_3344_5566_7788)
        information.creationTime = FileTime(rawValue: 1)
        information.lastAccessTime = FileTime(rawValue: 2)
        information.lastWriteTime = FileTime(rawValue: 3)
        information.changeTime = FileTime(rawValue: 4)
        information.endOfFile = 5
        information.allocationSize = 6
        information.attributes = .archive
        information.extendedAttributeSize = 7
        return DirectoryEntry(name: NTName(name), information: information)
    }

    private func encode(_ entry: DirectoryEntry, as entryClass: DirectoryEntryClass, _ share: Share) -> [UInt8] {
        let buffer = PDUBuffer()
        entry.encode(as: entryClass, share, into: buffer)
        return buffer.array(0..<buffer.count)
    }

    private func share(marksHidden: @escaping @Sendable (NTName) -> Bool = { _ in false }) -> Share {
        Share(name: "share", kind: .pipes, marksHidden: marksHidden)
    }

    @Test("the name follows the fixed part and its length says so", arguments: classes)
    func layout(entryClass: DirectoryEntryClass) {
        let bytes = encode(entry("añ"), as: entryClass, share())
        #expect(bytes.count == entryClass.fixedByteCount + 4)
        #expect(Array(bytes.suffix(4)) == [0x61, 0, 0xF1, 0])
        let lengthAt = entryClass == .names ? 8 : 60
        #expect(bytes.littleEndian32(at: lengthAt) == 4)
    }

    @Test func timesSizesAndAttributesInTheirPlaces() {
        let bytes = encode(entry("a"), as: .idBothDirectory, share())
        #expect((0..<6).map { bytes.littleEndian64(at: 8 + 8 * $0) } == [1, 2, 3, 4, 5, 6])
        #expect(bytes.littleEndian32(at: 56) == FileAttributes.archive.rawValue)
        #expect(bytes.littleEndian32(at: 64) == 7)
        #expect(bytes.littleEndian64(at: 96) == 0x1122_3344_5566_7788)
    }

    @Test func reparsePointsShowTheirTagInsteadOfTheSize() {
        var link = entry("link")
        link.information.attributes = [.reparsePoint]
        link.information.reparseTag = 0xA000_000C
        #expect(encode(link, as: .fullDirectory, share()).littleEndian32(at: 64) == 0xA000_000C)
        #expect(encode(link, as: .idExtdDirectory, share()).littleEndian32(at: 68) == 0xA000_000C)
    }

    @Test func onlyLongNamesHaveAShortOne() {
        let listing = Share(name: "share", kind: .pipes, shortNames: .listed)
        #expect(encode(entry("short.txt"), as: .bothDirectory, listing)[68] == 0)
        #expect(encode(entry(".."), as: .bothDirectory, listing)[68] == 0)
        #expect(encode(entry("a long name.text"), as: .bothDirectory, share())[68] == 0)
        let bytes = encode(entry("a long name.text"), as: .bothDirectory, listing)
        #expect(bytes[68] == 24)
        #expect(bytes[70] == UInt8(ascii: "A"))
    }

    @Test func theShareMayHideDotFiles() {
        let hiding = share { $0.utf8.first == UInt8(ascii: ".") }
        #expect(encode(entry(".profile"), as: .directory, hiding).littleEndian32(at: 56) == 0x22)
        #expect(encode(entry("."), as: .directory, hiding).littleEndian32(at: 56) == 0x20)
    }
}

@Suite("Buffer limits [MS-SMB2] 3.3.5.20.1") struct OutputBufferTests {
    @Test func cutsWhatDoesNotFitAndWarns() {
        let reply = PDUBuffer()
        let output = OutputBuffer(in: reply, limit: 4)
        reply.append(1 as UInt64)
        #expect(output.end() == .bufferOverflow)
        #expect(output.count == 4)
        #expect(reply.array(4..<8) == [4, 0, 0, 0])
    }

    @Test func emptyStillHasTheByteThatStructureSizeCounts() {
        let reply = PDUBuffer()
        let output = OutputBuffer(in: reply, limit: 4)
        #expect(output.end() == .success)
        #expect(reply.count == 9)
    }

    @Test func fixedPartMustFit() {
        let output = OutputBuffer(in: PDUBuffer(), limit: 39)
        #expect(throws: NTStatus.infoLengthMismatch) { try output.requireRoom(for: 40) }
    }
}
