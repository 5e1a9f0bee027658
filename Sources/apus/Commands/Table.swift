import Glibc

/// Columns of text for a terminal.
struct Table {
    private let titles: [String]
    private var rows: [[String]] = []

    init(_ titles: String...) { self.titles = titles }

    /// - Parameter row: as many as there are titles.
    mutating func add(_ row: [String]) { rows.append(row.map(\.printable)) }

    var isEmpty: Bool { rows.isEmpty }

    var text: String { text(withTitles: true) }

    /// Two blanks between columns; the last one is not filled up.
    func text(withTitles: Bool) -> String {
        let all = (withTitles ? [titles.map { $0.uppercased() }] : []) + rows
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}

extension String {
    /// Names come from clients: what would move a terminal's cursor, or begin another line of a log, becomes a question
    /// mark.
    var printable: String {
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            let category = scalar.properties.generalCategory
            scalars.append(category == .control || category == .format ? "?" : scalar)
        }
        return String(scalars)
    }
}

enum Paths {
    /// The absolute path without links; nil if there is none.
    static func resolved(_ path: String) -> String? {
        // SAFETY: realpath returns a terminated string of its own, or nothing.
        guard let text = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }
}
