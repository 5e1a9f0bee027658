import NTTypes
import Testing

@Suite("Name expressions [MS-FSA] 2.1.4.4") struct NameExpressionTests {
    private func matches(_ pattern: String, _ name: String) -> Bool {
        NameExpression(NTName(pattern)).matches(NTName(name))
    }

    @Test(arguments: [
        ("*", "a"), ("*", ".hidden"), ("*.txt", "a.txt"), ("*.TXT", "ä.b.txt"), ("a?c", "abc"), ("a*c", "ac"),
        ("*.*", "a.b"), ("a**b", "axxb"), ("?", "ä"), ("ÄÖ*", "äöü"), ("file", "FILE"), ("*a*b*c", "xxaxxbxxc"),
    ])
    func starAndQuestionMark(pattern: String, name: String) { #expect(matches(pattern, name)) }

    @Test(arguments: [
        ("*.txt", "a.txt2"), ("a?c", "ac"), ("?", ""), ("*.*", "ab"), ("", "a"), ("abc", "abcd"), ("abcd", "abc"),
        ("a*c", "acd"), ("ss", "ß"),
    ])
    func whatDoesNotMatch(pattern: String, name: String) { #expect(!matches(pattern, name)) }

    @Test("DOS_STAR stops at the last period")
    func dosStar() {
        #expect(matches("<.txt", "a.b.txt"))
        #expect(matches("<", "abc"))
        #expect(!matches("<", "abc.def"))
        #expect(matches("<.", "abc."))
        #expect(!matches("<.", "abc"))
    }

    @Test("DOS_QM takes nothing before a period and at the end")
    func dosQuestionMark() {
        #expect(matches(">>>", "abc"))
        #expect(matches(">>>", "a"))
        #expect(!matches(">>>", "abcd"))
        #expect(matches(">>>>.>>>", "a.b"))
        #expect(!matches(">>>>", "a.b"))
    }

    @Test("DOS_DOT takes a period, or nothing at the end")
    func dosDot() {
        #expect(matches("abc\"", "abc"))
        #expect(matches("abc\"def", "abc.def"))
        #expect(!matches("abc\"def", "abcdef"))
        #expect(matches("<\"*", "abc.def"))
        #expect(matches("<\"*", "abc"))
    }

    @Test func casesCountWhereTheShareSaysSo() {
        #expect(!NameExpression(NTName("A*"), isCaseSensitive: true).matches(NTName("abc")))
        #expect(NameExpression(NTName("a*"), isCaseSensitive: true).matches(NTName("abc")))
    }

    @Test("a byte that is no UTF-8 is one character")
    func strayBytes() {
        #expect(NameExpression(NTName("a?b")).matches(NTName(utf8: [0x61, 0xFF, 0x62])))
        #expect(NameExpression(NTName("a??b")).matches(NTName(utf8: [0x61, 0xC3, 0xFF, 0x62])))
    }

    @Test("a pattern made to explode stays linear")
    func hostilePattern() {
        let pattern = String(repeating: "*a", count: 100) + "b"
        #expect(!matches(pattern, String(repeating: "a", count: 255)))
        #expect(matches(pattern, String(repeating: "a", count: 200) + "b"))
    }
}
