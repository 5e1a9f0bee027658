/// The command line of one of ksmbd's tools, read as getopt_long(3) does: options anywhere, letters in one word, long
/// names cut short as long as one is meant.
struct ToolArguments {
    struct Option {
        enum Value { case none, required, optional }
        let letter: Character
        let name: String
        let value: Value

        init(_ letter: Character, _ name: String, _ value: Value = .none) {
            self.letter = letter
            self.name = name
            self.value = value
        }
    }
    enum Item: Equatable {
        case option(Character, String?)
        /// What is wrong with an option, in the C library's words.
        case mistake(String)
    }
    /// In the order of the command line.
    private(set) var items: [Item] = []
    private(set) var operands: [String] = []
    private let known: [Option]

    init(_ arguments: [String], _ known: [Option]) {
        self.known = known
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            }
            if word.hasPrefix("--") {
                items.append(long(String(word.dropFirst(2)), &rest))
            } else if word.hasPrefix("-"), word != "-" {
                items += letters(word.dropFirst(), &rest)
            } else {
                operands.append(word)
            }
        }
    }

    private func long(_ word: String, _ rest: inout ArraySlice<String>) -> Item {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var meant = known.filter { $0.name.hasPrefix(parts[0]) }
        if let exact = meant.first(where: { $0.name == parts[0] }) { meant = [exact] }
        guard let option = meant.first else { return .mistake("unrecognized option '--\(parts[0])'") }
        guard meant.count == 1 else {
            let names = meant.map { "'--\($0.name)'" }.joined(separator: " ")
            return .mistake("option '--\(parts[0])' is ambiguous; possibilities: \(names)")
        }
        var value = parts.count == 2 ? parts[1] : nil
        if option.value == .none, value != nil {
            return .mistake("option '--\(option.name)' doesn't allow an argument")
        }
        if option.value == .required, value == nil {
            value = rest.popFirst()
            if value == nil { return .mistake("option '--\(option.name)' requires an argument") }
        }
        return .option(option.letter, value)
    }

    private func letters(_ word: Substring, _ rest: inout ArraySlice<String>) -> [Item] {
        var items: [Item] = []
        var word = word
        while let letter = word.popFirst() {
            guard let option = known.first(where: { $0.letter == letter }) else {
                items.append(.mistake("invalid option -- '\(letter)'"))
                continue
            }
            guard option.value != .none else {
                items.append(.option(letter, nil))
                continue
            }
            var value = word.isEmpty ? nil : String(word)
            if value == nil, option.value == .required {
                value = rest.popFirst()
                if value == nil { return items + [.mistake("option requires an argument -- '\(letter)'")] }
            }
            return items + [.option(letter, value)]
        }
        return items
    }
}
