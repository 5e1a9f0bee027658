import FileStore
import Glibc
import NTTypes
import Testing

@testable import LinuxFileStore

@Suite("Names without regard to case") struct FoldedNameTests {
    @Test(arguments: [
        ("abc", "ABC"), ("ärger", "ÄRGER"), ("straße", "STRA\u{1E9E}E"), ("σας", "ΣΑΣ"), ("k", "\u{212A}"),
        ("ǆ", "ǅ"), ("𐐨", "𐐀"), ("ﬅ", "ﬆ"), ("ꭰ", "Ꭰ"), ("ω", "Ω"), ("i", "I"),
    ])
    func equal(_ left: String, _ right: String) {
        #expect(FoldedName(NTName(left)).matches(NTName(right)))
        #expect(FoldedName(NTName(right)).matches(NTName(left)))
        #expect(FoldedName(NTName(left)).hash == FoldedName(NTName(right)).hash)
    }

    @Test(arguments: [
        ("a", "b"), ("a", "ab"), ("ab", "a"), ("ß", "ss"), ("\u{E4}", "a\u{308}"), ("ı", "i"), ("İ", "i"),
    ])
    func different(_ left: String, _ right: String) {
        #expect(!FoldedName(NTName(left)).matches(NTName(right)))
    }

    /// Every letter there is, against what the standard library knows of it: what has one small form is equal to it.
    @Test func allLettersAreEqualToTheirSmallForms() {
        var count = 0
        for value in UInt32(0x80)...0x10_FFFF {
            // What came after the version of the table may be what it likes.
            guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age <= (17, 0) else { continue }
            let folded = NTName.folded(value)
            #expect(NTName.folded(folded) == folded, "\(String(value, radix: 16))")
            let small = scalar.properties.lowercaseMapping.unicodeScalars
            // Those of Turkish and what is a letter and a mark have no simple folding.
            guard small.count == 1, let other = small.first, other != scalar else { continue }
            #expect(NTName.folded(other.value) == folded, "\(String(value, radix: 16))")
            count += 1
        }
        #expect(count > 1300)
    }

    @Test func bytesThatAreNoTextMatchThemselvesOnly() {
        let odd = NTName(utf8: [0xFF, 0x41, 0xC3])
        #expect(FoldedName(odd).matches(NTName(utf8: [0xFF, 0x61, 0xC3])))
        #expect(!FoldedName(odd).matches(NTName(utf8: [0xFE, 0x41, 0xC3])))
    }

    /// The bound of all names together has room for a folder of a million files of ordinary names.
    @Test func listOfManyNamesIsSmall() {
        var list = FoldedNameList()
        let count = 1 << 16
        for number in 0..<count {
            let name = Array("an ordinary name of a file, not short \(number).txt".utf8)
            let isInserted = list.insert(name[...], FoldedName(name.span))
            #expect(isInserted)
        }
        #expect(list.byteCount / count * 1_000_000 < FoldedNameIndex.byteCountMax)
    }

    @Test func listKeepsUpWithChanges() {
        var list = FoldedNameList()
        var truth: Set<String> = []
        var random = SystemRandomNumberGenerator()
        func change(_ name: String, _ isThere: Bool) {
            let bytes = Array(name.utf8)
            if isThere {
                let isInserted = list.insert(bytes[...], FoldedName(bytes.span))
                #expect(isInserted)
                truth.insert(name)
            } else {
                list.remove(bytes[...], FoldedName(bytes.span))
                truth.remove(name)
            }
        }
        for _ in 0..<20_000 {
            let number = Int.random(in: 0..<500, using: &random)
            let stem = "some quite long name of a file \(number)"
            change(Bool.random(using: &random) ? stem : stem.uppercased(), Bool.random(using: &random))
        }
        #expect(list.count == truth.count)
        for number in 0..<500 {
            let stem = "some quite long name of a file \(number)"
            let asked = NTName(stem.capitalizedFirst)
            let found = list.spelling(of: asked, FoldedName(asked)).map(\.description)
            let expected = truth.intersection([stem, stem.uppercased()])
            #expect(found == nil ? expected.isEmpty : expected.contains(found ?? ""))
            for name in expected {
                #expect(list.spelling(of: NTName(name), FoldedName(NTName(name)))?.description == name)
            }
        }
    }

    /// Everything twice: in a folder that is looked through until that has happened often, and in one whose names are
    /// kept from the first look on.
    @Test(arguments: [10, 1000])
    func changesOfOthersAreSeenAtOnce(count: Int) throws {
        let share = try TemporaryShare()
        try share.makeFolder("d")
        for index in 0..<count { share.writeLocally("d/File\(index)") }
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/none") } == .objectNameNotFound)
        for index in [0, count - 1] {
            #expect(try share.open("d/FILE\(index)").file.path == NTPath(test: "d/File\(index)"))
        }
        for round in 0..<50 {
            share.writeLocally("d/New\(round)")
            #expect(try share.open("D/nEW\(round)").file.path == NTPath(test: "d/New\(round)"))
            rename(share.local("d/New\(round)"), share.local("d/Moved\(round)"))
            #expect(share.status { () throws(NTStatus) in _ = try share.open("d/nEW\(round)") } == .objectNameNotFound)
            #expect(try share.open("d/moved\(round)").file.path == NTPath(test: "d/Moved\(round)"))
            unlink(share.local("d/Moved\(round)"))
            #expect(
                share.status { () throws(NTStatus) in _ = try share.open("d/MOVED\(round)") } == .objectNameNotFound)
            try share.create("d/made\(round)")
            #expect(
                share.status { () throws(NTStatus) in _ = try share.open("d/MADE\(round)", .readData, .create) }
                    == .objectNameCollision)
        }
        // The folder is made anew, perhaps with the number of the old one.
        rename(share.local("d"), share.local("gone"))
        try share.makeFolder("d")
        #expect(share.status { () throws(NTStatus) in _ = try share.open("d/FILE0") } == .objectNameNotFound)
    }
}

extension String {
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
