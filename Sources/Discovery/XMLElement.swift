/// An element of a small XML document, its name resolved (Namespaces in XML 1.0).
struct XMLElement: Equatable {
    struct Name: Hashable {
        var namespace: String
        var local: String
    }
    var name: Name
    /// What stands directly in it, without its elements', and without blanks around it.
    var text = ""
    var children: [XMLElement] = []
    /// What prefixes mean inside it; "" for names without one.
    var namespaces: [String: String]

    func child(_ name: Name) -> XMLElement? { children.first { $0.name == name } }

    /// The names that stand in its text, separated by blanks. Those with an undeclared prefix are left out.
    var names: [Name] {
        text.split(whereSeparator: \.isWhitespace).compactMap { word in
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let namespace = namespaces[parts.count == 2 ? parts[0] : ""], let local = parts.last else {
                return nil
            }
            return Name(namespace: namespace, local: local)
        }
    }
}

/// What is wrong with a document, and after how many bytes.
struct XMLError: Error, Equatable {
    var offset: Int
}

/// A reader of small XML documents: elements, attributes, text, comments, the five named characters and numbered ones.
/// No document type, so no entities that grow; no processing instructions; no CDATA. Attributes other than
/// declarations of namespaces are checked and forgotten.
struct XMLReader {
    private let bytes: [UInt8]
    private let limits: DiscoveryLimits
    private var offset = 0

    /// - Parameter bytes: UTF-8, at most as many as `limits` lets a message have.
    static func read(_ bytes: [UInt8], limits: DiscoveryLimits) throws(XMLError) -> XMLElement {
        guard bytes.count <= limits.messageByteCountMax, String(validating: bytes, as: UTF8.self) != nil else {
            throw XMLError(offset: 0)
        }
        var reader = XMLReader(bytes: bytes, limits: limits)
        _ = reader.take([0xEF, 0xBB, 0xBF])
        reader.skipBlanks()
        if reader.take("<?xml ") { try reader.skip(past: "?>") }
        try reader.skipCommentsAndBlanks()
        guard reader.take("<") else { throw reader.error }
        let root = try reader.element(["xml": "http://www.w3.org/XML/1998/namespace"], depth: 1)
        try reader.skipCommentsAndBlanks()
        guard reader.offset == bytes.count else { throw reader.error }
        return root
    }

