import Configuration

/// Who listens on a port that the server is to have.
public struct PortFacts: Sendable {
    public enum Holder: Equatable, Sendable {
        case nobody
        case process(name: String, id: Int32)
        /// No process of this machine has it open: the kernel itself, or somebody whom one may not see.
        case unseen
    }
    public var port: UInt16
    public var holder: Holder
    /// Ports below net.ipv4.ip_unprivileged_port_start are for root.
    public var needsPrivilege: Bool
    /// Of the server that answers at the admin socket.
    public var server: Int32?

    public init(port: UInt16, holder: Holder, needsPrivilege: Bool = false, server: Int32? = nil) {
        self.port = port
        self.holder = holder
        self.needsPrivilege = needsPrivilege
        self.server = server
    }
}

/// Judges what stands between a client and the server.
public enum NetworkChecks {
    static func port(_ facts: PortFacts, isKsmbdLoaded: Bool = false) -> Finding {
        let port = facts.port
        switch facts.holder {
        case .nobody where facts.server != nil:
            return Finding(
                "port \(port)", .broken, "a server runs, and does not listen on port \(port)",
                because: "clients that follow the configuration find nobody",
                mend:
                    "restart it: a reload does not change ports; or ask with the --config that it was started with"
            )
        case .nobody where facts.needsPrivilege:
            return Finding(
                "port \(port)", .warning, "free, and only root may listen there", because: "the start fails for others",
                mend: "start as root, or sysctl net.ipv4.ip_unprivileged_port_start=\(port), or tcp port = 4450")
        case .nobody: return Finding("port \(port)", .fine, "free")
        case .process(_, let id) where id == facts.server:
            return Finding("port \(port)", .fine, "the server listens (process \(id))")
        case .process("systemd", _): return Finding("port \(port)", .fine, "systemd listens, for a socket unit")
        case .process(let name, let id):
            return Finding(
                "port \(port)", .broken, "\(name) (process \(id)) listens there",
                because: facts.server == nil ? "the start fails" : "clients reach \(name), and not this server",
                mend: mend(name, id))
        case .unseen:
            let who = isKsmbdLoaded ? "ksmbd, in the kernel," : "somebody who cannot be seen from here"
            return Finding(
                "port \(port)", facts.server == nil ? .broken : .note, "\(who) listens there",
                because: facts.server == nil ? "the start fails" : "it may be another than the server that runs",
                mend: isKsmbdLoaded ? "ksmbd.control --shutdown" : "ask as root to see who")
        }
    }

    private static func mend(_ name: String, _ id: Int32) -> String {
        switch name {
        case "smbd": "systemctl disable --now smbd, or another tcp port here"
        case "ksmbd.mountd": "systemctl disable --now ksmbd"
        case "apus": "it is an Apus already: systemctl stop apus, or apus status --socket with its admin socket"
        default: "end process \(id), or take another tcp port"
        }
    }

    /// - Parameter rules: as `nft list ruleset` and `iptables-save` print them; nil where nobody may see them.
    static func firewall(_ rules: String?, port: UInt16) -> Finding {
        guard let rules else { return Finding("firewall", .note, "its rules cannot be seen from here (ask as root)") }
        switch FirewallRules(rules).verdict(on: port) {
        case .noRules: return Finding("firewall", .fine, "no rule keeps port \(port) from clients")
        case .allowed(let rule): return Finding("firewall", .fine, "port \(port) is let in: \(rule)")
        case .refused(let rule):
            return Finding(
                "firewall", .broken, "port \(port) is refused: \(rule)", because: "clients wait, and find nobody",
                mend: mend(port))
        case .closed(let chain):
            return Finding(
                "firewall", .warning, "\(chain) lets in only what rules name, and none names port \(port)",
                because: "clients elsewhere wait, and find nobody", mend: mend(port))
        }
    }

    private static func mend(_ port: UInt16) -> String {
        "nft add rule inet filter input tcp dport \(port) accept; ufw allow \(port)/tcp; or firewall-cmd "
            + "--add-port=\(port)/tcp"
    }

    // MARK: what clients of today refuse

    static func guests(_ configuration: ServerConfiguration) -> Finding? {
        let shares = configuration.shares.filter(\.allowsGuests).map { "[\($0.name)]" }
        guard !shares.isEmpty || configuration.mapsUnknownUserToGuest else { return nil }
        let seen =
            shares.isEmpty
            ? "map to guest = bad user, and no share has guest ok = yes"
            : "guests may use \(shares.joined(separator: ", "))"
        guard !shares.isEmpty else {
            return Finding(
                "guests", .warning, seen, because: "unknown users log in as a guest, and are refused by every share",
                mend: "guest ok = yes for a share, or map to guest = never")
        }
        guard configuration.signing != .required, configuration.encryption != .required else {
            return Finding(
                "guests", .broken, "\(seen), and messages must be signed or sealed",
                because: "a guest has no key for either: no guest gets in",
                mend: "server signing = auto, smb3 encryption = auto")
        }
        return Finding(
            "guests", .warning, seen,
            because:
                "Windows 11 24H2 and Windows Server 2025 demand signing, for which a guest has no key: they refuse "
                + "to connect",
            mend: "apus user add NAME for each person; or, on such a client, Set-SmbClientConfiguration "
                + "-EnableInsecureGuestLogons $true -RequireSecuritySignature $false")
    }

    static func protection(_ configuration: ServerConfiguration) -> [Finding] {
        var findings: [Finding] = []
        let must = configuration.encryption == .required ? "smb3 encryption = required" : nil
        let sealed =
            must
            ?? configuration.shares.first { $0.encryption == .required }.map { "[\($0.name)] smb encrypt = required" }
        if configuration.dialectMax < 0x0300, let sealed {
            findings.append(
                Finding(
                    "dialects", .broken, "\(sealed), and server max protocol ends before SMB 3",
                    because: "only SMB 3 can seal: nobody gets in", mend: "server max protocol = SMB3_11"))
        } else if configuration.dialectMax < 0x0311 {
            findings.append(
                Finding(
                    "dialects", .warning, "server max protocol ends before SMB 3.1.1",
                    because:
                        "signing and sealing cost several times what they need, and an attacker on the way can talk "
                        + "both sides into less",
                    mend: "server max protocol = SMB3_11"))
        }
        if configuration.signing == .disabled {
            findings.append(
                Finding(
                    "signing", .note,
                    "server signing = disabled: who demands it, as Windows 11 24H2 does, gets it all the same"
                ))
        } else {
            findings.append(
                Finding("signing", .fine, configuration.signing == .required ? "demanded" : "for who wants it"))
        }
        if configuration.allowsNTLMv1 {
            findings.append(
                Finding(
                    "logins", .warning, "ntlm auth lets NTLMv1 in",
                    because: "who listens to such a login has its password in a day",
                    mend: "ntlm auth = ntlmv2-only; everything since Windows Vista can do that"))
        }
        return findings
    }

    /// - Parameter rules: as for `firewall`.
    public static func findings(
        _ configuration: ServerConfiguration, ports: [PortFacts], firewall rules: String?, isKsmbdLoaded: Bool
    ) -> [Finding] {
        ports.map { port($0, isKsmbdLoaded: isKsmbdLoaded) }
            + ports.prefix(1).map { firewall(rules, port: $0.port) }
            + [guests(configuration)].compactMap { $0 } + protection(configuration)
    }
}
