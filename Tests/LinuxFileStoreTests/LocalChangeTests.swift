import FileStore
import NTTypes
import Testing

@testable import LinuxFileStore

/// Events of fanotify(7), as Linux 6.18 writes them.
struct LocalChangeTests {
    private let folder: [UInt8] = Array(1...8) + [8, 0, 0, 0, 1, 0, 0, 0] + Array(11...18)

    private func record(_ kind: UInt8, _ name: String) -> [UInt8] {
        var body = folder + Array(name.utf8) + [0]
        while body.count % 4 != 0 { body.append(0) }
        return [kind, 0] + bytes(UInt16(body.count + 4)) + body
    }
    private func event(mask: UInt64, process: UInt32, _ records: [UInt8]) -> [UInt8] {
        bytes(UInt32(24 + records.count)) + [3, 0, 24, 0] + bytes(mask) + bytes(UInt32.max) + bytes(process) + records
    }
    private func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    @Test("Each event tells who did what to which name of which folder")
    func events() throws {
        let all =
            event(mask: 0x100, process: 7, record(2, "new"))
            + event(mask: 0x4000_0200, process: 8, record(2, "gone"))
            + event(mask: 0x1000_0000, process: 9, record(10, "old") + record(12, "renamed"))
        var rest = all[...]
        let first = try #require(LocalChangeEvent(&rest))
        #expect(first.process == 7)
        #expect(first.changes.map(\.0) == [folder])
        #expect(first.changes.map(\.1) == [.added(NTName("new"), isDirectory: false)])
        let second = try #require(LocalChangeEvent(&rest))
        #expect(second.changes.map(\.1) == [.removed(NTName("gone"), isDirectory: true)])
        let third = try #require(LocalChangeEvent(&rest))
        #expect(
            third.changes.map(\.1) == [.renamed(from: NTName("old"), to: NTName("renamed"), isDirectory: false)])
        #expect(LocalChangeEvent(&rest) == nil)
    }

    @Test("What is cut off, or about the folder itself, tells nothing")
    func partialEvents() {
        let whole = event(mask: 0x100, process: 7, record(2, "new"))
        for count in 0..<whole.count {
            var part = whole[..<count]
            #expect(LocalChangeEvent(&part) == nil)
        }
        var itself = event(mask: 0x4000_0004, process: 7, record(2, "."))[...]
        #expect(LocalChangeEvent(&itself)?.changes.isEmpty == true)
    }
}
