import Configuration

/// Who can log in.
public struct AccountFacts: Sendable {
    public struct User: Sendable {
        public var name: String
        public var hasUnixAccount: Bool
        /// How long the name service took to say so.
        public var milliseconds: Double
        public init(name: String, hasUnixAccount: Bool, milliseconds: Double) {
            self.name = name
            self.hasUnixAccount = hasUnixAccount
            self.milliseconds = milliseconds
        }
    }
    public enum Database: Equatable, Sendable {
        case read(userCount: Int)
        case missing
        /// Why not, with file and line.
        case unreadable(String)
    }
    public enum Keytab: Equatable, Sendable {
        case missing
        case unreadable(String)
        case bytes([UInt8])
    }
    public var databasePath = ""
    public var database = Database.missing
    /// Others than its owner may read it.
    public var isDatabasePublic = false
    /// Not all, where there are very many.
    public var users: [User] = []
    /// What the name service said instead of an answer.
    public var nameServiceFailure: String?
    public var hasGuestAccount = true
    public var hasControlPlaneAccount = true
    public var keytabPath = ""
    public var keytab = Keytab.missing
    public init() {}
}

/// Judges accounts and what stands behind them.
public enum AccountChecks {
    public static func findings(_ configuration: ServerConfiguration, _ facts: AccountFacts, isRoot: Bool) -> [Finding]
    {
        [
            database(configuration, facts), secrecy(facts), isRoot ? accounts(configuration, facts) : nil,
            guest(configuration, facts), nameService(facts), keytab(configuration, facts),
            isRoot ? controlPlane(configuration, facts) : nil,
        ].compactMap { $0 }
    }

    static func database(_ configuration: ServerConfiguration, _ facts: AccountFacts) -> Finding {
        let path = facts.databasePath
        switch facts.database {
        case .read(let count) where count > 0: return Finding("users", .fine, "\(count) in \(path)")
        case .unreadable(let why):
            return Finding(
                "users", .broken, why, because: "the server does not start, or goes on with the users that it had",
                mend: "mend that line, or run as root")
        case .read, .missing:
            let others = configuration.supportsKerberos || configuration.shares.contains(where: \.allowsGuests)
            return Finding(
                "users", others ? .note : .broken, "nobody is in \(path)",
                because: others ? "only tickets and guests get in" : "nobody can log in", mend: "apus user add NAME")
        }
    }

    static func secrecy(_ facts: AccountFacts) -> Finding? {
        guard facts.isDatabasePublic else { return nil }
        return Finding(
            "users", .warning, "others may read \(facts.databasePath)",
            because: "what is in it is as good as the passwords: a client can log in with the hash",
            mend: "chmod 600 \(facts.databasePath)")
    }

    /// Who logs in with a password and has no account acts as the guest account.
    static func accounts(_ configuration: ServerConfiguration, _ facts: AccountFacts) -> Finding? {
        let without = facts.users.filter { !$0.hasUnixAccount }.map(\.name)
        guard let first = without.first else { return nil }
        let more = without.count > 1 ? " and \(without.count - 1) more" : ""
        return Finding(
            "accounts", facts.hasGuestAccount ? .warning : .broken, "this system has no account '\(first)'\(more)",
            because: facts.hasGuestAccount
                ? "they log in, and act as \(configuration.guestAccount): they reach only what everybody does"
                : "they cannot log in, nor is there an account '\(configuration.guestAccount)' in their stead",
            mend: "useradd -M \(first)")
    }

    static func guest(_ configuration: ServerConfiguration, _ facts: AccountFacts) -> Finding? {
        guard !facts.hasGuestAccount,
            configuration.mapsUnknownUserToGuest || configuration.shares.contains(where: \.allowsGuests)
        else { return nil }
        return Finding(
            "guests", .broken, "this system has no account '\(configuration.guestAccount)'",
            because: "guests act as it: no guest gets in", mend: "guest account = nobody")
    }

    static func nameService(_ facts: AccountFacts) -> Finding? {
        if let failure = facts.nameServiceFailure {
            return Finding(
                "name service", .broken, failure,
                because: "whom it cannot tell about is refused: as whom his files are touched is not guessed",
                mend: "see passwd: and group: in /etc/nsswitch.conf, and whether what they name runs")
        }
        guard let slowest = facts.users.max(by: { $0.milliseconds < $1.milliseconds }) else { return nil }
        let time = Int(slowest.milliseconds.rounded())
        guard slowest.milliseconds >= 50 else {
            return Finding("name service", .fine, "answers within \(max(1, time)) ms")
        }
        return Finding(
            "name service", .warning, "took \(time) ms to say who '\(slowest.name)' is",
            because: "every login waits for that, and a thread of the server with it",
            mend: "run nscd or sssd with a cache; see passwd: in /etc/nsswitch.conf")
    }

    static func controlPlane(_ configuration: ServerConfiguration, _ facts: AccountFacts) -> Finding? {
        guard !facts.hasControlPlaneAccount else { return nil }
        let user = configuration.controlPlaneUser
        return Finding(
            "control plane", .note, "this system has no account '\(user)'",
            because: "the process that reads logins runs as nobody, whom other services may run as too",
            mend: "useradd -r -M -s /usr/sbin/nologin \(user)")
    }

    static func keytab(_ configuration: ServerConfiguration, _ facts: AccountFacts) -> Finding? {
        guard configuration.supportsKerberos else { return nil }
        let path = facts.keytabPath
        func broken(_ seen: String, _ mend: String) -> Finding {
            Finding(
                "keytab", .broken, seen,
                because: "no ticket is taken: clients of the domain fall back to passwords, or fail", mend: mend)
        }
        switch facts.keytab {
        case .missing:
            return broken(
                "there is no \(path)", "net ads keytab create, ktpass, or kadmin's ktadd -k \(path) cifs/HOST")
        case .unreadable(let why):
            return broken("\(path) cannot be read: \(why)", "chmod 600 and chown root \(path), and ask as root")
        case .bytes(let bytes):
            guard let keytab = Keytab(bytes) else { return broken("\(path) is no keytab", "make it anew") }
            let wanted = configuration.kerberosServiceName
            let keys = keytab.keys.filter { $0.serves(wanted) }
            guard !keys.isEmpty else {
                let has = Set(keytab.keys.map(\.principal)).sorted().prefix(3).joined(separator: ", ")
                return broken(
                    "\(path) has no key for \(wanted.isEmpty ? "cifs or host" : wanted), but for "
                        + (has.isEmpty ? "nobody" : has),
                    "kadmin's ktadd -k \(path) \(wanted.isEmpty ? "cifs/HOST" : wanted), or mend kerberos service name")
            }
            guard keys.contains(where: \.isStrong) else {
                return Finding(
                    "keytab", .warning, "\(path) has no AES key for \(keys[0].principal)",
                    because: "Windows since November 2022 no longer gives out RC4 tickets by itself",
                    mend: "let the domain give the account AES keys, and make the keytab anew")
            }
            return Finding("keytab", .fine, "\(keys.count) keys for \(keys[0].principal)")
        }
    }
}
