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
        #expect(encode(entry("short.txt"), as: .bothDirectory, share())[68] == 0)
        #expect(encode(entry(".."), as: .bothDirectory, share())[68] == 0)
        let bytes = encode(entry("a long name.text"), as: .bothDirectory, share())
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

@Suite("Security descriptors [MS-DTYP] 2.4.6") struct SelfRelativeDescriptorTests {
    /// Owner S-1-1-0 at 20, group S-1-5-18 at 32, an empty protected DACL at 44.
    private let bytes: [UInt8] =
        [1, 0, 0x04, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0]
        + [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] + [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0] + [2, 0, 8, 0, 0, 0, 0, 0]

    @Test func selectsPartsWithTheirControlBits() throws {
        let descriptor = try SelfRelativeDescriptor(bytes)
        let owner = descriptor.selecting(.owner)
        #expect(owner.count == 32)
        #expect(owner.littleEndian16(at: 2) == 0x8000)
        #expect(owner.littleEndian32(at: 4) == 20)
        let dacl = descriptor.selecting(.dacl)
        #expect(dacl.count == 28)
        #expect(dacl.littleEndian16(at: 2) == 0x9004)
        #expect(dacl.littleEndian32(at: 16) == 20)
        #expect(descriptor.selecting([.owner, .group, .dacl]) == bytes)
    }

    @Test("every strict prefix is rejected", arguments: 0..<52)
    func rejectsTruncation(byteCount: Int) {
        #expect(throws: NTStatus.self) { try SelfRelativeDescriptor(Array(bytes.prefix(byteCount))) }
    }

    @Test func entriesMustFillNoMoreThanTheirList() {
        var broken = bytes
        broken[48] = 1
        #expect(throws: NTStatus.invalidACL) { try SelfRelativeDescriptor(broken) }
    }
}

@Suite("Extended attributes [MS-FSCC] 2.4.16") struct ExtendedAttributeListTests {
    private func encode(_ attributes: [ExtendedAttribute]) -> [UInt8] {
        let buffer = PDUBuffer()
        var last: Int?
        for attribute in attributes {
            buffer.align(to: 4)
            if let last { buffer.patch(UInt32(buffer.count - last), at: last) }
            last = buffer.count
            ExtendedAttributeList.encode(attribute, into: buffer)
        }
        return buffer.array(0..<buffer.count)
    }

    @Test func bothWays() throws {
        let bytes = encode([
            ExtendedAttribute(name: Array("EAONE".utf8), value: Array("VALUE1".utf8)),
            ExtendedAttribute(flags: 0x80, name: Array("TWO".utf8), value: []),
        ])
        let decoded = try ExtendedAttributeList.decode(bytes)
        #expect(decoded.map(\.name) == [Array("EAONE".utf8), Array("TWO".utf8)])
        #expect(decoded.map(\.value) == [Array("VALUE1".utf8), []])
        #expect(decoded.map(\.flags) == [0, 0x80])
        for count in 1..<bytes.count where count != 20 {
            #expect(throws: NTStatus.self) { try ExtendedAttributeList.decode(Array(bytes.prefix(count))) }
        }
    }

    @Test func namesWithoutRegardToCase() {
        #expect(ExtendedAttributeList.areSame(Array("NewEA".utf8), Array("NEWEA".utf8)))
        #expect(ExtendedAttributeList.areSame(Array("NEWEA".utf8), Array("newea".utf8)))
        #expect(!ExtendedAttributeList.areSame(Array("a[".utf8), Array("a{".utf8)))
    }

    @Test func wildcardsAreNoNames() {
        let bytes = encode([ExtendedAttribute(name: Array("a*".utf8), value: [1])])
        #expect(throws: NTStatus.invalidExtendedAttributeName) { try ExtendedAttributeList.decode(bytes) }
    }
}
