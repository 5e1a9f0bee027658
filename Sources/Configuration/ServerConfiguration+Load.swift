extension ServerConfiguration {
    /// Reads a configuration.
    /// - Returns: the configuration, and what deserves a warning (unknown keys), each with its line.
    /// - Throws: what makes it unusable, with file, line, key and what would be right.
    public static func load(
        path: String, text: String
    ) throws(ConfigurationError) -> (configuration: ServerConfiguration, warnings: [String]) {
        let file = try ConfigurationFile(path: path, text: text)
        var configuration = ServerConfiguration()
        configuration.path = path
        var warnings: [String] = []
        let global = file.sections.first { $0.name.lowercased() == "global" }
        var defaults = ShareConfiguration(name: "")
        if let global {
            let values = try Values(global, .global, path, &warnings)
            configuration.apply(values)
            // What [global] says of a share's parameter is every share's default.
            defaults.apply(values)
        }
        for section in file.sections where section.name.lowercased() != "global" {
            var share = defaults
            share.name = section.name
            share.line = section.line
            share.apply(try Values(section, .share, path, &warnings))
            if let prefix = global?.entry("root directory")?.value, !prefix.isEmpty { share.path = prefix + share.path }
            // "IPC$" and printers are not folders.
            guard !["ipc$", "printers", "print$", "homes"].contains(section.name.lowercased()) else {
                warnings.append("\(path):\(section.line): [\(section.name)] is not served: it is no folder")
                continue
            }
            guard !share.path.isEmpty else {
                throw ConfigurationError(path, section.line, "[\(section.name)]", "a share needs a path = /folder")
            }
            guard section.name.utf8.count < 64 else {
                throw ConfigurationError(path, section.line, "[\(section.name)]", "a share's name has at most 63 bytes")
            }
            if share.isAvailable {
                configuration.shares.append(share)
            } else {
                configuration.unavailableShares.append(share)
            }
        }
        guard configuration.dialectMin <= configuration.dialectMax else {
            throw ConfigurationError(
                path, global?.entry("server min protocol")?.line ?? 0, "server min protocol",
                "must not be newer than server max protocol")
        }
        return (configuration, warnings)
    }

    private mutating func apply(_ values: Values) {
        written = values.written
        values.text("workgroup") { workgroup = $0 }
        values.text("netbios name") { name = $0 }
        values.text("server string") { comment = $0 }
        values.number("tcp port") { ports = [UInt16($0)] }
        values.list("smb ports") { ports = $0.compactMap { UInt16($0) } }
        values.list("interfaces") { interfaces = $0 }
        values.boolean("bind interfaces only") { bindsInterfacesOnly = $0 }
        values.text("server min protocol") { dialectMin = Self.dialect($0, newest: false) }
        values.text("server max protocol") { dialectMax = Self.dialect($0, newest: true) }
        values.text("server signing") { signing = Requirement($0) }
        values.text("smb3 encryption") { encryption = Requirement($0) }
        values.text("ntlm auth") { allowsNTLMv1 = ["ntlmv1-permitted", "yes"].contains($0.lowercased()) }
        values.text("map to guest") { mapsUnknownUserToGuest = $0.lowercased() == "bad user" }
        values.text("guest account") { guestAccount = $0 }
        values.number("restrict anonymous") { restrictAnonymous = $0 }
        values.text("username map") { usernameMapPath = $0 }
        values.text("control plane user") { controlPlaneUser = $0 }
        values.text("admin socket") { adminSocket = $0 }
        values.text("admin group") { adminGroup = $0 }
        values.list("remote share folders") { remoteShareFolders = $0 }
        values.text("metrics address") { metricsAddress = $0 }
        values.text("log format") { logsJSON = $0.lowercased() == "json" }
        values.text("discovery") { discovery = ["yes": .on, "no": .off][$0.lowercased()] ?? .automatic }
        values.boolean("kerberos support") { supportsKerberos = $0 }
        values.text("kerberos service name") { kerberosServiceName = $0 }
        values.text("kerberos keytab file") { kerberosKeytabFile = $0 }
        values.size("smb2 max read") { readByteCountMax = Self.payload($0) }
        values.size("smb2 max write") { writeByteCountMax = Self.payload($0) }
        values.size("smb2 max trans") { transactByteCountMax = Self.payload($0) }
        values.number("smb2 max credits") { creditCountMax = $0 }
        values.number("max connections") { connectionCountMax = $0 == 0 ? 65_536 : $0 }
        values.number("max ip connections") { connectionCountPerAddressMax = $0 == 0 ? 65_536 : $0 }
        values.number("max active sessions") { sessionCountMax = $0 }
        values.number("max open files") { openCountMax = $0 }
        values.number("deadtime") { deadtime = $0 }
        values.boolean("server multi channel support") { isMultichannel = $0 }
        values.boolean("smbtorture controls") { hasTortureControls = $0 }
        values.boolean("smb2 leases") { grantsLeases = $0 }
        values.boolean("smb3 directory leases") { grantsDirectoryLeases = $0 }
    }

    /// ksmbd keeps these between 64 KiB and 8 MiB.
    private static func payload(_ size: Int) -> Int { min(8 << 20, max(64 << 10, size)) }

    private static func dialect(_ name: String, newest: Bool) -> UInt16 {
        switch name.lowercased() {
        case "smb2_02": 0x0202
        case "smb2_10", "smb2_1": 0x0210
        case "smb2": newest ? 0x0210 : 0x0202
        case "smb3_00": 0x0300
        case "smb3_02": 0x0302
        case "smb3": newest ? 0x0311 : 0x0300
        default: 0x0311
        }
    }
}

