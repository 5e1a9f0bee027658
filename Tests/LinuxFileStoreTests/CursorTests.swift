import FileStore
import Glibc
import LinuxFileStore
import NTTypes
import Testing

@Suite("Folders [MS-FSA] 2.1.5.6.3") struct CursorTests {
    @Test func dotEntriesComeFirstThenAllOthersOnce() throws {
        let share = try TemporaryShare()
        try share.makeFolder("d")
        for index in 0..<3000 { share.writeLocally("d/a name of some length \(index)") }
        let names = try share.names("d")
        #expect(names.prefix(2) == [".", ".."])
        #expect(Set(names).count == 3002)
        #expect(names.count == 3002)
    }

    @Test func entriesCarryInformationAndComeAgain() throws {
        let share = try TemporaryShare()
        try share.create("f", "12345")
        try share.makeFolder("d")
        let cursor = try share.open("").file.makeDirectoryCursor(as: share.user)
        var seen: [String: FileInformation] = [:]
        while let entry = try cursor.next(matches: { _ in true }, wantsInformation: true) {
            seen[entry.name.description] = entry.information
        }
        #expect(seen["f"]?.endOfFile == 5)
        #expect(seen["f"]?.attributes == .archive)
        #expect(seen["d"]?.attributes == .directory)
        #expect(seen["."]?.identity == seen[".."]?.identity)
        #expect(try cursor.next(matches: { _ in true }, wantsInformation: true) == nil)
        share.writeLocally("late")
        try cursor.rewind()
        let late = NTName("late")
        let entry = try #require(try cursor.next(matches: { $0 == late }, wantsInformation: false))
        #expect(entry.information.identity.index != 0)
        cursor.pushBack(entry)
        #expect(try cursor.next(matches: { _ in false }, wantsInformation: false)?.name == late)
        #expect(try cursor.next(matches: { _ in false }, wantsInformation: false) == nil)
    }

    @Test func listingTellsTheSizeOfExtendedAttributes() throws {
        let share = try TemporaryShare()
        for (index, count) in [0, 1, 100].enumerated() {
            let file = try share.create("f\(index)")
            let attributes = (0..<count).map { number in
                ExtendedAttribute(name: Array("ATTRIBUTE\(number)".utf8), value: [1, 2])
            }
            try file.setExtendedAttributes(attributes, as: share.user)
        }
        let cursor = try share.open("").file.makeDirectoryCursor(as: share.user)
        while let entry = try cursor.next(matches: { $0.utf8.first == 0x66 }, wantsInformation: true) {
            let file = try share.open(entry.name.description).file
            #expect(entry.information.extendedAttributeSize == (try file.information().extendedAttributeSize))
        }
    }

    @Test func parentOfAFolderIsItsParent() throws {
        let share = try TemporaryShare()
        try share.makeFolder("d")
        let folder = try share.makeFolder("d/e")
        let cursor = try folder.makeDirectoryCursor(as: share.user)
        _ = try cursor.next(matches: { _ in true }, wantsInformation: true)
        let parent = try cursor.next(matches: { _ in true }, wantsInformation: true)
        #expect(parent?.name == NTName(".."))
        #expect(parent?.information.identity == (try share.open("d").file.identity))
    }

    @Test func fileHasNoEntries() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        #expect(
            share.status { () throws(NTStatus) in
                _ = try file.makeDirectoryCursor(as: share.user)
            } == .invalidParameter)
    }

    @Test func volumeSaysHowMuchThereIs() throws {
        let share = try TemporaryShare()
        let volume = try share.store.volumeInformation(as: share.user)
        #expect(volume.totalByteCount > volume.availableByteCount)
        #expect(volume.blockByteCount.nonzeroBitCount == 1)
        #expect(!volume.isReadOnly)
    }

    @Test func missingRootIsRefused() {
        #expect(throws: LinuxFileStoreError.self) { try LinuxFileStore(root: "/nowhere/at/all") }
        #expect(throws: LinuxFileStoreError.rootNotAFolder(path: "/etc/passwd")) {
            try LinuxFileStore(root: "/etc/passwd")
        }
    }
}
