/// What a firewall's rules, as `nft list ruleset` or `iptables-save` print them, mean for one TCP port. Rules have more
/// ways to say something than are understood here: what is looked for are rules that name the port, and what becomes of
/// packets that no rule names.
struct FirewallRules {
    enum Verdict: Equatable {
        case noRules
        /// The rule that lets it in.
        case allowed(String)
        case refused(String)
        /// The chain that drops what nothing lets in.
        case closed(String)
    }
    private struct Chain {
        var name: String
        var isInput = false
        var isClosed = false
    }
    private var closedChain: String?
    private var rules: [String] = []

    init(_ text: String) {
        var chain: Chain?
        for line in text.split(whereSeparator: \.isNewline).map({ Self.trimmed($0) }) {
            let words = line.split(separator: " ").map(String.init)
            switch words.first {
            case "chain": chain = Chain(name: "chain \(words.dropFirst().first ?? "")")
            case "}":
                if let chain, chain.isInput, chain.isClosed { closedChain = closedChain ?? chain.name }
                chain = nil
            case "-P", ":INPUT":
                // iptables-save: `:INPUT DROP [0:0]`, and iptables -S: `-P INPUT DROP`.
                if words.contains("DROP"), line.contains("INPUT") { closedChain = closedChain ?? "chain INPUT" }
            case "-A":
                if words.dropFirst().first == "INPUT", words.count == 4, ["DROP", "REJECT"].contains(words[3]) {
                    closedChain = closedChain ?? "chain INPUT"
                }
                rules.append(line)
            case "type" where line.contains("hook input"):
                chain?.isInput = true
                if line.contains("policy drop") { chain?.isClosed = true }
            default:
                guard chain != nil else { continue }
                // A rule without a condition ends the chain.
                let first = words.first { !["counter", "packets", "bytes"].contains($0) && Int($0) == nil }
                if first == "drop" || first == "reject" { chain?.isClosed = true }
                rules.append(line)
            }
        }
    }

    func verdict(on port: UInt16) -> Verdict {
        for rule in rules where Self.names(rule, port) {
            let words = Set(rule.split(separator: " ").map { $0.lowercased() })
            if words.contains("accept") { return .allowed(rule) }
            if !words.isDisjoint(with: ["drop", "reject"]) { return .refused(rule) }
        }
        return closedChain.map { .closed($0) } ?? .noRules
    }

    /// `dport 445`, `--dport 445`, `dport { 139, 445 }`, `--dports 139,445`, `dport 400-500`, `dport microsoft-ds`.
    private static func names(_ rule: String, _ port: UInt16) -> Bool {
        guard
            let place = rule.split(separator: " ").firstIndex(where: { $0.hasSuffix("dport") || $0.hasSuffix("dports") }
            )
        else { return false }
        let words = rule.split(separator: " ")[(place + 1)...]
        let set =
            words.first == "{"
            ? words.dropFirst().prefix { $0 != "}" }.joined(separator: " ") : String(words.first ?? "")
        return set.split(whereSeparator: { $0 == "," || $0 == " " }).contains { item in
            if item == "microsoft-ds" { return port == 445 }
            let bounds = item.split(whereSeparator: { $0 == "-" || $0 == ":" }).compactMap { UInt16($0) }
            guard let low = bounds.first, let high = bounds.last else { return false }
            return low <= port && port <= high
        }
    }

    private static func trimmed(_ line: Substring) -> String {
        String(line.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
