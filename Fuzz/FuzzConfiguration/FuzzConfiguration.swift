import Configuration
import FuzzDriver

@_cdecl("FuzzConfiguration_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt {
    fuzz(count, arguments, seeds: seeds, run: fuzzConfiguration)
}

/// By the first byte ksmbd.conf, the user database, a file of `username map`, or words of `hosts allow` and addresses
/// to look for. What was read is used as a server would use it.
private func fuzzConfiguration(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let text = String(decoding: input.dropFirst(), as: UTF8.self)
    switch kind & 3 {
    case 0:
        guard let (configuration, _) = try? ServerConfiguration.load(path: "ksmbd.conf", text: text) else { return }
        for word in configuration.interfaces {
            _ = InterfaceSelection(word).matches(interface: "eth0", address: "192.0.2.1")
        }
        for share in configuration.shares {
            let rules = ShareRules(share: share, groupIDs: ["staff": 7])
            let client = ShareRules.Client(
                user: "alice", isGuest: false, isAnonymous: false, groupIDs: [7], address: "192.0.2.1")
            _ = rules.decide(client)
        }
    case 1:
        // A database that is read comes out the same after it was written.
        guard let users = try? UserDatabase(path: "ksmbdpwd.db", text: text) else { return }
        let again = try? UserDatabase(path: "ksmbdpwd.db", text: users.text)
        precondition(again == users)
    case 2:
        guard let map = try? UsernameMap(path: "users.map", text: text) else { return }
        _ = map.account(of: "alice")
    default:
        let lines = text.split(separator: "\n")
        guard let first = lines.first, let hosts = HostList(first.split(separator: " ").map(String.init)) else {
            return
        }
        for line in lines.dropFirst() { _ = hosts.contains(String(line)) }
    }
}

private func seeds() -> [String: [UInt8]] {
    func line(_ parameter: Parameter) -> String { "\t\(parameter.name) = \(parameter.defaultValue)\n" }
    let global = Parameter.all.filter { $0.scope != .share && !$0.defaultValue.isEmpty }.map(line).joined()
    let share = Parameter.all.filter { $0.scope != .global && !$0.defaultValue.isEmpty }.map(line).joined()
    let texts: [String: (kind: UInt8, text: String)] = [
        "all": (0, "[global]\n\(global)\n[data]\n\tpath = /srv/data\n\(share)"),
        "share": (
            0,
            """
            [global]
            interfaces = eth* 192.0.2.0/24 ; a comment
            [data] # another
            path = /srv/data
            valid users = alice, @staff
            hosts allow = 192.0.2. EXCEPT 192.0.2.7
            read only = no
            """
        ),
        "users": (1, "alice:fE/l6uraaHShNuOTeDYrqw==\n# a comment\nbob:AAAAAAAAAAAAAAAAAAAAAA==\n"),
        "map": (2, "!root = admin \"The Boss\"\nalice = al, ali\nguest = *\n"),
        "hosts": (3, "10.0.0.0/8 192.168.1. fe80::/10 localhost 10.1.0.0/255.255.0.0\n10.1.2.3\nfe80::1\n::1\n"),
    ]
    return texts.mapValues { [$0.kind] + Array($0.text.utf8) }
}
