import NTTypes

/// What the services tell about the server. They hold nothing of their own: the control plane answers from its
/// configuration and accounts, and asks the data plane for what is open. Calls may block.
public protocol ServerData: AnyObject, Sendable {
    var server: ServerDescription { get }
    /// Cryptographically secure.
    func randomUInt64() -> UInt64
    /// Wall clock.
    func now() -> FileTime

    /// All that clients may connect to, IPC$ among them.
    func shares() -> [ShareDescription]
    /// - Parameter user: nil for all.
    func sessions(of user: String?) -> [SessionDescription]
    func treeConnects(of user: String?) -> [TreeConnectDescription]
    func openFiles(of user: String?) -> [OpenFileDescription]
    /// - Returns: false if there is none of that number.
    func closeFile(_ identifier: UInt32) -> Bool
    /// The domain that the server's own accounts belong to; a standalone server is its own.
    var accountDomain: AccountDescription { get }
    /// Those who have a password here.
    func users() -> [AccountDescription]
    /// One of them. There may be very many, so that it is asked for by itself.
    func user(relativeID: UInt32) -> AccountDescription?
    /// The account of a SID: this domain's, or one that stands for a user or group of the system.
    func account(_ sid: SID) -> AccountDescription?
    /// - Parameter domain: nil for any.
    func account(named name: String, domain: String?) -> AccountDescription?

    /// For administrators; what may be shared so is the server's to say.
    /// - Parameter share: its name, path, comment and limit.
    func addShare(_ share: ShareDescription) -> ShareChangeOutcome
    /// - Parameters:
    ///   - comment: nil to leave it as it is.
    ///   - connectionCountMax: nil to leave it as it is, 0 for no limit.
    func changeShare(_ name: String, comment: String?, connectionCountMax: UInt32?) -> ShareChangeOutcome
    func removeShare(_ name: String) -> ShareChangeOutcome

    /// Ends the sessions of a client or a user, or of a user at a client. - Returns: false if there was none.
    func endSessions(client: String?, user: String?) -> Bool
}

/// What became of a share that was to be added, changed or removed.
public enum ShareChangeOutcome: Sendable {
    case done
    /// Not over the network, or not there.
    case forbidden
    /// Of that name there is one already, or none.
    case exists, missing
    /// What was to be shared is no folder.
    case noFolder
    /// A text that the configuration cannot hold.
    case unwritable
    case failed
}

public struct ServerDescription: Equatable, Sendable {
    public var name: String
    public var workgroup: String
    public var comment: String
    /// Of Windows, as it would be there: clients judge by it what a server can do.
    public var versionMajor: UInt32 = 6
    public var versionMinor: UInt32 = 1

    public init(name: String, workgroup: String, comment: String) {
        self.name = name
        self.workgroup = workgroup
        self.comment = comment
    }
}

public struct ShareDescription: Equatable, Sendable {
    public enum Kind: Sendable { case disk, pipes }
    public var name: String
    public var comment: String
    public var kind: Kind
    /// Where it is on the server's disk.
    public var path: String
    /// Listed for everybody; the others can be connected to all the same.
    public var isBrowseable: Bool
    /// nil for no limit.
    public var connectionCountMax: UInt32?
    public var requiresEncryption: Bool

    public init(
        name: String, comment: String, kind: Kind, path: String, isBrowseable: Bool = true,
        connectionCountMax: UInt32? = nil, requiresEncryption: Bool = false
    ) {
        self.name = name
        self.comment = comment
        self.kind = kind
        self.path = path
        self.isBrowseable = isBrowseable
        self.connectionCountMax = connectionCountMax
        self.requiresEncryption = requiresEncryption
    }
}

public struct SessionDescription: Equatable, Sendable {
    public var user: String
    public var client: String
    public var isGuest: Bool
    public var openFileCount: UInt32
    /// Seconds since it was made, and since its last request.
    public var age: UInt32
    public var idleTime: UInt32

    public init(user: String, client: String, isGuest: Bool, openFileCount: UInt32, age: UInt32, idleTime: UInt32) {
        self.user = user
        self.client = client
        self.isGuest = isGuest
        self.openFileCount = openFileCount
        self.age = age
        self.idleTime = idleTime
    }
}

public struct TreeConnectDescription: Equatable, Sendable {
    public var identifier: UInt32
    public var share: String
    public var user: String
    public var client: String
    public var openFileCount: UInt32
    /// Seconds.
    public var age: UInt32

    public init(
        identifier: UInt32, share: String, user: String, client: String, openFileCount: UInt32, age: UInt32
    ) {
        self.identifier = identifier
        self.share = share
        self.user = user
        self.client = client
        self.openFileCount = openFileCount
        self.age = age
    }
}

public struct OpenFileDescription: Equatable, Sendable {
    public var identifier: UInt32
    /// In the client's spelling, below its share.
    public var path: String
    public var share: String
    public var user: String
    public var lockCount: UInt32
    /// Access that was granted, [MS-DTYP] 2.4.3.
    public var access: UInt32

    public init(identifier: UInt32, path: String, share: String, user: String, lockCount: UInt32, access: UInt32) {
        self.identifier = identifier
        self.path = path
        self.share = share
        self.user = user
        self.lockCount = lockCount
        self.access = access
    }
}
