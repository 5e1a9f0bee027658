import Configuration
import Testing

@testable import Diagnosis

@Suite("apus doctor: accounts") struct AccountChecksTests {
    private func findings(
        _ line: String = "", isRoot: Bool = true, _ change: (inout AccountFacts) -> Void = { _ in }
    ) throws -> [Finding] {
        var facts = AccountFacts()
        facts.databasePath = "/etc/users.db"
        facts.database = .read(userCount: 1)
        facts.users = [.init(name: "alice", hasUnixAccount: true, milliseconds: 0.2)]
        change(&facts)
        return AccountChecks.findings(try configured("[global]", line), facts, isRoot: isRoot)
    }
    private func finding(_ line: String = "", _ change: (inout AccountFacts) -> Void) throws -> Finding {
        let bad = try findings(line, change).filter { $0.severity > .fine }
        try #require(bad.count == 1, "\(bad)")
        return bad[0]
    }

    @Test func goodAccountsAreFine() throws {
        #expect(try findings().map(\.check) == ["users", "name service"])
        #expect(try findings().exitCode == 0)
    }

    @Test func nobodyCanLogIn() throws {
        let empty: (inout AccountFacts) -> Void = { $0.database = .missing }
        #expect(try finding("", empty).severity == .broken)
        #expect(try finding("[s]\npath = /s\nguest ok = yes", empty).severity == .note)
        #expect(try finding { $0.database = .unreadable("users.db:3: user") }.seen == "users.db:3: user")
        #expect(try finding { $0.isDatabasePublic = true }.mend == "chmod 600 /etc/users.db")
    }

    @Test func aUserWithoutUnixAccount() throws {
        let without: (inout AccountFacts) -> Void = { facts in
            facts.users = ["bob", "carol"].map { .init(name: $0, hasUnixAccount: false, milliseconds: 1) }
        }
        let finding = try finding("", without)
        #expect(
            finding.severity == .warning && finding.seen.contains("'bob' and 1 more")
                && finding.mend == "useradd -M bob")
        #expect(finding.reason.contains("act as nobody"))
        let alone = try self.finding("") { facts in
            without(&facts)
            facts.hasGuestAccount = false
        }
        #expect(alone.severity == .broken)
        // Who is not root serves everybody as himself.
        #expect(try findings("", isRoot: false, without).exitCode == 0)
    }

    @Test func guestsNeedAnAccount() throws {
        #expect(try finding("map to guest = bad user") { $0.hasGuestAccount = false }.severity == .broken)
        #expect(try findings { $0.hasGuestAccount = false }.exitCode == 0)
    }

    @Test func aSlowNameService() throws {
        let finding = try finding { facts in
            facts.users.append(.init(name: "bob", hasUnixAccount: true, milliseconds: 812.4))
        }
        #expect(finding.severity == .warning && finding.seen == "took 812 ms to say who 'bob' is")
    }

    @Test func aNameServiceThatFails() throws {
        let finding = try finding { $0.nameServiceFailure = "it cannot say who 'bob' is" }
        #expect(finding.severity == .broken && finding.check == "name service")
    }

    @Test func theControlPlanesAccount() throws {
        #expect(try finding { $0.hasControlPlaneAccount = false }.severity == .note)
    }

    // MARK: keytab

    /// One entry, as kadmin writes it.
    private func entry(_ names: [String], _ realm: String = "EXAMPLE.ORG", encryption: UInt16 = 18) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func text(_ text: String) -> [UInt8] { number(text.utf8.count, 2) + Array(text.utf8) }
        var body = number(names.count, 2) + text(realm)
        for name in names { body += text(name) }
        body += number(1, 4) + number(1_700_000_000, 4) + [2] + number(Int(encryption), 2)
        body += number(32, 2) + [UInt8](repeating: 7, count: 32) + number(2, 4)
        return number(body.count, 4) + body
    }

    @Test func keytabsAreRead() throws {
        let hole: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFC, 0, 0, 0, 0]
        let bytes = [5, 2] + entry(["cifs", "nas.example.org"]) + hole + entry(["host", "nas"], encryption: 23)
        let keytab = try #require(Keytab(bytes))
        #expect(keytab.keys.map(\.principal) == ["cifs/nas.example.org@EXAMPLE.ORG", "host/nas@EXAMPLE.ORG"])
        #expect(keytab.keys.map(\.isStrong) == [true, false])
        #expect(
            keytab.keys[0].serves("cifs/nas.example.org") && keytab.keys[0].serves("cifs")
                && !keytab.keys[0].serves("nfs"))
        #expect(Keytab([]) == nil && Keytab([5, 1]) == nil)
        // No prefix is taken for a whole one, but for those that end between two entries.
        let whole = [5, 2] + entry(["cifs", "nas"])
        for count in 6..<whole.count { #expect(Keytab(Array(whole[..<count])) == nil) }
    }

    @Test func keytabsThatServeNobody() throws {
        let on = "kerberos support = yes"
        #expect(try finding(on) { _ in }.seen.contains("there is no"))
        #expect(try finding(on) { $0.keytab = .unreadable("Permission denied") }.severity == .broken)
        #expect(try finding(on) { $0.keytab = .bytes([1, 2, 3]) }.seen.contains("no keytab"))
        let other = try finding(on) { $0.keytab = .bytes([5, 2] + entry(["nfs", "nas"])) }
        #expect(other.severity == .broken && other.seen.contains("cifs or host, but for nfs/nas@EXAMPLE.ORG"))
        let named = try finding(on + "\nkerberos service name = cifs/other") {
            $0.keytab = .bytes([5, 2] + entry(["cifs", "nas"]))
        }
        #expect(named.seen.contains("no key for cifs/other"))
        let weak = try finding(on) { $0.keytab = .bytes([5, 2] + entry(["cifs", "nas"], encryption: 23)) }
        #expect(weak.severity == .warning && weak.seen.contains("no AES key"))
        let good = try findings(on) { $0.keytab = .bytes([5, 2] + entry(["cifs", "nas"])) }
        #expect(good.exitCode == 0 && good.contains { $0.check == "keytab" })
    }
}

@Suite("apus doctor: a running server") struct ServerChecksTests {
    private func findings(_ change: (inout RunningServerFacts) -> Void = { _ in }) throws -> [Finding] {
        var facts = RunningServerFacts()
        facts.version = "1"
        facts.toolVersion = "1"
        facts.shares = ["Media"]
        change(&facts)
        return ServerChecks.findings(facts, try configured("[global]", "max open files = 100", "[media]", "path = /m"))
    }

    @Test func aGoodServerIsFine() throws {
        #expect(try findings().map(\.severity) == [.fine])
        #expect(ServerChecks.findings(nil, ServerConfiguration()).map(\.severity) == [.note])
    }

    @Test func whatARunningServerTells() throws {
        #expect(try findings { $0.version = "0" }.exitCode == 1)
        #expect(try findings { $0.shares = [] }.exitCode == 2)
        #expect(try findings { $0.shares = nil }.exitCode == 0)
        #expect(try findings { $0.openCount = 90 }.exitCode == 1)
        #expect(try findings { $0.openCount = 100 }.exitCode == 2)
        #expect(try findings { $0.openCount = 89 }.exitCode == 0)
        let old = try findings {
            $0.clients = [.init(user: "tv", address: "10.0.0.9", dialect: "2.1", isGuest: false)]
            $0.clientsWithSlowCipher = ["10.0.0.8"]
        }
        #expect(old.exitCode == 0 && old.count { $0.severity == .note } == 2)
    }
}
