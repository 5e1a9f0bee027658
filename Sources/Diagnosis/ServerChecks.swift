import Configuration

/// What a running server says of itself.
public struct RunningServerFacts: Sendable {
    public struct Client: Sendable {
        public var user: String
        public var address: String
        /// As people write it: "3.1.1".
        public var dialect: String
        public var isGuest: Bool
        public init(user: String, address: String, dialect: String, isGuest: Bool) {
            self.user = user
            self.address = address
            self.dialect = dialect
            self.isGuest = isGuest
        }
    }
    public var version = ""
    public var toolVersion = ""
    public var connectionCount = 0
    public var sessionCount = 0
    public var openCount = 0
    /// Those that clients can use; nil where the server does not say.
    public var shares: [String]?
    public var clients: [Client] = []
    /// Addresses of clients that chose AES-CCM.
    public var clientsWithSlowCipher: [String] = []
    public init() {}
}

/// Judges a running server.
public enum ServerChecks {
    /// - Parameter facts: nil where no server answers.
    public static func findings(_ facts: RunningServerFacts?, _ configuration: ServerConfiguration) -> [Finding] {
        guard let facts else {
            return [
                Finding("server", .note, "none answers at the admin socket; what only a running one knows is left out")
            ]
        }
        return [version(facts)] + served(facts, configuration) + limits(facts, configuration) + clients(facts)
    }

    static func version(_ facts: RunningServerFacts) -> Finding {
        guard facts.version != facts.toolVersion else {
            return Finding("server", .fine, "Apus \(facts.version) answers")
        }
        return Finding(
            "server", .warning, "the server is Apus \(facts.version), this tool \(facts.toolVersion)",
            because: "what was mended since is not in force", mend: "systemctl restart apus")
    }

    static func served(_ facts: RunningServerFacts, _ configuration: ServerConfiguration) -> [Finding] {
        guard let shares = facts.shares.map({ Set($0.map { $0.lowercased() }) }) else { return [] }
        let missing = configuration.shares.map(\.name).filter { !shares.contains($0.lowercased()) }
        guard !missing.isEmpty else { return [] }
        let names = missing.map { "[\($0)]" }.joined(separator: ", ")
        return [
            Finding(
                "server", .broken, "the configuration has \(names), and the running server does not serve it",
                because: "clients hear that there is no such share",
                mend: "apus reload; if that does not help, see its log")
        ]
    }

    static func limits(_ facts: RunningServerFacts, _ configuration: ServerConfiguration) -> [Finding] {
        let uses = [
            ("open files", facts.openCount, configuration.openCountMax, "max open files"),
            ("connections", facts.connectionCount, configuration.connectionCountMax, "max connections"),
            ("sessions", facts.sessionCount, configuration.sessionCountMax, "max active sessions"),
        ]
        return uses.compactMap { name, count, limit, key in
            guard count * 10 >= limit * 9 else { return nil }
            return Finding(
                "server", count >= limit ? .broken : .warning, "\(count) \(name), and `\(key)` is \(limit)",
                because: "the next clients are refused", mend: "raise \(key), then apus reload")
        }
    }

    static func clients(_ facts: RunningServerFacts) -> [Finding] {
        var findings: [Finding] = []
        if let old = facts.clients.first(where: { $0.dialect.hasPrefix("2.") }) {
            let count = facts.clients.count { $0.dialect.hasPrefix("2.") }
            findings.append(
                Finding(
                    "clients", .note, "\(count) use SMB 2, \(old.user) at \(old.address) among them",
                    because: "they cannot seal, and sign slowly", mend: "let them use SMB 3: vers=3.1.1, newer firmware"
                ))
        }
        if let slow = facts.clientsWithSlowCipher.first {
            findings.append(
                Finding(
                    "clients", .note,
                    "\(Set(facts.clientsWithSlowCipher).count) would seal with AES-CCM, \(slow) among them",
                    because: "it costs three times what AES-GCM does", mend: "let them use SMB 3.1.1 with AES-GCM"))
        }
        return findings
    }
}
