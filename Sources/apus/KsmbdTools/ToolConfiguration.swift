/// ksmbd.conf as ksmbd.addshare(8) keeps it: sections of keys and values as bytes, without what is between them.
struct ToolConfiguration {
    typealias Bytes = [UInt8]
    struct Entry {
        /// As written.
        var key: Bytes
        var value: Bytes
    }
    struct Section {
        /// As written first; sections match without regard to case.
        var name: Bytes
        var entries: [Entry] = []

        func value(_ key: String) -> Bytes? { entries.first { Self.isSame($0.key, Array(key.utf8)) }?.value }

        static func isSame(_ key: Bytes, _ other: Bytes) -> Bool { asciiLowercase(key) == asciiLowercase(other) }
    }
    private(set) var sections: [Section] = []
    private var current: Int?

    // MARK: reading

    /// One line of the file. - Returns: false for what is none.
    mutating func add(line: Bytes) -> Bool {
        let line = Self.withoutLeadingBlanks(line)
        if Self.isEnd(line.first) { return true }
        if let name = Self.sectionName(line) {
            enter(name)
            return true
        }
        guard current != nil, let entry = Self.entry(line) else { return false }
        add(entry)
        return true
    }

    /// Makes the section the current one, if need be a new one.
    mutating func enter(_ name: Bytes) {
        if let index = index(of: name) {
            current = index
        } else {
            sections.append(Section(name: name))
            current = sections.count - 1
        }
    }

    /// The first value that is not empty counts.
    private mutating func add(_ entry: Entry) {
        guard let current, !entry.value.isEmpty else { return }
        guard !sections[current].entries.contains(where: { Section.isSame($0.key, entry.key) }) else { return }
        sections[current].entries.append(entry)
    }

    func index(of name: Bytes) -> Int? {
        let folded = Self.folded(name)
        return sections.firstIndex { Self.folded($0.name) == folded }
    }

    func section(_ name: String) -> Section? { index(of: Array(name.utf8)).map { sections[$0] } }

    mutating func remove(_ name: Bytes) {
        if let index = index(of: name) { sections.remove(at: index) }
        current = nil
    }

    /// Sets one of a share's parameters in the current section, as ksmbd.addshare -o does.
    /// - Returns: false for what is none, or not to be set there.
    mutating func set(option: Bytes) -> Bool {
        guard let current, let entry = Self.entry(option) else { return false }
        let isGlobal = Self.folded(sections[current].name) == "global"
        // The names are compared as far as the known one goes.
        let known = ToolShareParameter.all.first { parameter in
            parameter.isSettable(inGlobal: isGlobal) && asciiLowercase(option).starts(with: parameter.name.utf8)
        }
        guard let known else { return false }
        sections[current].entries.removeAll { Section.isSame($0.key, Array(known.name.utf8)) }
        add(entry)
        return true
    }

    // MARK: the grammar

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// A line ends where a comment begins.
    static func isEnd(_ byte: UInt8?) -> Bool {
        byte.map { $0 == 0 || $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "#") } ?? true
    }

    static func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    static func withoutLeadingBlanks(_ bytes: some Sequence<UInt8>) -> Bytes { Array(bytes.drop(while: isBlank)) }

    /// UTF-8 of 1 to 63 bytes that can be printed, without brackets.
    static func isShareName(_ name: Bytes) -> Bool {
        (1..<64).contains(name.count) && String(validating: name, as: UTF8.self) != nil
            && name.allSatisfy { isPrintable($0) && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]") }
    }

    private static func sectionName(_ line: Bytes) -> Bytes? {
        guard line.first == UInt8(ascii: "["), let end = line.firstIndex(of: UInt8(ascii: "]")) else { return nil }
        let name = Array(line[1..<end])
        guard isShareName(name), isEnd(withoutLeadingBlanks(line[(end + 1)...]).first) else { return nil }
        return name
    }

    private static func entry(_ text: Bytes) -> Entry? {
        let line = withoutLeadingBlanks(text)
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { return nil }
        var key = Array(line[..<equals])
        guard key.allSatisfy({ isPrintable($0) && !isEnd($0) }) else { return nil }
        while key.count > 1, let last = key.last, isBlank(last) { key.removeLast() }
        let value = Array(withoutLeadingBlanks(line[(equals + 1)...]).prefix { !isEnd($0) })
        guard value.allSatisfy(isPrintable) else { return nil }
        return Entry(key: key, value: value)
    }

    static func folded(_ name: Bytes) -> String { String(decoding: name, as: UTF8.self).lowercased() }

    // MARK: writing

    /// The file as ksmbd.addshare writes it: [global], [ipc$], then the shares, each with its parameters in order.
    var text: Bytes {
        func place(_ section: Section) -> Int { ["global": 0, "ipc$": 1][Self.folded(section.name)] ?? 2 }
        let ordered = sections.sorted { left, right in
            let (first, second) = (place(left), place(right))
            return first == second ? left.name.lexicographicallyPrecedes(right.name) : first < second
        }
        return Array("; see ksmbd.conf(5) for details\n\n".utf8) + ordered.flatMap(Self.text(of:))
    }

    private static func text(of section: Section) -> Bytes {
        let isGlobal = folded(section.name) == "global"
        let entries = section.entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        func isShares(_ entry: Entry) -> Bool {
            ToolShareParameter.all.contains { parameter in
                parameter.isSettable(inGlobal: isGlobal) && Section.isSame(entry.key, Array(parameter.name.utf8))
            }
        }
        func lines(_ entries: [Entry]) -> Bytes {
            entries.flatMap { Array("\t".utf8) + $0.key + Array(" = ".utf8) + $0.value + Array("\n".utf8) }
        }
        let (own, others) = (entries.filter(isShares), entries.filter { !isShares($0) })
        var text = Array("[".utf8) + section.name + Array("]\n".utf8)
        if !others.isEmpty {
            text += Array("\t; \(isGlobal ? "global " : "")parameters\n".utf8) + lines(others)
        }
        if !own.isEmpty {
            if !others.isEmpty { text.append(UInt8(ascii: "\n")) }
            text += Array("\t; \(isGlobal ? "default " : "")share parameters\n".utf8) + lines(own)
        }
        return text + Array("\n".utf8)
    }
}

