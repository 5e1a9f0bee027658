/// The [global] section, typed, with everything that was not said at its default.
public struct ServerConfiguration: Sendable {
    public enum Requirement: Sendable { case disabled, offered, required }
    /// Raw dialect revisions, [MS-SMB2] 2.2.3.
    public var dialectMin: UInt16 = 0x0210
    public var dialectMax: UInt16 = 0x0311
    public var workgroup = "WORKGROUP"
    public var name = "APUS"
    public var comment = "SMB SERVER"
    /// At least one.
    public var ports: [UInt16] = [445]
    public var interfaces: [String] = []
    public var bindsInterfacesOnly = false
    public var signing = Requirement.offered
    public var encryption = Requirement.offered
    public var allowsNTLMv1 = false
    public var mapsUnknownUserToGuest = false
    public var guestAccount = "nobody"
    public var restrictAnonymous = 0
    /// Path of the file that says who logs in by which other names; empty for none.
    public var usernameMapPath = ""
    /// The Unix account of the control plane's process.
    public var controlPlaneUser = "apus"
    /// A path; empty for the usual place.
    public var adminSocket = ""
    /// Whose members may use the admin socket; empty for nobody.
    public var adminGroup = ""
    /// Beneath these an administrator may manage shares over the network.
    public var remoteShareFolders: [String] = []
    /// `PORT` or `ADDRESS:PORT`; empty for none.
    public var metricsAddress = ""
    public var logsJSON = false
    /// Whether neighbours are told that the server is there; `automatic`: on private networks, when clients find it at
    /// the usual port.
    public enum Discovery: Sendable { case off, on, automatic }
    public var discovery = Discovery.automatic
    public var supportsKerberos = false
    /// Which of the keytab's principals is served; empty for cifs and host.
    public var kerberosServiceName = ""
    /// A path; empty for the system's own.
    public var kerberosKeytabFile = ""
    public var readByteCountMax = 8 << 20
    public var writeByteCountMax = 8 << 20
    public var transactByteCountMax = 8 << 20
    public var creditCountMax = 8192
    public var connectionCountMax = 1024
    public var connectionCountPerAddressMax = 256
    public var sessionCountMax = 16_384
    public var openCountMax = 1 << 20
    public var isMultichannel = false
    /// For tests only.
    public var hasTortureControls = false
    /// Minutes; 0 for never.
    public var deadtime = 0
    public var grantsLeases = true
    public var grantsDirectoryLeases = true
    public var shares: [ShareConfiguration] = []
    /// Shares with `available = no`.
    public var unavailableShares: [ShareConfiguration] = []
    /// For messages.
    public var path = ""
    /// What the file says itself, by the parameter's name.
    public var written: [String: Written] = [:]
    public init() {}

    /// The folder of `remote share folders` that a path is, or is beneath. nil if it is in none, or is not a plain
    /// path: from the root, without `.` and `..`.
    public func remoteShareFolder(of path: String) -> String? {
        func parts(_ path: String) -> [Substring]? {
            let parts = path.split(separator: "/")
            return path.hasPrefix("/") && !parts.contains(".") && !parts.contains("..") ? parts : nil
        }
        guard let wanted = parts(path) else { return nil }
        return remoteShareFolders.first { folder in parts(folder).map { wanted.starts(with: $0) } ?? false }
    }
}

/// One share's section, typed.
public struct ShareConfiguration: Sendable {
    public var name: String
    public var path = ""
    public var comment = ""
    public var isBrowseable = true
    public var isReadOnly = true
    public var allowsGuests = false
    public var guestAccount: String?
    public var validUsers: [String] = []
    public var invalidUsers: [String] = []
    public var readList: [String] = []
    public var writeList: [String] = []
    public var adminUsers: [String] = []
    public var hostsAllow = HostList()
    public var hostsDeny = HostList()
    public var forceUser = ""
    public var forceGroup = ""
    public var createMask: UInt32 = 0o744
    public var directoryMask: UInt32 = 0o755
    public var forceCreateMode: UInt32 = 0
    public var forceDirectoryMode: UInt32 = 0
    public var inheritsOwner = false
    public var followsSymbolicLinks = false
    public var crossesMounts = true
    public var hidesDotFiles = true
    /// Patterns with `*` and `?`.
    public var hideFiles: [String] = []
    /// Patterns with `*` and `?`.
    public var vetoFiles: [String] = []
    public var storesDOSAttributes = true
    public var hidesUnreadable = false
    public var canonicalizesInheritedFlag = true
    public var isCaseSensitive = false
    public var allowsPOSIX = true
    public var showsSymbolicLinks = false
    public var hasStreams = true
    public var reportsChanges = true
    /// `oplocks`.
    public var allowsCaching = true
    /// `durable handles`.
    public var allowsDurability = true
    public var followsLocalChanges = true
    public var showsLocksLocally = true
    public var guardsAgainstLocalUse = false
    public var takesBackups = false
    /// Bytes; 0 for no bound.
    public var backupByteCountMax = 0
    public enum ShortNames: Sendable { case none, onRequest, listed }
    public var shortNames = ShortNames.none
    public var encryption = ServerConfiguration.Requirement.offered
    /// 0 for none of its own.
    public var connectionCountMax = 0
    public var isAvailable = true
    /// Where its section begins.
    public var line = 0
    /// What the file says itself, by the parameter's name, [global] included.
    public var written: [String: Written] = [:]
    public init(name: String) { self.name = name }
}

/// An entry as it stands in the file.
public struct Written: Equatable, Sendable {
    /// `key = value`.
    public var value: String
    public var line: Int
}
