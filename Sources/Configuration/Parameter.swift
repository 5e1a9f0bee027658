/// What a parameter's value may be, and how it is read.
public enum ParameterKind: Sendable {
    case text
    /// True for what begins with yes, true, 1 or enable; false for no, false, 0, disable: ksmbd.conf(5).
    case boolean
    /// A whole number in this range.
    case number(ClosedRange<Int>)
    /// One or more of them, as in a list.
    case numbers(ClosedRange<Int>)
    /// Bytes, with K, M, G, T, P or E for powers of 1024.
    case size
    /// An octal file mode.
    case mode
    /// Words separated by blanks, tabs or commas.
    case list
    case choice([String])
    /// Words of `HostList`.
    case hosts

    /// What would be right, for a message.
    var advice: String {
        switch self {
        case .text: "any text"
        case .boolean: "yes or no"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .numbers(let range): "one or more numbers from \(range.lowerBound) to \(range.upperBound)"
        case .size: "a number of bytes, such as 65536, 64K or 4M"
        case .mode: "an octal mode, such as 0644"
        case .list: "words separated by blanks or commas"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .hosts: "addresses, such as 10.0.0.0/8 192.168.1. fe80::1 localhost, ALL, or some EXCEPT others"
        }
    }

    /// Whether `value` can be read.
    func accepts(_ value: String) -> Bool {
        switch self {
        case .text, .list: true
        case .boolean: Self.boolean(value) != nil
        case .number(let range): Int(value).map(range.contains) ?? false
        case .numbers(let range): Self.list(value).allSatisfy { Int($0).map(range.contains) ?? false }
        case .size: Self.size(value) != nil
        case .mode: UInt32(value, radix: 8).map { $0 <= 0o7777 } ?? false
        case .choice(let words): words.contains(value.lowercased())
        case .hosts: HostList(Self.list(value)) != nil
        }
    }

    static func boolean(_ value: String) -> Bool? {
        let value = value.lowercased()
        if ["yes", "1", "true", "enable", "on"].contains(where: value.hasPrefix) { return true }
        if ["no", "0", "false", "disable", "off"].contains(where: value.hasPrefix) { return false }
        return nil
    }

    static func size(_ value: String) -> Int? {
        var digits = value.uppercased()
        if digits.hasSuffix("B") { digits.removeLast() }
        let units: [Character] = ["K", "M", "G", "T", "P", "E"]
        var shift = 0
        if let last = digits.last, let unit = units.firstIndex(of: last) {
            digits = String(digits.dropLast()).trimmed
            shift = (unit + 1) * 10
        }
        guard let number = Int(digits), number >= 0, number <= Int.max >> shift else { return nil }
        return number << shift
    }

    static func list(_ value: String) -> [String] {
        value.split { $0 == " " || $0 == "\t" || $0 == "," }.map(String.init)
    }
}

/// One parameter: the table that parsing, checking and documentation share.
public struct Parameter: Sendable {
    public enum Scope: Sendable { case global, share, both }
    public let name: String
    /// Other spellings; those that begin with "!" mean the opposite.
    public let aliases: [String]
    public let scope: Scope
    public let kind: ParameterKind
    /// As it would be written.
    public let defaultValue: String
    /// One line for people.
    public let meaning: String
    /// A reload does not change it.
    public let takesRestart: Bool

    init(
        _ name: String, _ scope: Scope, _ kind: ParameterKind, _ defaultValue: String, _ meaning: String,
        aliases: [String] = [], takesRestart: Bool = false
    ) {
        self.name = name
        self.aliases = aliases
        self.scope = scope
        self.kind = kind
        self.defaultValue = defaultValue
        self.meaning = meaning
        self.takesRestart = takesRestart
    }

    /// The parameter that a key names, and whether the key means its opposite.
    public static func find(_ key: String) -> (parameter: Parameter, isInverted: Bool)? {
        for parameter in all {
            if parameter.name == key || parameter.aliases.contains(key) { return (parameter, false) }
            if parameter.aliases.contains("!" + key) { return (parameter, true) }
        }
        return nil
    }
}
