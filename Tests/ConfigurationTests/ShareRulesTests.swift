import Testing

@testable import Configuration

@Suite("Who may use a share, ksmbd.conf(5)") struct ShareRulesTests {
    private let groups: [String: UInt32] = ["staff": 50, "guests": 60]

    private func decide(
        _ keys: String, user: String = "alice", groups groupIDs: [UInt32] = [], isGuest: Bool = false,
        address: String = "10.1.2.3"
    ) throws -> ShareRules.Decision {
        let (configuration, _) = try ServerConfiguration.load(
            path: "test.conf", text: "[a]\npath = /a\n" + keys.split(separator: ";").joined(separator: "\n"))
        let share = try #require(configuration.shares.first)
        return ShareRules(share: share, groupIDs: groups).decide(
            ShareRules.Client(user: user, isGuest: isGuest, isAnonymous: false, groupIDs: groupIDs, address: address))
    }
    private let reads = ShareRules.Decision.granted(isWritable: false, isAdministrator: false, forcedUser: "")
    private let writes = ShareRules.Decision.granted(isWritable: true, isAdministrator: false, forcedUser: "")
    private let administers = ShareRules.Decision.granted(isWritable: true, isAdministrator: true, forcedUser: "")

    @Test func whoIsNotNamedReads() throws {
        #expect(try decide("") == reads)
        #expect(try decide("read only = no") == writes)
        #expect(try decide("writable = yes") == writes)
    }

    @Test func validUsersKeepOthersOut() throws {
        #expect(try decide("valid users = alice, bob") == reads)
        #expect(try decide("valid users = Alice") == reads)
        #expect(try decide("valid users = bob") == .refused)
        #expect(try decide("valid users = @staff") == .refused)
        #expect(try decide("valid users = @staff", groups: [10, 50]) == reads)
        // A group that the system does not know has no members, and is no user either.
        #expect(try decide("valid users = @nobodies", groups: [50]) == .refused)
        #expect(try decide("valid users = staff", groups: [50]) == .refused)
    }

    @Test func invalidUsersAreRefusedBeforeTheListsAreRead() throws {
        #expect(try decide("invalid users = alice") == .refused)
        #expect(try decide("invalid users = @staff", groups: [50]) == .refused)
        #expect(try decide("invalid users = @staff") == reads)
        #expect(try decide("invalid users = alice; valid users = alice; write list = alice") == .refused)
    }

    @Test func listsSayHow() throws {
        #expect(try decide("read only = no; read list = alice") == reads)
        #expect(try decide("write list = @staff", groups: [50]) == writes)
        // Who is in both only reads, and who is in one need not be a valid user: ksmbd's order.
        #expect(try decide("read list = alice; write list = alice") == reads)
        #expect(try decide("valid users = bob; write list = alice") == writes)
    }

    @Test func administratorsComeFirst() throws {
        #expect(try decide("admin users = alice; invalid users = alice; read list = alice") == administers)
        #expect(try decide("admin users = @staff") == reads)
    }

    @Test func guestsAreInNoList() throws {
        #expect(try decide("", isGuest: true) == .refused)
        #expect(try decide("valid users = alice; admin users = alice", isGuest: true) == .refused)
        #expect(try decide("guest ok = yes", isGuest: true) == reads)
        #expect(try decide("guest ok = yes; admin users = alice; read only = no", isGuest: true) == writes)
        let visitor = ShareRules.Decision.granted(isWritable: false, isAdministrator: false, forcedUser: "visitor")
        #expect(try decide("guest ok = yes; guest account = visitor", isGuest: true) == visitor)
        #expect(try decide("guest ok = yes; guest account = visitor") == reads)
    }

    @Test func hostsComeBeforeUsers() throws {
        #expect(try decide("admin users = alice; hosts deny = 10.") == .refused)
        #expect(try decide("hosts allow = 10.1.2.0/24") == reads)
        #expect(try decide("hosts allow = 10.1.2.0/24; hosts deny = ALL") == reads)
        #expect(try decide("hosts allow = 192.168.0.0/16") == .refused)
    }

    @Test func forcedUserIsToldAlong() throws {
        let forced = ShareRules.Decision.granted(isWritable: false, isAdministrator: false, forcedUser: "web")
        #expect(try decide("force user = web") == forced)
    }
}

