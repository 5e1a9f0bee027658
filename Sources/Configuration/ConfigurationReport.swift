/// One value that is in force, and where it comes from.
public struct ExplainedValue: Equatable, Sendable {
    public enum Origin: Equatable, Sendable {
        case line(Int)
        /// [global] says it for all shares.
        case global(line: Int)
        case standard
    }
    public var section: String
    public var name: String
    public var value: String
    public var origin: Origin
    /// The key in the file, where it is another.
    public var writtenAs: String?
    public var meaning: String
}

/// What becomes of one line of another server's configuration.
public struct ImportedLine: Equatable, Sendable {
    public enum Verdict: Equatable, Sendable {
        case taken
        /// What is written instead.
        case changed(String)
        /// Why not.
        case unsupported(String)
    }
    public var line: Int
    public var section: String
    public var text: String
    public var verdict: Verdict
    /// `key = value` to write; nil for nothing.
    public var result: String?
}

extension ConfigurationFile {
    /// Each parameter's value in each section, as `ServerConfiguration.load` has it.
    /// - Parameter includesDefaults: also what nobody has said.
    public func explain(includesDefaults: Bool) -> [ExplainedValue] {
        let global = sections.first { $0.name.lowercased() == "global" }
        var found = Parameter.global.compactMap { parameter in
            value(of: parameter, in: global, named: "global", includesDefaults: includesDefaults)
        }
        found += Parameter.share.compactMap { value(of: $0, in: global, named: "global", includesDefaults: false) }
        for section in sections where section.name.lowercased() != "global" {
            for parameter in Parameter.all where parameter.scope != .global {
                if let own = value(of: parameter, in: section, named: section.name, includesDefaults: false) {
                    found.append(own)
                } else if parameter.scope == .share, includesDefaults,
                    var inherited = value(of: parameter, in: global, named: section.name, includesDefaults: true)
                {
                    if case .line(let line) = inherited.origin { inherited.origin = .global(line: line) }
                    found.append(inherited)
                }
            }
        }
        return found
    }

    private func value(
        of parameter: Parameter, in section: Section?, named name: String, includesDefaults: Bool
    ) -> ExplainedValue? {
        for entry in section?.entries ?? [] where !entry.value.isEmpty {
            guard let (meant, isInverted) = Parameter.find(entry.key), meant.name == parameter.name else { continue }
            return ExplainedValue(
                section: name, name: parameter.name, value: Self.straight(entry.value, isInverted),
                origin: .line(entry.line), writtenAs: entry.key == parameter.name ? nil : entry.key,
                meaning: parameter.meaning)
        }
        guard includesDefaults else { return nil }
        return ExplainedValue(
            section: name, name: parameter.name, value: parameter.defaultValue, origin: .standard, writtenAs: nil,
            meaning: parameter.meaning)
    }

    private static func straight(_ value: String, _ isInverted: Bool) -> String {
        guard isInverted, let truth = ParameterKind.boolean(value) else { return value }
        return truth ? "no" : "yes"
    }

    /// What becomes of each entry when this file is taken over, in its order.
    public func importing() -> [ImportedLine] {
        sections.flatMap { section in section.entries.map { importing($0, of: section) } }
    }

    private func importing(_ entry: Entry, of section: Section) -> ImportedLine {
        var line = ImportedLine(
            line: entry.line, section: section.name, text: "\(entry.key) = \(entry.value)", verdict: .taken, result: nil
        )
        let isGlobal = section.name.lowercased() == "global"
        guard !["ipc$", "printers", "print$", "homes"].contains(section.name.lowercased()) else {
            line.verdict = .unsupported("[\(section.name)] is no folder")
            return line
        }
        guard let (parameter, isInverted) = Parameter.find(entry.key) else {
            let isFile = ["include", "config file"].contains(entry.key)
            line.verdict = .unsupported(isFile ? "import that file, too" : "there is no such parameter here")
            return line
        }
        guard isGlobal || parameter.scope != .global else {
            line.verdict = .unsupported("it belongs into [global]")
            return line
        }
        guard !entry.value.isEmpty else {
            line.verdict = .unsupported("it has no value")
            return line
        }
        if let variable = Self.variable(in: entry.value) {
            line.verdict = .unsupported("\(variable) is replaced by Samba, and not here: write what is meant")
            return line
        }
        guard parameter.kind.accepts(entry.value) else {
            line.verdict = .unsupported("'\(entry.value)' is not \(parameter.kind.advice)")
            return line
        }
        if let why = parameter.futility(of: entry.value) {
            line.verdict = .unsupported(why)
            return line
        }
        let result = "\(parameter.name) = \(Self.straight(entry.value, isInverted))"
        line.result = result
        if result != line.text { line.verdict = .changed(result) }
        return line
    }
}

extension ConfigurationFile {
    /// One of smb.conf(5)'s substitutions, such as %h or %U.
    private static func variable(in value: String) -> String? {
        guard let percent = value.firstIndex(of: "%"), case let next = value.index(after: percent),
            next < value.endIndex, value[next].isLetter || value[next] == "$"
        else { return nil }
        return String(value[percent...next])
    }
}

extension UserDatabase {
    /// One line of `pdbedit -Lw`, which is smbpasswd(5)'s form: name, number, LAN Manager's hash, NT's hash, flags.
    /// - Returns: nil for what is no such line.
    public static func imported(smbpasswdLine line: String) -> (name: String, result: ImportedUser)? {
        let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 5, fields[3].utf8.count == 32, fields[4].hasPrefix("[") else { return nil }
        let (name, hash, flags) = (fields[0], fields[3], fields[4])
        guard isValidName(name) else { return (name, .refused("no name for a user")) }
        if flags.contains("W") || flags.contains("S") || flags.contains("I") {
            return (name, .refused("a machine's account"))
        }
        if flags.contains("D") { return (name, .refused("disabled")) }
        let digits = Array(hash.utf8)
        let bytes = stride(from: 0, to: 32, by: 2).compactMap { index in
            UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
        }
        guard bytes.count == 16 else { return (name, .refused("has no password")) }
        return (name, .user(User(name: name, passwordHash: bytes)))
    }

    public enum ImportedUser: Equatable, Sendable {
        case user(User)
        case refused(String)
    }
}
