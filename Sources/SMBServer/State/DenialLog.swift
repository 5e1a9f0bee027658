import FileStore
import NTTypes
import Platform
import SMBWire

/// A request that was refused, as it was then: for `apus denials`.
public struct Denial: Sendable {
    /// Who had the file open that was asked for.
    public struct Holder: Hashable, Sendable {
        public var user: String
        public var client: String
        public var access: AccessMask
        public var shareAccess: ShareAccess
        /// Its client is away, and may come back for it.
        public var isDisconnected: Bool
    }
    /// Counts the refusals that were recorded, from 1.
    public var number: UInt64
    /// Of the last time, if it happened several times.
    public var time: FileTime
    public var count = 1
    /// Address, in numbers.
    public var client: String
    /// As logged in; of a login, whom the client said to be. Empty for whoever has not said.
    public var user: String
    /// Name of the command, [MS-SMB2] 2.2.1.2.
    public var command: String
    /// With its cause, where the check gave one.
    public var status: NTStatus
    public var share: String
    /// Within the share, in the client's writing; empty for its root, and where none is concerned.
    public var path: String
    /// Asked for by an open.
    public var access: AccessMask
    /// Where the control plane said why.
    public var reason: RefusalReason?
    public var holder: Holder?
    /// To look the file's rules up again, when somebody asks.
    public var store: (any FileStore)?
    public var credentials: Credentials?

    /// Happened again, if only the time differs.
    fileprivate func isSame(as other: Denial) -> Bool {
        status == other.status && status.cause == other.status.cause && path == other.path && share == other.share
            && user == other.user && client == other.client && command == other.command && access == other.access
            && reason == other.reason && holder == other.holder
    }
}

/// What a handler adds to the record of a refusal. One word as long as nothing is refused.
struct RefusalNote {
    private final class Storage {
        var name: NTName?
        var access: AccessMask = []
        var reason: RefusalReason?
        var holder: Denial.Holder?
    }
    private var storage: Storage?

    private mutating func made() -> Storage {
        if let storage { return storage }
        let new = Storage()
        storage = new
        return new
    }

    var name: NTName? {
        get { storage?.name }
        set { made().name = newValue }
    }
    var reason: RefusalReason? {
        get { storage?.reason }
        set { made().reason = newValue }
    }
    var access: AccessMask { storage?.access ?? [] }
    var holder: Denial.Holder? { storage?.holder }

    /// What an open asked for.
    mutating func note(_ name: NTName, _ access: AccessMask) {
        let storage = made()
        storage.name = name
        storage.access = access
    }

    /// Whose open is in the way. - Parameter holder: its volatile FileId.
    mutating func note(holder: UInt64, in node: FileNode) {
        guard let open = node.opens.first(where: { $0.fileID.volatile == holder }) else { return }
        let (login, client) = open.session.state.withLock { ($0.login, $0.clientAddress) }
        made().holder = Denial.Holder(
            user: login?.user.name ?? "", client: client, access: open.grantedAccess, shareAccess: open.shareAccess,
            isDisconnected: open.isDisconnected.load(ordering: .relaxed))
    }
}

extension NTStatus {
    /// The client may not, as opposed to: there is none, or the request makes no sense.
    var isDenial: Bool {
        switch self {
        case .accessDenied, .sharingViolation, .logonFailure, .badNetworkName, .deletePending, .cannotDelete,
            .fileLockConflict, .lockNotGranted, .privilegeNotHeld, .requestNotAccepted, .mediaWriteProtected,
            .invalidOwner, .insufficientResources, .insufficientServerResources, .tooManyOpenedFiles:
            true
        default: cause != nil
        }
    }
}

/// The last refusals. Whatever succeeds never comes here.
public final class DenialLog: Sendable {
    private struct State {
        /// A ring, once it is full.
        var denials: [Denial] = []
        var next = 0
        var count: UInt64 = 0
    }
    private let state = Mutex(State())
    private let countMax: Int
    /// How far back it is looked for the same one, so that a client that tries on and on takes one place.
    private static let mergeCountMax = 16

    init(countMax: Int) { self.countMax = countMax }

    /// How many there have been in all.
    public var count: UInt64 { state.withLock { $0.count } }

    /// - Returns: the last ones, oldest first.
    public func last(_ limit: Int) -> [Denial] {
        state.withLock { state in
            let ordered = state.denials[state.next...] + state.denials[..<state.next]
            return Array(ordered.sorted { $0.number < $1.number }.suffix(limit))
        }
    }

    func record(_ status: NTStatus, _ context: borrowing RequestContext) { add(Denial(status, context)) }

    func add(_ denial: Denial) {
        state.withLock { state in
            var denial = denial
            state.count += 1
            denial.number = state.count
            for back in 1...Self.mergeCountMax where back <= state.denials.count {
                let index = (state.next + state.denials.count - back) % state.denials.count
                guard state.denials[index].isSame(as: denial) else { continue }
                denial.count = state.denials[index].count + 1
                state.denials[index] = denial
                return
            }
            if state.denials.count < countMax {
                state.denials.append(denial)
            } else {
                state.denials[state.next] = denial
                state.next = (state.next + 1) % countMax
            }
        }
    }
}

extension Denial {
    fileprivate init(_ status: NTStatus, _ context: borrowing RequestContext) {
        let login = context.sessionOrNil?.state.withLock { $0.login }
        let open = context.relatedFileID.flatMap { context.sessionOrNil?.open($0.volatile) }
        let tree = context.treeConnectOrNil ?? open?.treeConnect
        let command = SMB2Command(rawValue: context.header.command)
        number = 0
        time = context.now
        client = context.connection.transport.remoteAddress
        user = context.refusal.reason.flatMap { $0.user.isEmpty ? nil : $0.user } ?? login?.user.name ?? ""
        self.command = command.map { "\($0)" } ?? "command \(context.header.command)"
        self.status = status
        access = context.refusal.access
        reason = context.refusal.reason
        holder = context.refusal.holder
        store = tree?.store
        credentials = tree?.credentials
        let name = context.refusal.name?.prefix(context.limits.denialNameByteCountMax)
        if command == .treeConnect {
            share = name?.split(separator: "\\").last.map(String.init) ?? ""
            path = ""
        } else {
            share = tree?.share.name ?? ""
            path = name ?? open?.file.path.description ?? ""
        }
        if case .readOnlyShare = status.cause, reason == nil { reason = tree?.readOnlyReason }
    }
}

extension NTName {
    fileprivate func prefix(_ byteCount: Int) -> String { String(decoding: utf8.prefix(byteCount), as: UTF8.self) }
}
