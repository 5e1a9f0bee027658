/// The manual of the configuration, made from the table that the parser reads by: docs/configuration.md and
/// apus.conf(5). A test holds both equal to this.
public enum ConfigurationManual {
    /// docs/configuration.md.
    public static var markdown: String {
        var text = """
            # Configuration

            <!-- Made by `apus manual markdown` from Sources/Configuration/ParameterTable.swift: change that. -->

            The file is a ksmbd.conf or smb.conf: sections of `key = value`; `#` and `;` begin a comment; of a key that
            comes twice the first counts. `[global]` is about the server, every other section is a share. What
            `[global]` says of a share's key is the default of all shares. An unknown key is a warning with its
            line, a wrong value ends the start with file, line, key and what would be right.

            `apus reload` or SIGHUP puts into force what the file says now, for who connects from then on, but for the
            keys that say *takes a restart*: for these the server goes by what it read at its start.


            """
        text += "## [global]\n\n" + table(Parameter.global.filter { $0.scope != .share })
        text += "\n## A share\n\n" + table(Parameter.all.filter { $0.scope != .global })
        text += "\n" + kinds
        return text
    }

    private static func table(_ parameters: [Parameter]) -> String {
        var text = "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
        for parameter in parameters {
            text += "| `\(parameter.name)`\(aliases(parameter)) | \(parameter.kind.name) | "
            text += parameter.defaultValue.isEmpty ? "" : "`\(parameter.defaultValue)`"
            text += " | \(meaning(of: parameter)) |\n"
        }
        return text
    }

    private static func meaning(of parameter: Parameter) -> String {
        parameter.meaning + (parameter.takesRestart ? " (takes a restart)" : "")
    }

    private static func aliases(_ parameter: Parameter) -> String {
        guard !parameter.aliases.isEmpty else { return "" }
        let names = parameter.aliases.map { $0.hasPrefix("!") ? "`\($0.dropFirst())` (the opposite)" : "`\($0)`" }
        return ", also " + names.joined(separator: ", ")
    }

    private static let kinds = """
        ## Values

        - yes or no: also true, 1, enable, on; false, 0, disable, off
        - size: bytes, with K, M, G, T, P or E for powers of 1024
        - mode: octal, as chmod(1) has it
        - list: words, separated by blanks or commas; in lists of users `@name` is a group
        - hosts: addresses, `10.0.0.0/8`, `192.168.1.`, `localhost`, `ALL`, and `EXCEPT` before those that are left out

        """

    /// apus.conf(5), in man(7).
    public static var page: String {
        var text = #"""
            .\" Made by `apus manual man` from the parser's table.
            .TH APUS.CONF 5 "" "Apus" "File formats"
            .SH NAME
            apus.conf \- configuration of the Apus file server
            .SH DESCRIPTION
            Sections of
            .IR "key " = " value" .
            .RB \(lq [global] \(rq
            is about the server, every other section is a share. What
            .B [global]
            says of a share's key is the default of all shares. Of a key that comes twice the first counts.
            .PP
            A reload puts into force what the file says now, but for the keys that say
            .IR "takes a restart" .

            """#
        text += ".SH GLOBAL\n" + entries(Parameter.global.filter { $0.scope != .share })
        text += ".SH SHARES\n" + entries(Parameter.all.filter { $0.scope != .global })
        return text + ".SH SEE ALSO\n.BR apus (8)\n"
    }

    private static func entries(_ parameters: [Parameter]) -> String {
        parameters.map { parameter in
            let value = parameter.defaultValue.isEmpty ? "" : " Default: \(escaped(parameter.defaultValue))."
            return ".TP\n.BR \"\(escaped(parameter.name))\" \" (\(escaped(parameter.kind.name)))\"\n"
                + "\(escaped(meaning(of: parameter))).\(value)\n"
        }.joined()
    }

    /// A backslash, a minus and a leading dot or quote mean something to man(7).
    private static func escaped(_ text: String) -> String {
        var result = ""
        for letter in text {
            switch letter {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            default: result.append(letter)
            }
        }
        return result.hasPrefix(".") || result.hasPrefix("'") ? "\\&" + result : result
    }
}

extension ParameterKind {
    /// One word or a few, for a table.
    var name: String {
        switch self {
        case .text: "text"
        case .boolean: "yes or no"
        case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .numbers(let range): "numbers, \(range.lowerBound) to \(range.upperBound)"
        case .size: "size"
        case .mode: "mode"
        case .list: "list"
        case .choice(let words): words.joined(separator: ", ")
        case .hosts: "hosts"
        }
    }
}
