import NTTypes

/// How an open survives the loss of its connection: Open.IsDurable, Open.IsResilient and what belongs to them,
/// [MS-SMB2] 3.3.1.10. A plain value, so that a store which outlives the process could hold it too: see
/// docs/design/002-handles-that-survive.md.
struct Durability: Sendable, Equatable {
    enum Kind {
        /// As long as nobody wants the file otherwise: Open.IsDurable.
        case durable
        /// Come what may until the time is over: Open.IsResilient.
        case resilient
    }
    var kind: Kind
    /// Open.DurableOwner: nobody else gets it back.
    var owner: Owner
    /// How long it waits for its client, counted from the loss of the connection.
    var timeout: Duration

    struct Owner: Hashable {
        var name: String
        var domain: String

        init(_ user: AuthenticatedUser) {
            name = user.name
            domain = user.domain
        }
    }
}

/// What identifies the CREATE that made an open, [MS-SMB2] 3.3.1.10.
struct CreateIdentity: Sendable, Equatable {
    /// Open.ClientGuid.
    var clientGUID: GUID
    /// Open.CreateGuid; zero for an open that asked for no second version of durability.
    var createGUID: GUID = .zero
    var appInstance: AppInstance?
    /// The lease that it asks for; whether it has it, its node knows.
    var lease: LeaseIdentity?
    /// Lease.ParentLeaseKey: the lease on the folder whose holder knows what is done here.
    var parentLeaseKey: GUID?
}

/// Open.AppInstanceId and its version, [MS-SMB2] 2.2.13.2.13 and 2.2.13.2.15: a newer instance of an application, on
/// whichever machine, takes over what an older one has open.
struct AppInstance: Sendable, Equatable {
    struct Version: Comparable {
        var high: UInt64
        var low: UInt64
        static func < (a: Version, b: Version) -> Bool { (a.high, a.low) < (b.high, b.low) }
    }
    var id: GUID
    var version: Version?
}

/// SMB2_CREATE_DURABLE_HANDLE_REQUEST and its second version, [MS-SMB2] 2.2.13.2.3 and 2.2.13.2.11.
struct DurabilityRequest: Sendable {
    var isSecondVersion: Bool
    /// zero in the first version.
    var createGUID: GUID = .zero
    /// 0: as the server likes.
    var timeoutMilliseconds: UInt32 = 0
}

/// SMB2_CREATE_DURABLE_HANDLE_RECONNECT and its second version, [MS-SMB2] 2.2.13.2.4 and 2.2.13.2.12.
struct ReconnectRequest: Sendable {
    var persistentID: UInt64
    /// nil in the first version, which knows none.
    var createGUID: GUID?
}
