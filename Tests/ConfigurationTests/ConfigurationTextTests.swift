import Testing

@testable import Configuration

/// Changing a file without touching what is not concerned.
struct ConfigurationTextTests {
    private static let text = """
        # of all
        [global]
        \tworkgroup = HOME ; ours
        [Data]  ; the first
        \tpath = /srv/data
        ; a word about it
        \tComment = one \\
        two
        [other]
        path = /srv/other

        """

    @Test func whatIsNotConcernedStays() { #expect(ConfigurationText(Self.text).text == Self.text) }

    @Test(arguments: ["\n", "\r\n"]) func aSectionThatIsAddedAndRemovedLeavesNothing(_ end: String) throws {
        let before = Self.text.replacing("\n", with: end)
        var text = ConfigurationText(before)
        text.add(section: "new", [("path", "/srv/new"), ("read only", "no")])
        let file = try ConfigurationFile(path: "f", text: text.text)
        #expect(file.sections.last?.name == "new")
        #expect(file.sections.last?.entry("path")?.value == "/srv/new")
        #expect(text.hasSection("NEW"))
        let isRemoved = text.remove(section: "New")
        #expect(isRemoved)
        #expect(text.text == before)
        let isRemovedAgain = text.remove(section: "new")
        #expect(!isRemovedAgain)
    }

    @Test func aSectionGoesWithItsComments() throws {
        var text = ConfigurationText(Self.text + "[data]\nguest ok = yes\n")
        text.remove(section: "DATA")
        #expect(!text.text.contains("word about it"))
        #expect(!text.text.contains("guest ok"))
        #expect(try ConfigurationFile(path: "f", text: text.text).sections.map(\.name) == ["global", "other"])
    }

    @Test func aKeyIsSetWhereverItStands() throws {
        var text = ConfigurationText(Self.text + "[data]\ncomment = three")
        text.set("comment", to: "new", in: "data")
        let file = try ConfigurationFile(path: "f", text: text.text)
        #expect(file.sections[1].entries.map(\.value) == ["new", "/srv/data"])
        text.set("comment", to: nil, in: "data")
        #expect(try ConfigurationFile(path: "f", text: text.text).sections[1].entries.map(\.key) == ["path"])
        let isSet = text.set("comment", to: "new", in: "none")
        #expect(!isSet)
    }

    @Test(arguments: ["a;b", "a#b", "a\nb", "a\rb", "a\r\nb", "a\u{85}b", " a", "a ", "a\\", "a\0b", "a\u{2028}b"])
    func whatWouldBeReadOtherwiseCannotBeHeld(_ value: String) { #expect(!ConfigurationText.canHold(value)) }

    @Test(arguments: ["", "a", "a = b", "[a]", "films & music", "Größe"])
    func whatIsReadAsItIsWrittenCanBeHeld(_ value: String) throws {
        #expect(ConfigurationText.canHold(value))
        var text = ConfigurationText("")
        text.add(section: "s", [("comment", value)])
        let file = try ConfigurationFile(path: "f", text: text.text)
        #expect(file.sections.first?.entry("comment")?.value == value)
    }

    @Test(arguments: [
        ("/srv/shares", true), ("/srv/shares/a", true), ("//srv///shares/a/", true), ("/srv/shares2", false),
        ("/srv", false), ("/srv/shares/../a", false), ("/srv/shares/./a", false), ("srv/shares/a", false), ("", false),
    ]) func foldersThatAreGivenOver(_ path: String, _ isGiven: Bool) throws {
        let text = "[global]\nremote share folders = /mnt/x /srv/shares/\n"
        let (configuration, _) = try ServerConfiguration.load(path: "f", text: text)
        #expect((configuration.remoteShareFolder(of: path) != nil) == isGiven)
    }
}
