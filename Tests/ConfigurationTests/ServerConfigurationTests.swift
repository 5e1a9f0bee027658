import Testing

@testable import Configuration

@Suite("ksmbd.conf(5) and smb.conf(5)") struct ServerConfigurationTests {
    private func load(_ text: String) throws -> (configuration: ServerConfiguration, warnings: [String]) {
        try ServerConfiguration.load(path: "test.conf", text: text)
    }

    /// The message of what `text` is refused with.
    private func refusal(_ text: String) -> String {
        do throws(ConfigurationError) {
            _ = try ServerConfiguration.load(path: "test.conf", text: text)
            return "accepted"
        } catch { return error.description }
    }

    @Test func aShareIsReadOnlyAndForUsersUnlessItSaysMore() throws {
        let share = try #require(try load("[global]\n[photos]\n\tpath = /srv/photos\n").configuration.shares.first)
        #expect(share.name == "photos" && share.path == "/srv/photos")
        #expect(share.isReadOnly && !share.allowsGuests)
    }

    @Test func anUnknownKeyIsAWarningWithItsLine() throws {
        let (configuration, warnings) = try load("[global]\n\nno such key = 1\n[a]\npath = /a\nother = 2\n")
        #expect(configuration.shares.count == 1)
        #expect(
            warnings == [
                "test.conf:3: unknown key 'no such key' is ignored", "test.conf:6: unknown key 'other' is ignored",
            ])
    }

    @Test(
        "what is wrong is refused with file, line, key and what would be right",
        arguments: [
            ("[global]\ntcp port = 70000\n", "test.conf:2: tcp port: '70000' is not a number from 1 to 65535"),
            ("[global]\nsmb ports = 445 x\n", "test.conf:2: smb ports: '445 x' is not one or more numbers"),
            ("[a]\npath = /a\nread only = perhaps\n", "test.conf:3: read only: 'perhaps' is not yes or no"),
            ("[a]\npath = /a\ncreate mask = 888\n", "test.conf:3: create mask: '888' is not an octal mode"),
            ("[global]\nsmb2 max read = much\n", "test.conf:2: smb2 max read: 'much' is not a number of bytes"),
            ("[global]\nserver signing = maybe\n", "test.conf:2: server signing: 'maybe' is not one of auto"),
            ("[a]\n", "test.conf:1: [a]: a share needs a path"),
            ("path = /a\n", "test.conf:1: path: entries follow a section"),
            ("[a]\npath\n", "test.conf:2: path: an entry is written key = value"),
            ("[a\n", "test.conf:1: [a: a section is written [name]"),
            (
                "[global]\nserver min protocol = SMB3_11\nserver max protocol = SMB3_00\n",
                "test.conf:2: server min protocol: must not be newer"
            ),
        ])
    func refuses(_ text: String, _ message: String) { #expect(refusal(text).hasPrefix(message)) }

    @Test func grammarIsThatOfKsmbd() throws {
        let text =
            "[Global]\r\n  TCP   Port=4450 ; a comment\r\n[a]\npath=/one # another\nPATH = /two\n"
            + "[A]\nwriteable = YES\n"
        let configuration = try load(text).configuration
        #expect(configuration.ports == [4450])
        // Sections of one name continue each other, without regard to case; the first value of a key counts.
        #expect(configuration.shares.map(\.name) == ["a"])
        #expect(configuration.shares.map(\.path) == ["/one"])
        #expect(configuration.shares.map(\.isReadOnly) == [false])
    }

    @Test func sizesHaveUnitsOf1024AndKsmbdsBounds() throws {
        let text = "[global]\nsmb2 max read = 1M\nsmb2 max write = 1\nsmb2 max trans = 1G\n"
        let configuration = try load(text).configuration
        #expect(configuration.readByteCountMax == 1 << 20)
        #expect(configuration.writeByteCountMax == 64 << 10)
        #expect(configuration.transactByteCountMax == 8 << 20)
    }

    @Test func severalPortsAreListenedOn() throws {
        #expect(try load("[global]\nsmb ports = 445 139\ntcp port = 1\n").configuration.ports == [445, 139])
        #expect(try load("[global]\n").configuration.ports == [445])
    }

    @Test func globalSaysEverySharesDefault() throws {
        let shares = try load("[global]\nread only = no\n[a]\npath = /a\n[b]\npath = /b\nread only = yes\n")
            .configuration.shares
        #expect(shares.map(\.isReadOnly) == [false, true])
    }

    @Test func cachingAndDurabilityAreEachSharesOwn() throws {
        let text = "[global]\noplocks = no\n[a]\npath = /a\ndurable handles = no\n[b]\npath = /b\noplocks = yes\n"
        let shares = try load(text).configuration.shares
        #expect(shares.map(\.allowsCaching) == [false, true])
        #expect(shares.map(\.allowsDurability) == [false, true])
    }

    @Test func whatBelongsIntoGlobalIsAWarningInAShare() throws {
        let warnings = try load("[a]\npath = /a\ntcp port = 445\n").warnings
        #expect(warnings == ["test.conf:3: 'tcp port' belongs into [global] and is ignored here"])
    }

    @Test func shareModesForOtherProgramsAreNotPromised() throws {
        let warnings = try load("[a]\npath = /a\nkernel share modes = yes\n[b]\npath = /b\nkernel share modes = no\n")
            .warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("test.conf:3: 'kernel share modes = yes' changes nothing: ") == true)
    }

    @Test func sambaModulesThatAreNotHereAreNamed() throws {
        func warnings(_ value: String) throws -> [String] {
            try load("[a]\npath = /a\nvfs objects = \(value)\n").warnings
        }
        #expect(try warnings("acl_xattr, streams_xattr fruit").isEmpty)
        let line = "test.conf:3: 'vfs objects = acl_xattr recycle' changes nothing: there is no recycle here"
        #expect(try warnings("acl_xattr recycle") == [line])
    }
}