    private init(bytes: [UInt8], limits: DiscoveryLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    private var error: XMLError { XMLError(offset: offset) }

    // MARK: elements

    /// After its "<".
    private mutating func element(_ outer: [String: String], depth: Int) throws(XMLError) -> XMLElement {
        guard depth <= limits.depthMax else { throw error }
        let start = offset
        let name = try qualifiedName()
        var (namespaces, isEmpty) = try attributes(outer)
        guard let namespace = namespaces[name.prefix] ?? (name.prefix.isEmpty ? "" : nil) else { throw error }
        if namespaces[""] == nil { namespaces[""] = "" }
        var element = XMLElement(
            name: XMLElement.Name(namespace: namespace, local: name.local), namespaces: namespaces)
        let tag = bytes[start..<start + name.byteCount]
        var text: [UInt8] = []
        while !isEmpty {
            guard offset < bytes.count else { throw error }
            if take("</") {
                guard take(tag) else { throw error }
                skipBlanks()
                guard take(">") else { throw error }
                isEmpty = true
            } else if take("<!--") {
                try skip(past: "-->")
            } else if take("<") {
                element.children.append(try self.element(namespaces, depth: depth + 1))
            } else {
                text += try character()
            }
        }
        element.text = String(decoding: text, as: UTF8.self).trimmed
        return element
    }

    /// The attributes up to the tag's end.
    /// - Returns: what prefixes mean from here on, and whether the element ends with its tag.
    private mutating func attributes(
        _ outer: [String: String]
    ) throws(XMLError) -> (namespaces: [String: String], isEmpty: Bool) {
        var namespaces = outer
        while true {
            let hasBlank = skipBlanks()
            if take("/>") { return (namespaces, true) }
            if take(">") { return (namespaces, false) }
            guard hasBlank else { throw error }
            let name = try qualifiedName()
            skipBlanks()
            guard take("=") else { throw error }
            skipBlanks()
            let value = try quoted()
            guard name.prefix == "xmlns" || name.prefix.isEmpty && name.local == "xmlns" else { continue }
            namespaces[name.prefix.isEmpty ? "" : name.local] = value
            guard namespaces.count <= limits.namespaceCountMax else { throw error }
        }
    }

    private mutating func quoted() throws(XMLError) -> String {
        guard offset < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "'")].contains(bytes[offset]) else { throw error }
        let quote = bytes[offset]
        offset += 1
        var value: [UInt8] = []
        while offset < bytes.count, bytes[offset] != quote {
            guard bytes[offset] != UInt8(ascii: "<") else { throw error }
            value += try character()
        }
        guard offset < bytes.count else { throw error }
        offset += 1
        return String(decoding: value, as: UTF8.self)
    }

    // MARK: names and characters

    private mutating func qualifiedName() throws(XMLError) -> (prefix: String, local: String, byteCount: Int) {
        let first = try simpleName()
        guard take(":") else { return ("", first, first.utf8.count) }
        let second = try simpleName()
        return (first, second, first.utf8.count + 1 + second.utf8.count)
    }

    private mutating func simpleName() throws(XMLError) -> String {
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                0x80...:
                offset += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                guard offset > start else { throw error }
                offset += 1
            default:
                guard offset > start else { throw error }
                return String(decoding: bytes[start..<offset], as: UTF8.self)
            }
        }
        throw error
    }

    private static let named: [(name: String, byte: UInt8)] = [
        ("lt", UInt8(ascii: "<")), ("gt", UInt8(ascii: ">")), ("amp", UInt8(ascii: "&")),
        ("quot", UInt8(ascii: "\"")), ("apos", UInt8(ascii: "'")),
    ]

    /// One byte of text, or all of a character that is written by name or number.
    private mutating func character() throws(XMLError) -> [UInt8] {
        guard take("&") else {
            offset += 1
            return [bytes[offset - 1]]
        }
        guard let end = bytes[offset...].prefix(10).firstIndex(of: UInt8(ascii: ";")) else { throw error }
        let word = String(decoding: bytes[offset..<end], as: UTF8.self)
        if let named = Self.named.first(where: { $0.name == word }) {
            offset = end + 1
            return [named.byte]
        }
        let number =
            word.hasPrefix("#x")
            ? UInt32(word.dropFirst(2), radix: 16)
            : word.hasPrefix("#") ? UInt32(word.dropFirst()) : nil
        guard let number, number > 0, let scalar = Unicode.Scalar(number) else { throw error }
        offset = end + 1
        return Array(String(Character(scalar)).utf8)
    }

    // MARK: moving on

    /// Moves past these bytes, if they are next.
    private mutating func take(_ expected: some Collection<UInt8>) -> Bool {
        guard bytes[offset...].starts(with: expected) else { return false }
        offset += expected.count
        return true
    }
    private mutating func take(_ expected: String) -> Bool { take(expected.utf8) }

    @discardableResult
    private mutating func skipBlanks() -> Bool {
        let start = offset
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
        return offset > start
    }

    private mutating func skip(past end: String) throws(XMLError) {
        while !take(end) {
            guard offset < bytes.count else { throw error }
            offset += 1
        }
    }

    private mutating func skipCommentsAndBlanks() throws(XMLError) {
        skipBlanks()
        while take("<!--") {
            try skip(past: "-->")
            skipBlanks()
        }
    }
}

extension String {
    /// Without blanks around it.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }

    /// As it may stand in XML, as text or between quotation marks. What XML cannot hold becomes a question mark.
    var escapedForXML: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&apos;"
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
