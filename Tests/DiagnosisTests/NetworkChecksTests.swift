import Configuration
import Testing

@testable import Diagnosis

func configured(_ lines: String...) throws -> ServerConfiguration {
    try ServerConfiguration.load(path: "test.conf", text: lines.joined(separator: "\n")).configuration
}

@Suite("apus doctor: the network") struct NetworkChecksTests {
    @Test func portsThatAreFreeOrTheServersOwn() {
        #expect(NetworkChecks.port(PortFacts(port: 445, holder: .nobody)).severity == .fine)
        let own = PortFacts(port: 445, holder: .process(name: "apus", id: 7), server: 7)
        #expect(NetworkChecks.port(own).severity == .fine)
        #expect(NetworkChecks.port(PortFacts(port: 445, holder: .process(name: "systemd", id: 1))).severity == .fine)
    }

    @Test func aPortOfAnother() {
        let samba = NetworkChecks.port(PortFacts(port: 445, holder: .process(name: "smbd", id: 9)))
        #expect(samba.severity == .broken && samba.seen == "smbd (process 9) listens there")
        #expect(samba.mend.contains("disable --now smbd"))
        let beside = NetworkChecks.port(PortFacts(port: 445, holder: .process(name: "smbd", id: 9), server: 7))
        #expect(beside.reason.contains("clients reach smbd"))
        let kernel = NetworkChecks.port(PortFacts(port: 445, holder: .unseen), isKsmbdLoaded: true)
        #expect(kernel.severity == .broken && kernel.seen.contains("ksmbd") && kernel.mend.contains("ksmbd.control"))
    }

    @Test func aPortThatTheServerDoesNotListenOn() {
        #expect(NetworkChecks.port(PortFacts(port: 445, holder: .nobody, server: 7)).severity == .broken)
        let low = NetworkChecks.port(PortFacts(port: 445, holder: .nobody, needsPrivilege: true))
        #expect(low.severity == .warning && low.mend.contains("ip_unprivileged_port_start"))
    }

    @Test func listenersAreReadFromTheKernelsTable() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:115D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
               1: 0100007F:115D 0100007F:A2C4 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0
            """
        #expect(Listeners.parse(table) == [.init(port: 4445, inode: 4711)])
        #expect(Listeners.parse("").isEmpty)
    }

    // MARK: firewall

    private let closed = """
        table inet filter {
        	chain input {
        		type filter hook input priority filter; policy drop;
        		ct state established,related accept
        		tcp dport { 22, 80 } accept
        	}
        	chain output {
        		type filter hook output priority filter; policy drop;
        	}
        }
        """

    @Test func aChainThatLetsInOnlyWhatItNames() {
        #expect(FirewallRules(closed).verdict(on: 445) == .closed("chain input"))
        #expect(FirewallRules(closed).verdict(on: 22) == .allowed("tcp dport { 22, 80 } accept"))
        #expect(NetworkChecks.firewall(closed, port: 445).severity == .warning)
        let last = closed.replacing("policy drop", with: "policy accept").replacing(
            "{ 22, 80 } accept", with: "22 accept\n counter packets 1 bytes 2 drop")
        #expect(FirewallRules(last).verdict(on: 445) == .closed("chain input"))
    }

    @Test(arguments: [
        "tcp dport 445 accept", "tcp dport { 139, 445 } accept", "tcp dport microsoft-ds counter accept",
        "tcp dport 400-500 accept", "-A INPUT -p tcp -m tcp --dport 445 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 139,445 -j ACCEPT", "-A INPUT -p tcp --dport 1:1024 -j ACCEPT",
    ])
    func aRuleThatNamesThePort(_ rule: String) {
        let rules =
            rule.hasPrefix("-A")
            ? ":INPUT DROP [0:0]\n\(rule)" : closed.replacing("tcp dport { 22, 80 } accept", with: rule)
        #expect(FirewallRules(rules).verdict(on: 445) == .allowed(rule))
        #expect(NetworkChecks.firewall(rules, port: 445).severity == .fine)
        #expect(FirewallRules(rules).verdict(on: 4450) == .closed(rule.hasPrefix("-A") ? "chain INPUT" : "chain input"))
    }

    @Test func aRuleThatRefusesThePort() {
        let rules =
            ":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 445 -j REJECT --reject-with icmp-port-unreachable"
        let finding = NetworkChecks.firewall(rules, port: 445)
        #expect(finding.severity == .broken && finding.seen.contains("--dport 445"))
    }

    @Test func noRulesAndRulesThatCannotBeSeen() {
        #expect(NetworkChecks.firewall("", port: 445).severity == .fine)
        #expect(NetworkChecks.firewall(nil, port: 445).severity == .note)
        #expect(FirewallRules("-P INPUT DROP\n-P FORWARD DROP").verdict(on: 445) == .closed("chain INPUT"))
        #expect(FirewallRules("-P INPUT ACCEPT\n-P FORWARD DROP").verdict(on: 445) == .noRules)
    }

    // MARK: what clients refuse

    @Test func guestsAndWindows11() throws {
        let open = try configured("[media]", "path = /m", "guest ok = yes")
        let finding = try #require(NetworkChecks.guests(open))
        #expect(finding.severity == .warning && finding.reason.contains("24H2") && finding.seen.contains("[media]"))
        let signed = try configured("[global]", "server signing = mandatory", "[media]", "path = /m", "guest ok = yes")
        #expect(NetworkChecks.guests(signed)?.severity == .broken)
        let mapped = try configured("[global]", "map to guest = bad user", "[media]", "path = /m")
        #expect(NetworkChecks.guests(mapped)?.severity == .warning)
        #expect(NetworkChecks.guests(try configured("[media]", "path = /m")) == nil)
    }

    @Test func dialectsAndProtection() throws {
        func severities(_ lines: String...) throws -> [String: Finding.Severity] {
            let configuration = try configured((["[global]"] + lines).joined(separator: "\n"))
            return Dictionary(
                uniqueKeysWithValues: NetworkChecks.protection(configuration).map { ($0.check, $0.severity) })
        }
        #expect(try severities() == ["signing": .fine])
        #expect(try severities("server signing = disabled") == ["signing": .note])
        #expect(try severities("max protocol = SMB3_02") == ["dialects": .warning, "signing": .fine])
        #expect(try severities("max protocol = SMB2_10", "smb3 encryption = required")["dialects"] == .broken)
        #expect(try severities("ntlm auth = ntlmv1-permitted")["logins"] == .warning)
    }
}
