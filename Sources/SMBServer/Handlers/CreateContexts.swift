import FileStore
import NTTypes
import SMBWire

/// The create contexts of a request that mean something here, [MS-SMB2] 2.2.13.2; others are ignored, as 3.3.5.9 asks.
struct CreateContexts {
    private(set) var extendedAttributes: [ExtendedAttribute] = []
    private(set) var securityDescriptor: [UInt8]?
    private(set) var allocationSize: UInt64?
    private(set) var timewarp: FileTime?
    private(set) var wantsOnDiskID = false
    private(set) var lease: LeaseRequest?
    /// The POSIX context was there: the client writes and means names as Linux does.
    private(set) var isPOSIX = false
    /// From the POSIX context: the permission bits of what is created. nil where the client does not know them, which
    /// Linux says with all sixteen bits of a mode.
    private(set) var posixMode: UInt32?
    /// SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST: present; its timestamp, if it has one.
    private(set) var wantsMaximalAccess = false
    private var maximalAccessTimestamp: FileTime?
    /// What of durability is asked for, or taken up again.
    private(set) var durability: DurabilityRequest?
    private(set) var reconnect: ReconnectRequest?
    private(set) var appInstance: AppInstance?
    private(set) var appleQuery: AppleQuery?

    /// None.
    init() {}

    /// - Throws: where a context's data is not what its section demands: STATUS_INVALID_PARAMETER, 3.3.5.9.
    init(_ chain: RawSpan, _ negotiated: Connection.Negotiated?, limits: Limits) throws(WireError) {
        var walk = CreateContextReader(chain)
        var durable = DurableContexts()
        while try walk.next() {
            var reader = WireReader(walk.data)
            switch walk.name {
            case .extendedAttributes:
                guard walk.data.byteCount <= limits.extendedAttributesByteCountMax else { throw .invalid("ExtA") }
                do { extendedAttributes = try ExtendedAttributeList.decode(walk.data.array) } catch {
                    throw .invalid("ExtA")
                }
            case .securityDescriptor: securityDescriptor = walk.data.array
            case .allocationSize: allocationSize = try reader.read()
            case .timewarp: timewarp = FileTime(rawValue: try reader.read())
            case .queryOnDiskID: wantsOnDiskID = true
            case .apple: appleQuery = AppleQuery(walk.data)
            case .posix where negotiated?.supportsPOSIX == true:
                isPOSIX = true
                guard walk.data.byteCount == 4 else { throw .invalid("the POSIX context") }
                let mode: UInt32 = try reader.read()
                posixMode = mode == 0xFFFF ? nil : mode & 0o7777
            case .queryMaximalAccess:
                wantsMaximalAccess = true
                guard walk.data.byteCount == 0 || walk.data.byteCount == 8 else { throw .invalid("MxAc") }
                if walk.data.byteCount == 8 { maximalAccessTimestamp = FileTime(rawValue: try reader.read()) }
            case .lease:
                // 2.0.2 knows no leases, and 2.1 not their second version: [MS-SMB2] 3.3.5.9.8 and 3.3.5.9.11.
                guard let negotiated, negotiated.dialect >= .smb210 else { continue }
                guard negotiated.dialect.isSMB3 || walk.data.byteCount == 32 else { continue }
                lease = try LeaseRequest(walk.data, clientGUID: negotiated.clientGUID)
            default: try durable.read(walk.name, walk.data, dialect: negotiated?.dialect ?? .smb202)
            }
        }
        try durable.check()
        durability = durable.request
        reconnect = durable.reconnect
        appInstance = durable.appInstance
    }

    /// What the response carries, [MS-SMB2] 2.2.14.2.
    func answers(_ information: FileInformation, maximalAccess: AccessMask) -> [CreateContext] {
        var contexts: [CreateContext] = []
        if wantsMaximalAccess {
            // 3.3.5.9.5: a client that knows the file's time already is told so rather than the access.
            let isKnown = maximalAccessTimestamp.map { $0 == information.lastWriteTime } ?? false
            let status: NTStatus = isKnown ? .notMapped : .success
            contexts.append(
                CreateContext(
                    name: .queryMaximalAccess,
                    data: bytes(status.rawValue) + bytes(isKnown ? 0 : maximalAccess.rawValue)))
        }
        if wantsOnDiskID {
            // 2.2.14.2.9: file and volume, then 16 reserved bytes.
            contexts.append(
                CreateContext(
                    name: .queryOnDiskID,
                    data: bytes(information.identity.index) + bytes(information.identity.device)
                        + [UInt8](repeating: 0, count: 16)))
        }
        return contexts
    }

    private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
