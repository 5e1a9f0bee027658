/// What the control plane asks back while it answers a request, on the same channel: what only the data plane knows
/// (sessions, opens) or may find out (names of users and groups, from name services that may do anything). The data
/// plane's thread that waits for the answer answers these first; it holds nothing meanwhile that they could need.
///
/// Lists come in parts that fit a message: each asks for what follows the last identifier of the part before.
public enum DataPlaneQuery: Equatable, Sendable {
    /// Queries that one request may ask; more is a control plane that has lost its way.
    public static let countPerRequestMax = 100_000

    /// Fact: `number`.
    case userID(name: String)
    case groupID(name: String)
    /// Fact: `name`.
    case userName(number: UInt32)
    case groupName(number: UInt32)
    /// The server's SID is S-1-5-21 and these three. Fact: `numbers`.
    case domain
    /// - user: only those of this user, without regard to case; nil for all. Fact: `sessions`.
    case sessions(user: String?, after: UInt64)
    /// Fact: `treeConnects`.
    case treeConnects(user: String?, after: UInt64)
    /// Fact: `openFiles`.
    case openFiles(user: String?, after: UInt64)
    /// - identifier: the lower half of an open's. Fact: `done`.
    case closeFile(identifier: UInt32)
    /// - client: an address. Fact: `done`.
    case endSessions(client: String?, user: String?)
    /// What becomes of the configuration is the data plane's to say (`remote share folders`). Fact: `shareChange`.
    /// - path: of this machine, from the root.
    /// - connectionCountMax: 0 for no limit.
    case addShare(name: String, path: String, comment: String, connectionCountMax: UInt32)
    /// - comment, connectionCountMax: nil to leave it as it is. Fact: `shareChange`.
    case changeShare(name: String, comment: String?, connectionCountMax: UInt32?)
    /// Fact: `shareChange`.
    case removeShare(name: String)
}

/// What became of a share that was to be added, changed or removed.
public enum ShareChange: UInt8, Equatable, Sendable {
    case done = 1
    /// Not over the network, or not there.
    case forbidden
    /// Of that name there is one already, or none.
    case exists, missing
    /// No folder.
    case noFolder
    /// A name or a comment that the configuration could not hold.
    case unwritable
    /// It could not be written, or not be put into force; the log says why.
    case failed
}

/// What the control plane may ask back while it answers a request, each with all before it. That is the data plane's to
/// say, by what it has asked and for whom: a control plane that was taken over learns and does no more.
public enum QueryScope: Comparable, Sendable {
    case nothing
    /// For whoever has opened a pipe: names and numbers of accounts.
    case names
    /// For users who have logged in: how many use a share.
    case treeConnects
    /// For administrators.
    case everything
}

extension DataPlaneQuery {
    /// The least that allows it.
    var scope: QueryScope {
        switch self {
        case .userID, .groupID, .userName, .groupName, .domain: .names
        case .treeConnects: .treeConnects
        case .sessions, .openFiles, .closeFile, .endSessions, .addShare, .changeShare, .removeShare: .everything
        }
    }

    /// Whether a message can hold it: its texts come from clients, who write what they like.
    var isSendable: Bool {
        let texts: [String?] =
            switch self {
            case .userID(let name), .groupID(let name), .removeShare(let name): [name]
            case .sessions(let user, _), .treeConnects(let user, _), .openFiles(let user, _): [user]
            case .endSessions(let client, let user): [client, user]
            case .addShare(let name, let path, let comment, _): [name, path, comment]
            case .changeShare(let name, let comment, _): [name, comment]
            case .userName, .groupName, .domain, .closeFile: []
            }
        return texts.allSatisfy { ($0?.utf8.count ?? 0) <= LoginOutcome.nameByteCountMax }
    }
}

/// The answer to a `DataPlaneQuery`.
public enum DataPlaneFact: Equatable, Sendable {
    /// nil: there is none.
    case number(UInt32?)
    case name(String?)
    case numbers([UInt32])
    /// Ordered by identifier; none when there are no more.
    case sessions([SessionFact])
    case treeConnects([TreeConnectFact])
    case openFiles([OpenFileFact])
    /// Whether there was something to do.
    case done(Bool)
    case shareChange(ShareChange)
}

public struct SessionFact: Equatable, Sendable {
    public var identifier: UInt64
    public var user: String
    /// The client's address.
    public var client: String
    public var isGuest: Bool
    public var openFileCount: UInt32
    /// Seconds since it was made.
    public var age: UInt32
    public init(
        identifier: UInt64, user: String, client: String, isGuest: Bool, openFileCount: UInt32, age: UInt32
    ) {
        self.identifier = identifier
        self.user = user
        self.client = client
        self.isGuest = isGuest
        self.openFileCount = openFileCount
        self.age = age
    }
}

public struct TreeConnectFact: Equatable, Sendable {
    /// The session's, and in its lower half the tree's.
    public var identifier: UInt64
    public var share: String
    public var user: String
    public var client: String
    public var openFileCount: UInt32
    /// Seconds since its session was made.
    public var age: UInt32
    public init(
        identifier: UInt64, share: String, user: String, client: String, openFileCount: UInt32, age: UInt32
    ) {
        self.identifier = identifier
        self.share = share
        self.user = user
        self.client = client
        self.openFileCount = openFileCount
        self.age = age
    }
}

public struct OpenFileFact: Equatable, Sendable {
    public var identifier: UInt64
    /// In the client's spelling, below its share.
    public var path: String
    public var share: String
    public var user: String
    public var lockCount: UInt32
    /// An access mask, [MS-DTYP] 2.4.3.
    public var access: UInt32
    public init(identifier: UInt64, path: String, share: String, user: String, lockCount: UInt32, access: UInt32) {
        self.identifier = identifier
        self.path = path
        self.share = share
        self.user = user
        self.lockCount = lockCount
        self.access = access
    }
}

/// What answers queries; called on several threads.
public protocol DataPlaneFacts: AnyObject, Sendable {
    func answer(_ query: DataPlaneQuery) -> DataPlaneFact
}
