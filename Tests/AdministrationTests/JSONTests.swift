import Testing

@testable import Administration

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "-12", "9223372036854775807", "1.5", #""a\"\\\n\u0001é😀""#, "[]", "{}", "[1,[2],{\"a\":null}]",
        #"{"b":1,"a":{"c":[false,""]}}"#,
    ])
    func whatIsReadIsWrittenAgain(_ text: String) throws {
        let value = try #require(JSON(parsing: text))
        #expect(value.text == text)
    }

    @Test(arguments: [
        "", "nul", "[1,]", "{\"a\"}", "{a:1}", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\u+123\"", "1 2", "[1", "--1",
        "1e999",
        "\"\n\"", "{\"a\":1,}", "]",
    ])
    func whatIsNoValueIsRefused(_ text: String) { #expect(JSON(parsing: text) == nil) }

    @Test func everyStrictPrefixIsRefused() {
        let text = #"{"verb":"stätus","list":[1,true,"\u00e9"]}"#
        #expect(JSON(parsing: text) != nil)
        for count in 0..<text.count { #expect(JSON(parsing: String(text.prefix(count))) == nil) }
    }

    @Test func surrogatesMakeOneCharacterAndHalvesNone() {
        #expect(JSON(parsing: #""\ud83d\ude00""#) == "😀")
        #expect(JSON(parsing: #""\ud83d""#) == "\u{FFFD}")
        #expect(JSON(parsing: #""\ud83dx""#) == "\u{FFFD}x")
    }

    @Test func nestingIsBounded() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(JSON(parsing: nested(JSON.depthMax)) != nil)
        #expect(JSON(parsing: nested(JSON.depthMax + 2)) == nil)
        #expect(JSON(parsing: nested(100_000)) == nil)
    }

    @Test func prettyTextIsTheSameValue() {
        let value: JSON = ["a": [1, 2, ["b": "c"]], "d": [], "e": [:]]
        #expect(JSON(parsing: value.pretty) == value)
        #expect(value.pretty.hasPrefix("{\n  \"a\": [\n    1,\n"))
    }
}
