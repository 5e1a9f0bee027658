import NTTypes
import SMBWire

/// What a client may cache of a file: the lease states of [MS-SMB2] 2.2.13.2.8. Oplocks are the same thing with a
/// holder that is one open: level II is R, exclusive RW, batch RWH.
struct CacheState: OptionSet, Hashable {
    let rawValue: UInt32
    static var read: Self { .init(rawValue: 1) }
    /// The handle may stay open on the client after the application has closed it.
    static var handle: Self { .init(rawValue: 2) }
    static var write: Self { .init(rawValue: 4) }

    /// What RequestedOplockLevel asks for, [MS-SMB2] 2.2.13; nothing for a level that is no oplock.
    init(oplockLevel: UInt8) {
        switch oplockLevel {
        case 0x01: self = .read
        case 0x08: self = [.read, .write]
        case 0x09: self = [.read, .write, .handle]
        default: self = []
        }
    }
    init(rawValue: UInt32) { self.rawValue = rawValue }

    var oplockLevel: UInt8 {
        if contains([.write, .handle]) { return 0x09 }
        if contains(.write) { return 0x08 }
        return contains(.read) ? 0x01 : 0
    }
    /// Nothing is cached without being read: other sets are no states, [MS-FSA] 2.1.5.18.2.
    var normalized: CacheState { contains(.read) ? intersection([.read, .handle, .write]) : [] }
}

/// A lease is the client's, over all its connections: [MS-SMB2] 3.3.1.11, LeaseTable.ClientGuid and Lease.LeaseKey.
struct LeaseIdentity: Hashable, Sendable {
    var clientGUID: GUID
    var key: GUID
}

/// What an open asks for.
enum CachingRequest: Sendable {
    case none
    case oplock(CacheState)
    case lease(LeaseRequest)

    var wantsAnything: Bool {
        switch self {
        case .none: false
        case .oplock(let state): !state.isEmpty
        case .lease(let lease): !lease.state.isEmpty
        }
    }
}

/// SMB2_CREATE_REQUEST_LEASE and its second version, [MS-SMB2] 2.2.13.2.8 and 2.2.13.2.10.
struct LeaseRequest: Sendable {
    var identity: LeaseIdentity
    var state: CacheState
    /// 1 or 2.
    var version: Int
    var epoch: UInt16 = 0
    var parentKey: GUID?

    /// - Throws: on data of a length that is neither version's.
    init(_ data: RawSpan, clientGUID: GUID) throws(WireError) {
        guard data.byteCount == 32 || data.byteCount == 52 else { throw .invalid("RqLs") }
        var reader = WireReader(data)
        identity = LeaseIdentity(clientGUID: clientGUID, key: try reader.readGUID())
        state = CacheState(rawValue: try reader.read())
        let flags = try reader.read(UInt32.self)
        try reader.skip(8)
        version = data.byteCount == 52 ? 2 : 1
        guard version == 2 else { return }
        let parent = try reader.readGUID()
        // SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET.
        if flags & 4 != 0 { parentKey = parent }
        epoch = try reader.read()
    }
}

/// What one holder was granted: an oplock of one open, or a lease with all opens that share its key.
struct CacheGrant {
    enum Holder: Hashable {
        /// By volatile file ID.
        case open(UInt64)
        case lease(LeaseIdentity)

        /// Who holds what an open is granted.
        init(_ open: Open) {
            self = open.identity.lease.map { .lease($0) } ?? .open(open.fileID.volatile)
        }
    }
    var holder: Holder
    var state: CacheState
    /// A break was sent and must be acknowledged: what it is to come down to.
    var breakingTo: CacheState?
    /// What it is to come down to after that.
    var breakingFurtherTo: CacheState?
    /// The break began with W: opens wait for all its steps, whatever they disturb.
    var delaysOpens = false
    /// A break was never acknowledged: what the holder has cached is worth nothing.
    var wasForced = false
    /// Of the lease context; 2 counts epochs.
    var version = 1
    var epoch: UInt16 = 0
    var parentKey: GUID?
    var opens: [Open]

    var isLease: Bool { if case .lease = holder { true } else { false } }

    mutating func endBreak() {
        breakingTo = nil
        breakingFurtherTo = nil
        delaysOpens = false
    }

    /// While a break is under way: more is wanted of the holder once it has answered.
    mutating func breakFurther(to target: CacheState) {
        guard let breakingTo, !breakingTo.isSubset(of: target) else { return }
        breakingFurtherTo = (breakingFurtherTo ?? breakingTo).intersection(target)
    }
}

/// A break that is to be sent once no lock is held.
struct BreakNotice {
    var holder: CacheGrant.Holder
    var from: CacheState
    var to: CacheState
    var requiresAcknowledgment: Bool
    var epoch: UInt16
    /// One of the holder's opens: says where to send it.
    var open: Open
}

/// What an open was granted, for its response.
struct GrantedCaching {
    var state: CacheState = []
    /// SMB2_LEASE_FLAG_BREAK_IN_PROGRESS.
    var isBreaking = false
    /// The lease's, which may be another than this open's request.
    var version = 1
    var epoch: UInt16 = 0
}
