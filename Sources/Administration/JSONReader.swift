extension JSON {
    /// Arrays and objects within each other; deeper ones are refused, since reading them takes stack.
    static let depthMax = 16

    /// Reads a whole text. - Returns: nil for what is not one value of RFC 8259, or is deeper than `depthMax`.
    public init?(parsing text: String) {
        var reader = JSONReader(bytes: Array(text.utf8))
        do throws(JSONReader.Malformed) {
            self = try reader.readValue(depth: 0)
            try reader.expectEnd()
        } catch {
            return nil
        }
    }
}

private struct JSONReader {
    struct Malformed: Error {}
    private let bytes: [UInt8]
    private var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    /// - Returns: whether it is there; then it is behind us.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func expectEnd() throws(Malformed) {
        skipBlanks()
        guard next == nil else { throw Malformed() }
    }

    mutating func readValue(depth: Int) throws(Malformed) -> JSON {
        skipBlanks()
        guard depth <= JSON.depthMax, let byte = next else { throw Malformed() }
        switch byte {
        case UInt8(ascii: "{"): return try readObject(depth: depth)
        case UInt8(ascii: "["): return try readArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .boolean(true))
        case UInt8(ascii: "f"): return try readWord("false", .boolean(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: return try readNumber()
        }
    }

    private mutating func readWord(_ word: String, _ value: JSON) throws(Malformed) -> JSON {
        guard bytes[index...].starts(with: word.utf8) else { throw Malformed() }
        index += word.utf8.count
        return value
    }

    private mutating func readArray(depth: Int) throws(Malformed) -> JSON {
        index += 1
        var values: [JSON] = []
        if take("]") { return .array(values) }
        repeat { values.append(try readValue(depth: depth + 1)) } while take(",")
        guard take("]") else { throw Malformed() }
        return .array(values)
    }

    private mutating func readObject(depth: Int) throws(Malformed) -> JSON {
        index += 1
        var members: [JSON.Member] = []
        if take("}") { return .object(members) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw Malformed() }
            let name = try readString()
            guard take(":") else { throw Malformed() }
            members.append(JSON.Member(name, try readValue(depth: depth + 1)))
        } while take(",")
        guard take("}") else { throw Malformed() }
        return .object(members)
    }

    private mutating func readNumber() throws(Malformed) -> JSON {
        let start = index
        while let byte = next, "+-.eE0123456789".utf8.contains(byte) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw Malformed() }
        return .real(value)
    }

    /// The bytes are those of a `String`, so UTF-8 already.
    private mutating func readString() throws(Malformed) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try readEscape()
            case ..<0x20: throw Malformed()
            default: text.append(byte)
            }
        }
        throw Malformed()
    }

    private mutating func readEscape() throws(Malformed) -> [UInt8] {
        guard let byte = next else { throw Malformed() }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var units = [try readUnit()]
            if UTF16.isLeadSurrogate(units[0]), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                units.append(try readUnit())
            }
            // Half a pair becomes U+FFFD.
            return Array(String(decoding: units, as: UTF16.self).utf8)
        default: throw Malformed()
        }
    }

    private mutating func readUnit() throws(Malformed) -> UInt16 {
        guard bytes.count - index >= 4 else { throw Malformed() }
        let digits = String(decoding: bytes[index..<index + 4], as: UTF8.self)
        guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }), let unit = UInt16(digits, radix: 16) else {
            throw Malformed()
        }
        index += 4
        return unit
    }
}
