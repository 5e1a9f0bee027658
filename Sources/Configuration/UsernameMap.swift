/// `username map`, smb.conf(5): a file of lines `account = name name …`. A client that logs in by one of the names is
/// that account. `*` is every name; a line that begins with `!` ends the search if it fits. Names with blanks are in
/// quotes.
public struct UsernameMap: Sendable, Equatable {
    private struct Line: Equatable {
        var account: String
        var names: [String]
        var isLast: Bool
    }
    private var lines: [Line] = []

    public init() {}

    /// - Parameter path: for messages only.
    public init(path: String, text: String) throws(ConfigurationError) {
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            var line = String(raw).trimmed
            guard !line.isEmpty, !line.hasPrefix("#"), !line.hasPrefix(";") else { continue }
            let isLast = line.hasPrefix("!")
            if isLast { line = String(line.dropFirst()).trimmed }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let account = String(parts[0]).trimmed
            guard parts.count == 2, !account.isEmpty, let names = Self.words(String(parts[1])), !names.isEmpty else {
                throw ConfigurationError(path, index + 1, "username map", "a line is account = name name …")
            }
            // Whose groups it would be is not known before the login.
            guard !names.contains(where: { $0.hasPrefix("@") || $0.hasPrefix("&") || $0.hasPrefix("+") }) else {
                throw ConfigurationError(path, index + 1, account, "groups cannot stand here, only names and *")
            }
            lines.append(Line(account: account, names: names, isLast: isLast))
        }
    }

    private static func words(_ text: String) -> [String]? {
        let pieces = text.split(separator: "\"", omittingEmptySubsequences: false)
        guard !pieces.count.isMultiple(of: 2) else { return nil }
        return pieces.enumerated().flatMap { index, piece in
            index.isMultiple(of: 2) ? ParameterKind.list(String(piece)) : [String(piece)]
        }
    }

    /// The account that a client means by `name`; the name itself where no line fits.
    public func account(of name: String) -> String {
        var account = name
        for line in lines where line.names.contains(where: { $0 == "*" || $0.lowercased() == account.lowercased() }) {
            account = line.account
            if line.isLast { break }
        }
        return account
    }
}
