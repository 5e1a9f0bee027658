import FileStore
import Glibc
import NTTypes
import Testing

@testable import LinuxFileStore

@Suite("A file's space, [MS-FSA] 2.1.5.10") struct SpaceTests {
    private let share: TemporaryShare
    init() throws { share = try TemporaryShare() }
    private let block: UInt64 = 65_536

    private func filled(_ name: String, blocks: Int) throws -> any StoreFile {
        try share.create(name, String(repeating: "x", count: blocks * Int(block)))
    }

    @Test func aSparseFileHasHolesWhereItIsZeroed() throws {
        let file = try filled("f", blocks: 4)
        #expect(try file.allocatedRanges(in: 0..<1 << 40, countMax: 9) == [0..<4 * block])
        try file.setSparse(true, as: share.user)
        #expect(try file.information().attributes.contains(.sparseFile))
        try file.zero(block..<2 * block)
        #expect(try file.allocatedRanges(in: 0..<1 << 40, countMax: 9) == [0..<block, 2 * block..<4 * block])
        #expect(try file.allocatedRanges(in: 0..<1 << 40, countMax: 1) == [0..<block])
        #expect(try file.text(4, at: block - 2) == "xx\0\0")
        #expect(try file.information().endOfFile == 4 * block)
        #expect(try file.information().allocationSize == 3 * block)
    }

    @Test func zerosInAFileThatIsNotSparseKeepItsSpace() throws {
        let file = try filled("f", blocks: 2)
        try file.zero(0..<block)
        #expect(try file.text(2) == "\0\0")
        #expect(try file.allocatedRanges(in: 0..<2 * block, countMax: 9) == [0..<2 * block])
        #expect(try file.information().allocationSize == 2 * block)
        try file.zero(block + 1..<1 << 40)
        #expect(try file.information().endOfFile == 2 * block)
        #expect(try file.text(2, at: block) == "x\0")
    }

    @Test func whatOverlapsIsCopiedAsIfReadFirst() throws {
        let file = try share.create("f", "abcdefgh")
        try file.copy(0..<6, of: file, to: 2)
        #expect(try file.text() == "ababcdef")
        try file.copy(2..<8, of: file, to: 0)
        #expect(try file.text() == "abcdefef")
    }

    @Test func copiesGoFromFilesToStreamsAndBack() throws {
        let file = try share.create("f", "from the file")
        let stream = try share.open("g:s", .fileAllAccess, .create).file
        try stream.copy(5..<13, of: file, to: 0)
        #expect(try stream.text() == "the file")
        try file.copy(0..<3, of: stream, to: 0)
        #expect(try file.text() == "them the file")
        let beyond = share.status { () throws(NTStatus) in try file.copy(0..<100, of: stream, to: 0) }
        #expect(beyond == .invalidViewSize)
    }

    @Test func settingSpaceAsideChangesTheFileButNotItsData() throws {
        let file = try share.create("f", "data")
        let before = try file.information()
        usleep(20_000)
        try file.setAllocationSize(1 << 20)
        let after = try file.information()
        #expect(after.lastWriteTime == before.lastWriteTime)
        #expect(after.changeTime > before.changeTime)
        #expect(after.allocationSize == 1 << 20)
        #expect(after.endOfFile == 4)
    }
}
