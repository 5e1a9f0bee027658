/// A configuration file to be changed a section at a time: what is not concerned stays as it is, comments and order
/// included. The grammar is that of `ConfigurationFile`.
public struct ConfigurationText: Sendable {
    /// A line as the grammar sees it: continued ones are one. With their ends.
    private struct Line: Sendable {
        var text: String
        /// In lower case, of a section's first line.
        var section: String?
        /// In lower case, single blanks between words.
        var key: String?
    }
    private var lines: [Line] = []

    public init(_ text: String) {
        var pending = ""
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(where: \.isNewline).map { rest.index(after: $0) } ?? rest.endIndex
            let line = rest[..<end]
            rest = rest[end...]
            pending += line
            if line.last(where: { !$0.isNewline }) == "\\", !rest.isEmpty { continue }
            lines.append(Self.line(pending))
            pending = ""
        }
    }

    public var text: String { lines.map(\.text).joined() }

    private static func line(_ text: String) -> Line {
        let code = String(text.prefix { $0 != ";" && $0 != "#" }).trimmed
        if code.hasPrefix("["), code.hasSuffix("]") {
            return Line(text: text, section: String(code.dropFirst().dropLast()).trimmed.lowercased())
        }
        let key = code.firstIndex(of: "=").map { end in
            code[..<end].lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return Line(text: text, key: key)
    }

    /// Whether `value` is read as it was written: on one line, and without what begins a comment or goes on.
    public static func canHold(_ value: String) -> Bool {
        value == value.trimmed && !value.hasSuffix("\\")
            && value.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0 != ";" && $0 != "#" }
            && !value.contains(where: \.isNewline)
    }

    public func hasSection(_ name: String) -> Bool { lines.contains { $0.section == name.lowercased() } }

    /// A section at the end. - Parameter entries: of values that `canHold` says yes to.
    public mutating func add(section name: String, _ entries: [(key: String, value: String)]) {
        if let last = lines.last, !(last.text.last?.isNewline ?? true) { lines[lines.count - 1].text += "\n" }
        if !lines.isEmpty { lines.append(Line(text: "\n")) }
        lines.append(Self.line("[\(name)]\n"))
        for entry in entries { lines.append(Self.line("\t\(entry.key) = \(entry.value)\n")) }
    }

    /// Takes a section away, wherever it goes on, with the comments in it. - Returns: false if there is none.
    @discardableResult
    public mutating func remove(section name: String) -> Bool {
        let inside = indices(of: name)
        let isLast = inside.last == lines.count - 1
        for index in inside.reversed() { lines.remove(at: index) }
        // What `add` puts before it.
        if isLast, lines.last?.text.allSatisfy(\.isWhitespace) ?? false { lines.removeLast() }
        return !inside.isEmpty
    }

    /// Gives a key of a section another value; nil takes it away. - Returns: false if there is no such section.
    @discardableResult
    public mutating func set(_ key: String, to value: String?, in name: String) -> Bool {
        guard let start = lines.firstIndex(where: { $0.section == name.lowercased() }) else { return false }
        for index in indices(of: name).reversed() where lines[index].key == key { lines.remove(at: index) }
        guard let value else { return true }
        if !(lines[start].text.last?.isNewline ?? true) { lines[start].text += "\n" }
        lines.insert(Self.line("\t\(key) = \(value)\n"), at: start + 1)
        return true
    }

    private func indices(of name: String) -> [Int] {
        var isInside = false
        return lines.indices.filter { index in
            if let section = lines[index].section { isInside = section == name.lowercased() }
            return isInside
        }
    }
}
