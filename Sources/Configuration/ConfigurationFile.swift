/// ksmbd.conf and smb.conf as text: sections of `key = value`, with the grammar of ksmbd.conf(5). What the keys mean is
/// `Parameter`'s business.
public struct ConfigurationFile: Sendable {
    public struct Entry: Sendable {
        /// Lower case, single blanks between words.
        public var key: String
        /// As written, without surrounding blanks and comment.
        public var value: String
        public var line: Int
    }
    public struct Section: Sendable {
        public var name: String
        public var line: Int
        /// In the order of the file; the first non-empty value of a key counts.
        public var entries: [Entry]

        public func entry(_ key: String) -> Entry? {
            entries.first { $0.key == key && !$0.value.isEmpty } ?? entries.first { $0.key == key }
        }
    }
    public var path: String
    public var sections: [Section] = []

    /// - Parameter path: for messages only.
    /// - Throws: a line that is neither section, entry, comment nor empty.
    public init(path: String, text: String) throws(ConfigurationError) {
        self.path = path
        var pending: (text: String, line: Int)?
        var number = 0
        // A file may come from Windows; "\r\n" is one Character in Swift.
        for raw in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            var line = (pending?.text ?? "") + raw
            let start = pending?.line ?? number
            pending = nil
            // smb.conf continues a line that ends with a backslash.
            if line.hasSuffix("\\") {
                line.removeLast()
                pending = (line, start)
                continue
            }
            try add(line, start)
        }
        if let pending { try add(pending.text, pending.line) }
    }

    private mutating func add(_ raw: String, _ number: Int) throws(ConfigurationError) {
        let line = Self.withoutComment(raw).trimmed
        guard !line.isEmpty else { return }
        if line.hasPrefix("[") {
            guard line.hasSuffix("]"), line.count > 2 else {
                throw ConfigurationError(path, number, "\(line)", "a section is written [name]")
            }
            let name = String(line.dropFirst().dropLast()).trimmed
            // A section that comes again continues the first one.
            if !sections.contains(where: { $0.name.lowercased() == name.lowercased() }) {
                sections.append(Section(name: name, line: number, entries: []))
            }
            current = name.lowercased()
            return
        }
        guard let equals = line.firstIndex(of: "=") else {
            throw ConfigurationError(path, number, "\(line)", "an entry is written key = value")
        }
        let key = String(line[..<equals]).trimmed.lowercased()
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let value = String(line[line.index(after: equals)...]).trimmed
        guard let index = sections.firstIndex(where: { $0.name.lowercased() == current }) else {
            throw ConfigurationError(path, number, key, "entries follow a section such as [global]")
        }
        sections[index].entries.append(Entry(key: key, value: value, line: number))
    }
    private var current = ""

    /// ksmbd cuts a line at ";" or "#" wherever it stands.
    private static func withoutComment(_ line: String) -> String {
        String(line.prefix { $0 != ";" && $0 != "#" })
    }
}

/// What is wrong with a configuration: where, and what would be right.
public struct ConfigurationError: Error, CustomStringConvertible, Sendable {
    public let path: String
    public let line: Int
    public let key: String
    public let advice: String
    public init(_ path: String, _ line: Int, _ key: String, _ advice: String) {
        self.path = path
        self.line = line
        self.key = key
        self.advice = advice
    }
    public var description: String { "\(path):\(line): \(key): \(advice)" }
}

extension String {
    var trimmed: String {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? endIndex
        return start < end ? String(self[start..<end]) : ""
    }
}
