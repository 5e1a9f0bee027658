import NTTypes
import Testing

@Suite("8.3 names [MS-FSCC] 2.1.5.2.1") struct ShortNameTests {
    @Test(arguments: ["A", "readme.txt", "ABCDEFGH.XYZ", "a~1", "file$.c"])
    func namesThatAreShortAlready(name: String) {
        #expect(ShortName.isShort(NTName(name)))
        #expect(ShortName.make(for: NTName(name)) == nil)
        #expect(ShortName.orItself(NTName(name)) == NTName(name))
    }

    @Test(arguments: [
        "verylongfilename", ".bashrc", "a.b.c", "with space", "a.text", "ä", "a.", "abcdefghi", "+", "x.y z",
    ])
    func longNamesGetAShortOneOfTheirOwn(name: String) throws {
        let short = try #require(ShortName.make(for: NTName(name)))
        #expect(ShortName.isShort(short))
        #expect(ShortName.mayBeMangled(short))
        #expect(ShortName.isShort(short, of: NTName(name)))
    }

    @Test func caseDoesNotMatter() throws {
        let short = try #require(ShortName.make(for: NTName("VeryLongFileName.Text")))
        #expect(short == ShortName.make(for: NTName("verylongfilename.text")))
        #expect(ShortName.isShort(NTName(short.description.lowercased()), of: NTName("VERYLONGFILENAME.TEXT")))
        #expect(short.description.hasSuffix(".TEX"))
    }

    @Test func differentNamesDiffer() {
        let names = Set((0..<10_000).compactMap { ShortName.make(for: NTName("some long name \($0).document"))?.utf8 })
        #expect(names.count == 10_000)
    }
}
