import Testing

@testable import Configuration

@Suite struct ConfigurationReportTests {
    private let text = """
        [global]
        workgroup = HOME
        browseable = no
        [data]
        path = /srv
        Writeable = yes
        [more]
        path = /more
        browseable = yes
        nonsense = 1
        tcp port = 445
        """

    private func values(_ all: Bool) throws -> [ExplainedValue] {
        try ConfigurationFile(path: "smb.conf", text: text).explain(includesDefaults: all)
    }

    @Test func eachValueIsToldWithItsLineAndTheKeyItWasWrittenAs() throws {
        let found = try values(false)
        let workgroup = found.first { $0.name == "workgroup" }
        #expect(workgroup?.value == "HOME")
        #expect(workgroup?.origin == .line(2))
        let readOnly = found.first { $0.name == "read only" }
        #expect(readOnly?.section == "data")
        #expect(readOnly?.value == "no")
        #expect(readOnly?.writtenAs == "writeable")
        #expect(!found.contains { $0.origin == .standard })
    }

    @Test func whatGlobalSaysOfSharesIsEveryShares() throws {
        let found = try values(true).filter { $0.name == "browseable" && $0.section != "global" }
        #expect(found.map(\.value) == ["no", "yes"])
        #expect(found.map(\.origin) == [.global(line: 3), .line(9)])
    }

    @Test func aDefaultIsTheDefault() throws {
        let found = try values(true).first { $0.section == "data" && $0.name == "guest ok" }
        #expect(found?.value == "no")
        #expect(found?.origin == .standard)
    }

    @Test func importTellsWhatBecomesOfEachLine() throws {
        let lines = try ConfigurationFile(path: "smb.conf", text: text).importing()
        let verdicts = Dictionary(uniqueKeysWithValues: lines.map { ($0.line, $0.verdict) })
        #expect(verdicts[2] == .taken)
        #expect(verdicts[6] == .changed("read only = no"))
        #expect(verdicts[10] == .unsupported("there is no such parameter here"))
        #expect(verdicts[11] == .unsupported("it belongs into [global]"))
        #expect(lines.filter { $0.line == 10 }.allSatisfy { $0.result == nil })
    }

    @Test func importSaysWhatIsTakenOverAndDoesNothing() throws {
        let text = "[a]\npath = /a\nkernel share modes = yes\nkernel share modes = no\n"
        let lines = try ConfigurationFile(path: "smb.conf", text: text).importing()
        #expect(lines[1].verdict == .unsupported(Parameter.whyNoShareModes))
        #expect(lines[1].result == nil)
        #expect(lines[2].verdict == .taken)
    }

    @Test func anUnknownKeyIsWarnedOfOnce() throws {
        let twice = "[a]\npath = /a\nodd = 1\n[b]\npath = /b\nodd = 2\n"
        let warnings = try ServerConfiguration.load(path: "f", text: twice).warnings
        #expect(warnings == ["f:3: unknown key 'odd' is ignored"])
    }

    @Test func sambasPasswordsAreTakenOver() throws {
        let hash = "8846F7EAEE8FB117AD06BDD830B7586C"
        func line(_ name: String, _ hash: String, _ flags: String) -> String {
            "\(name):1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:\(hash):[\(flags)]:LCT-00000000:"
        }
        let alice = UserDatabase.imported(smbpasswdLine: line("alice", hash, "U          "))
        guard case .user(let user)? = alice?.result else {
            Issue.record("alice is not taken")
            return
        }
        #expect(user.passwordHash == [136, 70, 247, 234, 238, 143, 177, 23, 173, 6, 189, 216, 48, 183, 88, 108])
        #expect(UserDatabase.imported(smbpasswdLine: line("pc$", hash, "W"))?.result == .refused("a machine's account"))
        #expect(UserDatabase.imported(smbpasswdLine: line("bob", hash, "DU"))?.result == .refused("disabled"))
        let none = "NO PASSWORDXXXXXXXXXXXXXXXXXXXXX"
        #expect(UserDatabase.imported(smbpasswdLine: line("eve", none, "U"))?.result == .refused("has no password"))
        #expect(UserDatabase.imported(smbpasswdLine: "[global]")?.name == nil)
        #expect(UserDatabase.imported(smbpasswdLine: "alice:hash")?.name == nil)
    }
}