@Suite("hosts allow, hosts deny") struct HostListTests {
    @Test(
        "what is in",
        arguments: [
            ("10.1.2.3", "10.1.2.3"), ("10.", "10.9.9.9"), ("10.1.2.0/24", "10.1.2.255"),
            ("10.1.0.0/255.255.0.0", "10.1.200.1"), ("0.0.0.0/0", "1.2.3.4"), ("ALL", "fe80::1"),
            ("localhost", "127.0.0.1"), ("localhost", "::1"), ("fe80::/10", "fe80::1%eth0"),
            ("2001:db8::1", "2001:DB8:0::1"), ("10.1.2.3", "::ffff:10.1.2.3"),
            ("ALL EXCEPT 10.1.2.4", "10.1.2.3"), ("10. EXCEPT 10.2. 10.3.", "10.1.1.1"),
        ])
    func isIn(list: String, address: String) throws {
        #expect(try #require(HostList(ParameterKind.list(list))).contains(address))
    }

    @Test(
        "what is not",
        arguments: [
            ("10.1.2.3", "10.1.2.30"), ("10.", "100.1.1.1"), ("1.", "10.1.1.1"), ("10.1.2.0/25", "10.1.2.128"),
            ("0.0.0.0/0", "::1"), ("::/0", "10.1.1.1"), ("localhost", "128.0.0.1"), ("fe80::/10", "fec0::1"),
            ("ALL EXCEPT 10.1.2.3", "10.1.2.3"), ("10. EXCEPT 10.2. 10.3.", "10.3.1.1"), ("ALL", "nonsense"),
        ])
    func isNotIn(list: String, address: String) throws {
        #expect(try !#require(HostList(ParameterKind.list(list))).contains(address))
    }

    @Test(
        "what is no address is refused, so that no rule is without effect",
        arguments: [
            "host.example", "10.1.2", "10.1.2.3/33", "10.1.2.0/255.0.255.0", "300.", ".", "EXCEPT 10.", "10.1..",
            "ALL EXCEPT 10. EXCEPT 11.", "10.1.2.3/", "@net",
        ])
    func isRefused(list: String) {
        #expect(HostList(ParameterKind.list(list)) == nil)
        #expect(throws: ConfigurationError.self) {
            try ServerConfiguration.load(path: "test.conf", text: "[a]\npath = /a\nhosts deny = \(list)\n")
        }
    }
}

@Suite("username map, smb.conf(5)") struct UsernameMapTests {
    @Test func linesFitInTurn() throws {
        let map = try UsernameMap(
            path: "map",
            text: """
                # comment
                root = admin Administrator "Big Boss"
                !alice = al
                nobody = al
                guest = *
                """)
        #expect(map.account(of: "ADMINISTRATOR") == "guest")
        #expect(map.account(of: "al") == "alice")
        #expect(map.account(of: "x") == "guest")
        let plain = try UsernameMap(path: "map", text: "root = admin \"Big Boss\"\ncarol = bob\n")
        #expect(plain.account(of: "big boss") == "root")
        #expect(plain.account(of: "bob") == "carol")
        #expect(plain.account(of: "carol") == "carol")
        var users = UserDatabase()
        users.set(.init(name: "carol", passwordHash: [UInt8](repeating: 1, count: 16)))
        #expect(users.user(named: "bob") == nil)
        users.usernameMap = plain
        #expect(users.user(named: "BOB")?.name == "carol")
    }

    @Test("what is no line is refused", arguments: ["alice", "= bob", "alice =", "alice = \"bob", "alice = @staff"])
    func isRefused(line: String) {
        #expect(throws: ConfigurationError.self) { try UsernameMap(path: "map", text: line) }
    }
}
