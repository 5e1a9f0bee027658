import CLinux
import Configuration
import Diagnosis
import Glibc

/// Collects what `Diagnosis` judges of accounts.
enum AccountSurvey {
    /// Users that the name service is asked for, and nanoseconds that this may take.
    private static let userCountMax = 200
    private static let patience: UInt64 = 5_000_000_000

    static func look(_ configuration: ServerConfiguration, users path: String) -> AccountFacts {
        var facts = AccountFacts()
        facts.databasePath = path
        var names: [String] = []
        do {
            if let text = try TextFile.read(path) {
                names = try UserDatabase(path: path, text: text).users.map(\.name)
                facts.database = .read(userCount: names.count)
            }
        } catch { facts.database = .unreadable("\(error)") }
        var status = stat()
        // SAFETY: the path is a terminated string for the length of the call, and the structure outlives it.
        if unsafe stat(path, &status) == 0 { facts.isDatabasePublic = status.st_mode & 0o004 != 0 }
        let end = Clock.uptime() + patience
        for name in names.prefix(userCountMax) where Clock.uptime() < end {
            let start = Clock.uptime()
            let isKnown = has(name, &facts)
            let time = Double(Clock.uptime() - start) / 1e6
            facts.users.append(.init(name: name, hasUnixAccount: isKnown, milliseconds: time))
        }
        facts.hasGuestAccount = has(configuration.guestAccount, &facts)
        facts.hasControlPlaneAccount = has(configuration.controlPlaneUser, &facts)
        lookAtKeytab(configuration, &facts)
        return facts
    }

    /// Whether the system has such an account. True where that cannot be told, which is a finding of its own.
    private static func has(_ name: String, _ facts: inout AccountFacts) -> Bool {
        do throws(UnixAccounts.Failure) { return try UnixAccounts.identity(of: name) != nil } catch {
            if facts.nameServiceFailure == nil { facts.nameServiceFailure = error.description }
            return true
        }
    }

    private static func lookAtKeytab(_ configuration: ServerConfiguration, _ facts: inout AccountFacts) {
        let path = configuration.kerberosKeytabFile
        facts.keytabPath =
            path.isEmpty ? "/etc/krb5.keytab" : path.hasPrefix("FILE:") ? String(path.dropFirst(5)) : path
        guard configuration.supportsKerberos else { return }
        do throws(TextFile.Failure) {
            facts.keytab = try TextFile.readBytes(facts.keytabPath).map { .bytes($0) } ?? .missing
        } catch {
            if case .unreadable(_, let code) = error { facts.keytab = .unreadable(systemMessage(code)) }
        }
    }
}
