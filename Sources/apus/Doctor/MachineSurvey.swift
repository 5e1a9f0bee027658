import CLinux
import Configuration
import Diagnosis
import Glibc

/// Collects what `Diagnosis` judges of the machine and its network. Nothing is changed by looking.
enum MachineSurvey {
    /// - Parameter server: the process that answers at the admin socket.
    static func machine(server: Int32?) -> MachineFacts {
        var facts = MachineFacts()
        facts.isRoot = geteuid() == 0
        facts.kernel =
            SystemFiles.text("/proc/sys/kernel/osrelease")?.split(whereSeparator: \.isNewline).first.map(String.init)
            ?? ""
        let calls = apus_probe_system_calls()
        facts.hasOpenat2 = calls & Int(APUS_HAS_OPENAT2) != 0
        facts.hasGetxattrat = calls & Int(APUS_HAS_GETXATTRAT) != 0
        facts.hasStatmount = calls & Int(APUS_HAS_STATMOUNT) != 0
        #if arch(arm64)
            facts.architecture = "aarch64"
        #endif
        facts.processorFlags = processorFlags
        var error: Int64 = 0
        // SAFETY: the number lives through the call.
        let isSet = unsafe apus_probe_clock(&error)
        if isSet >= 0 { facts.clock = .init(isSynchronized: isSet == 1, errorMicroseconds: Int(error)) }
        facts.openFileLimit = UInt64(max(0, apus_probe_open_files()))
        if let server, let limit = openFileLimit(of: server) {
            facts.openFileLimit = limit
            facts.isLimitOfServer = true
        }
        facts.inotifyWatchCountMax = SystemFiles.number("/proc/sys/fs/inotify/max_user_watches")
        facts.inotifyInstanceCountMax = SystemFiles.number("/proc/sys/fs/inotify/max_user_instances")
        facts.fanotifyMarkCountMax = SystemFiles.number("/proc/sys/fs/fanotify/max_user_marks")
        let queue = apus_changes_start()
        facts.hasFanotify = queue >= 0
        if queue >= 0 { close(CInt(queue)) }
        // SAFETY: a literal path.
        facts.isKsmbdLoaded = unsafe access("/sys/module/ksmbd", F_OK) == 0
        return facts
    }

    private static var processorFlags: Set<String> {
        let line = (SystemFiles.text("/proc/cpuinfo") ?? "").split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
        return Set((line ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private static func openFileLimit(of process: Int32) -> UInt64? {
        let line = (SystemFiles.text("/proc/\(process)/limits") ?? "").split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("Max open files") }
        let word = line?.split(whereSeparator: \.isWhitespace).dropFirst(3).first
        return word.flatMap { $0 == "unlimited" ? .max : UInt64($0) }
    }

    // MARK: network

    static func ports(_ ports: [UInt16], server: Int32?) -> [PortFacts] {
        let listeners = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { Listeners.parse(SystemFiles.text($0) ?? "") }
        let wanted = Set(listeners.filter { ports.contains($0.port) }.map(\.inode))
        let holders = wanted.isEmpty ? [:] : processes(holding: wanted)
        let bound = SystemFiles.number("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? 1024
        return ports.map { port in
            let inodes = listeners.filter { $0.port == port }.map(\.inode)
            let found = inodes.compactMap { holders[$0] }
            let holder: PortFacts.Holder =
                if inodes.isEmpty { .nobody } else if let known = found.first(where: { $0.id == server }) ?? found.first
                {
                    .process(name: known.name, id: known.id)
                } else { .unseen }
            return PortFacts(
                port: port, holder: holder, needsPrivilege: Int(port) < bound && !maySeizePorts, server: server)
        }
    }

    /// CAP_NET_BIND_SERVICE, number 10.
    private static var maySeizePorts: Bool {
        let line = (SystemFiles.text("/proc/self/status") ?? "").split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("CapEff:") }
        let set = line?.split(whereSeparator: \.isWhitespace).last.flatMap { UInt64($0, radix: 16) } ?? 0
        return set & 1 << 10 != 0
    }

    /// Which process has a socket, by its inode. Those of others are seen by root alone.
    private static func processes(holding inodes: Set<UInt64>) -> [UInt64: (name: String, id: Int32)] {
        var found: [UInt64: (name: String, id: Int32)] = [:]
        for process in SystemFiles.names("/proc").compactMap({ Int32($0) }).sorted() {
            for descriptor in SystemFiles.names("/proc/\(process)/fd") {
                guard let link = SystemFiles.link("/proc/\(process)/fd/\(descriptor)"), link.hasPrefix("socket:["),
                    let inode = UInt64(link.dropFirst(8).dropLast()), inodes.contains(inode), found[inode] == nil
                else { continue }
                let name = SystemFiles.text("/proc/\(process)/comm") ?? "?"
                found[inode] = (String(name.prefix { !$0.isNewline }), process)
            }
        }
        return found
    }

    /// nil where one may not see them; empty where there are none.
    static var firewallRules: String? {
        guard geteuid() == 0 else { return nil }
        let tables = [SystemFiles.output(of: "nft list ruleset"), SystemFiles.output(of: "iptables-save")].compactMap {
            $0
        }
        // Without either program there is nobody who has made rules.
        return tables.joined(separator: "\n")
    }
}