@Suite("interfaces of smb.conf(5)") struct InterfaceSelectionTests {
    @Test(
        "an interface's name, an address or a network",
        arguments: [
            ("eth0", "eth0", "10.0.0.1", true), ("eth0", "eth01", "10.0.0.1", false),
            ("en*", "enp3s0", "fe80::1%enp3s0", true), ("e?h0", "eth0", "10.0.0.1", true),
            ("10.0.0.0/8", "eth0", "10.200.3.4", true), ("10.0.0.0/8", "eth0", "11.0.0.1", false),
            ("192.168.1.7/255.255.255.0", "eth0", "192.168.1.200", true),
            ("192.168.1.7/255.255.255.0", "eth0", "192.168.2.7", false),
            ("192.168.1.7/255.0.255.0", "eth0", "192.168.1.7", true),
            ("fe80::/10", "eth0", "fe80::1:2%eth0", true), ("2001:db8::/32", "eth0", "2001:db8:1::1", true),
            ("2001:db8::/32", "eth0", "2001:db9::1", false), ("0.0.0.0/0", "eth0", "::1", false),
        ])
    func matches(_ word: String, _ interface: String, _ address: String, _ isMeant: Bool) {
        #expect(InterfaceSelection(word).matches(interface: interface, address: address) == isMeant)
    }

    @Test func manyStarsInARowAreOne() {
        let stars = String(repeating: "*", count: 2000)
        #expect(InterfaceSelection(stars).matches(interface: "eth0", address: "10.0.0.1"))
        #expect(!InterfaceSelection(stars + "x").matches(interface: "eth0", address: "10.0.0.1"))
    }

    @Test func anAddressIsListenedOnAsItIs() {
        #expect(InterfaceSelection("127.0.0.1").address == "127.0.0.1")
        #expect(InterfaceSelection("::1").address == "::1")
        #expect(InterfaceSelection("10.0.0.0/8").address == nil)
        #expect(InterfaceSelection("lo").address == nil)
    }

    @Test("what is no address", arguments: ["1.2.3", "1.2.3.256", "1.2.3.0004", ":::", "1::2::3", "12345::", "g::"])
    func isNoAddress(_ text: String) { #expect(IPNetwork.bytes(of: text) == nil) }
}

@Suite("ksmbdpwd.db") struct UserDatabaseTests {
    /// MD4 of "password" in UTF-16LE, as ksmbd.adduser writes it.
    private static let line = "alice:iEb36u6PsRetBr3YMLdYbA==\n"

    @Test func aLineIsReadAndWrittenAsItWas() throws {
        let database = try UserDatabase(path: "db", text: Self.line)
        #expect(database.user(named: "ALICE")?.passwordHash.prefix(3) == [0x88, 0x46, 0xF7])
        #expect(database.text == Self.line)
    }

    @Test func namesAreFoundAfterEachChange() throws {
        func user(_ name: String, _ byte: UInt8 = 1) -> UserDatabase.User {
            UserDatabase.User(name: name, passwordHash: [UInt8](repeating: byte, count: 16))
        }
        var database = UserDatabase()
        for name in ["Bob", "bob", "carol", "Alice"] { database.set(user(name)) }
        database.set(user("carol", 2))
        #expect(database.users.map(\.name) == ["Bob", "bob", "carol", "Alice"])
        #expect(database.user(named: "bob")?.name == "bob" && database.user(named: "BOB")?.name == "Bob")
        #expect(database.user(named: "carol")?.passwordHash.first == 2)
        #expect(database.has("Alice") && !database.has("alice"))
        let (isRemoved, again) = (database.remove("Bob"), database.remove("Bob"))
        #expect(isRemoved && !again)
        #expect(database.user(named: "BOB")?.name == "bob" && database.user(named: "alice")?.name == "Alice")
        #expect(database.users.map(\.name) == ["bob", "carol", "Alice"])
    }

    /// Quadratic in the users, it would take minutes.
    @Test(.timeLimit(.minutes(1))) func manyUsersAreReadAtOnce() throws {
        let hash = Self.line.dropFirst(5)
        let text = (0..<100_000).map { "user\($0)\(hash)" }.joined()
        let database = try UserDatabase(path: "db", text: text)
        #expect(database.users.count == 100_000 && database.user(named: "USER99999") != nil)
    }

    @Test(
        "what is no user is refused with its line",
        arguments: [
            "alice\n", ":iEb36u6PsRetBr3YMLdYbA==\n", "alice:short\n", "alice:AAAA\n",
            "alice:iEb36u6PsRetBr3YMLdYbA=\n",
        ])
    func refuses(_ text: String) {
        #expect(throws: ConfigurationError.self) { try UserDatabase(path: "db", text: "# ok\n" + text) }
    }
}
