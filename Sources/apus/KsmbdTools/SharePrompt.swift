import Glibc

/// ksmbd.addshare's questions: a line for each parameter, edited in place. Enter, the down key and Control-N go on,
/// the up key and Control-P go back, Control-W empties the line, Tab completes; the end of input gives up.
struct SharePrompt {
    private typealias Bytes = [UInt8]
    private let parameters: [ToolShareParameter]
    /// What is said of each so far.
    private var values: [[UInt8]]
    private let users: ToolUsers
    private let rootDirectory: [UInt8]
    /// What Tab offers next for the line as it is.
    private var offers: [[UInt8]] = []

    init(_ section: ToolConfiguration.Section?, isGlobal: Bool, users: ToolUsers, rootDirectory: [UInt8]) {
        parameters = ToolShareParameter.all.filter { $0.isSettable(inGlobal: isGlobal) }
        values = parameters.map { section?.value($0.name) ?? [] }
        self.users = users
        self.rootDirectory = rootDirectory
    }

    private enum Key { case next, previous, emptied, completion, erased, character(UInt8) }

    /// - Returns: `key = value` for each parameter; nil when the input ended.
    mutating func ask() -> [[UInt8]]? {
        let terminal = RawTerminal()
        Tool.write(
            """
              <enter> <down> <control-n>    next parameter
                        <up> <control-p>    previous parameter
                             <control-w>    empty the line
                                   <tab>    complete, and the next completion
                               <space> ,    between words of a list
                                     ; #    a comment: [what holds if nothing is said]
            \u{1B}[1mShare parameters\u{1B}[m\n
            """)
        defer { Tool.write("\u{1B}D" + PasswordPrompt.clearLine) }
        var index = 0
        var hasSeenAll = false
        while true {
            guard let isForward = edit(index, terminal) else { return nil }
            index += isForward ? 1 : -1
            if index < 0 {
                index = 0
            } else if index == parameters.count {
                if hasSeenAll { break }
                // The last one is asked again: what comes then is meant.
                hasSeenAll = true
                index -= 1
                Tool.write("\u{1B}D\r\u{1B}[1mThe next <enter> writes this.\u{1B}[m\u{1B}M")
            } else {
                Tool.write(isForward ? "\u{1B}D" : "\u{1B}M")
            }
        }
        return zip(parameters, values).map { Array("\($0.name) = ".utf8) + $1 }
    }

    /// One line. - Returns: whether to go on or back; nil at the end of input.
    private mutating func edit(_ index: Int, _ terminal: borrowing RawTerminal) -> Bool? {
        var line = values[index]
        offers = []
        show(index, line)
        while true {
            guard let key = key(terminal) else { return nil }
            switch key {
            case .next, .previous:
                // A line that only comments says nothing.
                let isSaid = !ToolConfiguration.isEnd(ToolConfiguration.withoutLeadingBlanks(line).first)
                values[index] = isSaid ? line : []
                show(index, values[index])
                if case .next = key { return true }
                return false
            case .emptied: line = []
            case .completion: complete(&line, of: parameters[index].name)
            case .erased: RawTerminal.erase(&line)
            case .character(let byte):
                if line.count < 2047, ToolConfiguration.isPrintable(byte) { line.append(byte) }
            }
            if case .completion = key {} else { offers = [] }
            show(index, line)
        }
    }

    private func key(_ terminal: borrowing RawTerminal) -> Key? {
        while let byte = terminal.key() {
            switch byte {
            case UInt8(ascii: "\n"), 0x0E: return .next
            case 0x10: return .previous
            case 0x17: return .emptied
            case UInt8(ascii: "\t"): return .completion
            case terminal.eraseKey: return .erased
            case 0x1B:
                // Arrows; whatever else the terminal says is not for us.
                guard let final = controlSequence(terminal) else { return nil }
                if final == UInt8(ascii: "A") { return .previous }
                if final == UInt8(ascii: "B") { return .next }
            default: return .character(byte)
            }
        }
        return nil
    }

    /// The last byte of a sequence that began with Escape.
    private func controlSequence(_ terminal: borrowing RawTerminal) -> UInt8? {
        guard let second = terminal.key() else { return nil }
        guard second == UInt8(ascii: "[") else { return second }
        while let byte = terminal.key() { if byte >= 0x40 { return byte } }
        return nil
    }

    private func show(_ index: Int, _ line: [UInt8]) {
        let parameter = parameters[index]
        let text =
            line.isEmpty ? "; \(parameter.hint) [\(parameter.defaultValue)]" : String(decoding: line, as: UTF8.self)
        Tool.write("\(PasswordPrompt.clearLine)\(parameter.name) = \(text)")
    }

    // MARK: completions

    private mutating func complete(_ line: inout [UInt8], of parameter: String) {
        let (start, isPath) = (wordStart(line, of: parameter), parameter == "path")
        if isPath, line.isEmpty {
            line = [UInt8(ascii: "/")]
            return
        }
        if offers.isEmpty {
            offers = words(for: parameter, folder: line[..<start]).filter { $0.starts(with: line[start...]) }
        }
        guard let offer = offers.first else { return }
        offers.append(offers.removeFirst())
        line = line[..<start] + offer
    }

    private func wordStart(_ line: [UInt8], of parameter: String) -> Int {
        switch parameter {
        case "path": (line.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        case "valid users", "invalid users", "read list", "write list", "vfs objects":
            (line.lastIndex { ToolConfiguration.isBlank($0) || $0 == UInt8(ascii: ",") } ?? -1) + 1
        default: 0
        }
    }

    private func words(for parameter: String, folder: ArraySlice<UInt8>) -> [[UInt8]] {
        switch parameter {
        case "path": Self.sorted(Self.folders(in: rootDirectory + folder))
        case "guest account", "valid users", "invalid users", "read list", "write list":
            Self.sorted(Array(users.hashes.keys))
        case "force user": Self.sorted(UnixAccounts.allUserNames.map { Array($0.utf8) })
        case "force group": Self.sorted(UnixAccounts.allGroupNames.map { Array($0.utf8) })
        case "vfs objects": ["acl_xattr", "streams_xattr"].map { Array($0.utf8) }
        case "comment", "veto files", "max connections": []
        case _ where parameter.hasSuffix("mask") || parameter.hasSuffix("mode"): []
        default: ["yes", "no"].map { Array($0.utf8) }
        }
    }

    private static func sorted(_ words: [[UInt8]]) -> [[UInt8]] {
        words.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func folders(in path: [UInt8]) -> [[UInt8]] {
        // SAFETY: the path is a terminated string for the length of the call; the folder is closed once read.
        guard let folder = unsafe opendir(String(decoding: path, as: UTF8.self)) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [[UInt8]] = []
        // SAFETY: an entry is valid until the next is read; its name is a terminated string.
        while let entry = unsafe readdir(folder) {
            guard unsafe entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
        }
        return names
    }
}

extension UnixAccounts {
    /// Not for use while other threads ask name services.
    static var allUserNames: [String] {
        var names: [String] = []
        // SAFETY: an entry is valid until the next is read.
        setpwent()
        while let entry = unsafe getpwent() { unsafe names.append(String(cString: entry.pointee.pw_name)) }
        endpwent()
        return names
    }

    /// Not for use while other threads ask name services.
    static var allGroupNames: [String] {
        var names: [String] = []
        // SAFETY: an entry is valid until the next is read.
        setgrent()
        while let entry = unsafe getgrent() { unsafe names.append(String(cString: entry.pointee.gr_name)) }
        endgrent()
        return names
    }
}