extension ServerConfiguration.Requirement {
    init(_ value: String) {
        switch value.lowercased() {
        case "disabled", "off": self = .disabled
        case "mandatory", "required": self = .required
        default: self = .offered
        }
    }
}

extension ShareConfiguration {
    fileprivate mutating func apply(_ values: Values) {
        written.merge(values.written) { _, new in new }
        values.text("path") { path = $0 }
        values.text("comment") { comment = $0 }
        values.boolean("browseable") { isBrowseable = $0 }
        values.boolean("read only") { isReadOnly = $0 }
        values.boolean("guest ok") { allowsGuests = $0 }
        values.text("guest account") { guestAccount = $0 }
        values.list("valid users") { validUsers = $0 }
        values.list("invalid users") { invalidUsers = $0 }
        values.list("read list") { readList = $0 }
        values.list("write list") { writeList = $0 }
        values.list("admin users") { adminUsers = $0 }
        values.list("hosts allow") { hostsAllow = HostList($0) ?? HostList() }
        values.list("hosts deny") { hostsDeny = HostList($0) ?? HostList() }
        values.text("force user") { forceUser = $0 }
        values.text("force group") { forceGroup = $0 }
        values.mode("create mask") { createMask = $0 }
        values.mode("directory mask") { directoryMask = $0 }
        values.mode("force create mode") { forceCreateMode = $0 }
        values.mode("force directory mode") { forceDirectoryMode = $0 }
        values.boolean("inherit owner") { inheritsOwner = $0 }
        values.boolean("follow symlinks") { followsSymbolicLinks = $0 }
        values.boolean("crossmnt") { crossesMounts = $0 }
        values.boolean("hide dot files") { hidesDotFiles = $0 }
        values.text("hide files") { hideFiles = $0.split(separator: "/").map(String.init) }
        values.text("veto files") { vetoFiles = $0.split(separator: "/").map(String.init) }
        values.boolean("store dos attributes") { storesDOSAttributes = $0 }
        values.boolean("hide unreadable") { hidesUnreadable = $0 }
        values.boolean("acl flag inherited canonicalization") { canonicalizesInheritedFlag = $0 }
        values.text("case sensitive") { isCaseSensitive = ["yes", "true"].contains($0.lowercased()) }
        values.boolean("smb3 unix extensions") { allowsPOSIX = $0 }
        values.boolean("show symlinks") { showsSymbolicLinks = $0 }
        values.boolean("streams") { hasStreams = $0 }
        values.boolean("change notify") { reportsChanges = $0 }
        values.boolean("oplocks") { allowsCaching = $0 }
        values.boolean("durable handles") { allowsDurability = $0 }
        values.boolean("time machine") { takesBackups = $0 }
        values.size("time machine max size") { backupByteCountMax = $0 }
        values.boolean("kernel oplocks") { guardsAgainstLocalUse = $0 }
        values.boolean("posix locking") { showsLocksLocally = $0 }
        values.boolean("kernel change notify") { followsLocalChanges = $0 }
        values.text("mangled names") {
            shortNames = ["yes": .listed, "illegal": .onRequest][$0.lowercased()] ?? .none
        }
        values.text("smb encrypt") { encryption = ServerConfiguration.Requirement($0) }
        values.boolean("available") { isAvailable = $0 }
        if !name.isEmpty { values.number("max connections") { connectionCountMax = $0 } }
    }
}

/// The checked values of one section, by the parameter's own name.
private struct Values {
    private var values: [String: String] = [:]
    private(set) var written: [String: Written] = [:]

    init(
        _ section: ConfigurationFile.Section, _ scope: Parameter.Scope, _ path: String, _ warnings: inout [String]
    ) throws(ConfigurationError) {
        for entry in section.entries where !entry.value.isEmpty {
            guard let (parameter, isInverted) = Parameter.find(entry.key) else {
                // Once is enough, however many sections have it.
                let words = "unknown key '\(entry.key)' is ignored"
                if !warnings.contains(where: { $0.hasSuffix(words) }) {
                    warnings.append("\(path):\(entry.line): \(words)")
                }
                continue
            }
            if scope == .share, parameter.scope == .global {
                warnings.append("\(path):\(entry.line): '\(entry.key)' belongs into [global] and is ignored here")
                continue
            }
            let value = entry.value
            guard parameter.kind.accepts(value) else {
                throw ConfigurationError(
                    path, entry.line, entry.key, "'\(entry.value)' is not \(parameter.kind.advice)")
            }
            // The first value of a key counts.
            guard values[parameter.name] == nil else { continue }
            if let why = parameter.futility(of: value) {
                warnings.append("\(path):\(entry.line): '\(entry.key) = \(value)' changes nothing: \(why)")
            }
            written[parameter.name] = Written(value: "\(entry.key) = \(value)", line: entry.line)
            if isInverted, let truth = ParameterKind.boolean(value) {
                values[parameter.name] = truth ? "no" : "yes"
            } else {
                values[parameter.name] = value
            }
        }
    }

    func text(_ name: String, _ use: (String) -> Void) { if let value = values[name] { use(value) } }
    func list(_ name: String, _ use: ([String]) -> Void) { text(name) { use(ParameterKind.list($0)) } }
    func boolean(_ name: String, _ use: (Bool) -> Void) { text(name) { ParameterKind.boolean($0).map(use) } }
    func number(_ name: String, _ use: (Int) -> Void) { text(name) { Int($0).map(use) } }
    func size(_ name: String, _ use: (Int) -> Void) { text(name) { ParameterKind.size($0).map(use) } }
    func mode(_ name: String, _ use: (UInt32) -> Void) { text(name) { UInt32($0, radix: 8).map(use) } }
}