/// Letters of ASCII alone, as the C library's key comparisons have it.
func asciiLowercase(_ bytes: [UInt8]) -> [UInt8] {
    bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
}

/// A parameter that ksmbd.addshare knows, in the order in which it asks for them.
struct ToolShareParameter {
    let name: String
    /// What is asked for, and what holds if nothing is said.
    let hint: String
    let defaultValue: String

    init(_ name: String, _ hint: String, _ defaultValue: String = "") {
        self.name = name
        self.hint = hint
        self.defaultValue = defaultValue
    }

    /// In [global] these two mean the server, not every share; three others ksmbd does not carry out.
    func isSettable(inGlobal: Bool) -> Bool {
        !["admin users", "hosts allow", "hosts deny"].contains(name)
            && !(inGlobal && ["guest account", "max connections"].contains(name))
    }

    static let all: [ToolShareParameter] = [
        .init("comment", "what clients see beside the name"),
        .init("path", "the folder to share"),
        .init("guest ok", "whether guests may use it, without a password", "no"),
        .init("guest account", "one more account for guests"),
        .init("read only", "whether nobody may write", "; yes"),
        .init("browseable", "whether it is shown in lists", "yes"),
        .init("write ok", "whether users may write"),
        .init("writeable", "whether users may write"),
        .init("store dos attributes", "whether DOS attributes are kept, in extended attributes", "yes"),
        .init("oplocks", "whether clients may cache", "yes"),
        .init("create mask", "mode bits a new file may have, octal", "0744"),
        .init("directory mask", "mode bits a new folder may have, octal", "0755"),
        .init("force create mode", "mode bits a new file has in any case, octal", "0000"),
        .init("force directory mode", "mode bits a new folder has in any case, octal", "0000"),
        .init("force group", "the system's group that everybody acts as"),
        .init("force user", "the system's user that everybody acts as"),
        .init("hide dot files", "whether names that begin with a dot are hidden", "yes"),
        .init("valid users", "the only users that may connect"),
        .init("invalid users", "users that may not connect"),
        .init("read list", "users that only read"),
        .init("write list", "users that read and write"),
        .init("admin users", "users that act as root"),
        .init("hosts allow", "the only addresses that may connect"),
        .init("hosts deny", "addresses that may not connect"),
        .init("max connections", "how many may be connected at once", "128"),
        .init("veto files", "names nobody reaches, such as /name1/name2/"),
        .init("inherit owner", "whether what is new belongs to the folder's owner", "no"),
        .init("follow symlinks", "whether links in the folder are followed", "no"),
        .init("vfs objects", "modules between the server and the files"),
        .init("writable", "whether users may write"),
        .init("crossmnt", "whether paths may lead into other file systems", "yes"),
        .init("hide unreadable", "whether lists leave out what the user may not read", "no"),
        .init("time machine", "whether macOS may keep its backups here", "no"),
    ]
}
