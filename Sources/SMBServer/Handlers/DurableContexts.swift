import NTTypes
import SMBWire

/// The create contexts about handles that survive, [MS-SMB2] 2.2.13.2.3, .4, .11 to .13 and .15.
struct DurableContexts {
    private(set) var request: DurabilityRequest?
    private(set) var reconnect: ReconnectRequest?
    private(set) var appInstance: AppInstance?
    private var appInstanceVersion: AppInstance.Version?
    private var count = 0
    private var hasSecondVersion = false

    /// Contexts of other names, and those that the dialect does not know, are passed over.
    mutating func read(_ name: CreateContextName, _ data: RawSpan, dialect: Dialect) throws(WireError) {
        var reader = WireReader(data)
        switch name {
        case .durableHandleRequest:
            guard data.byteCount == 16 else { throw .invalid("DHnQ") }
            if request == nil { request = DurabilityRequest(isSecondVersion: false) }
            count += 1
        case .durableHandleReconnect:
            guard data.byteCount == 16 else { throw .invalid("DHnC") }
            reconnect = ReconnectRequest(persistentID: try FileID(from: &reader).persistent)
            count += 1
        case .durableHandleRequestV2 where dialect.isSMB3:
            guard data.byteCount == 32 else { throw .invalid("DH2Q") }
            let timeout = try reader.read(UInt32.self)
            try reader.skip(12)
            request = DurabilityRequest(
                isSecondVersion: true, createGUID: try reader.readGUID(), timeoutMilliseconds: timeout)
            hasSecondVersion = true
            count += 1
        case .durableHandleReconnectV2 where dialect.isSMB3:
            guard data.byteCount == 36 else { throw .invalid("DH2C") }
            let id = try FileID(from: &reader).persistent
            reconnect = ReconnectRequest(persistentID: id, createGUID: try reader.readGUID())
            hasSecondVersion = true
            count += 1
        case .appInstanceID where dialect.isSMB3:
            guard data.byteCount == 20 else { throw .invalid("AppInstanceId") }
            try reader.skip(4)
            appInstance = AppInstance(id: try reader.readGUID())
        case .appInstanceVersion where dialect == .smb311:
            guard data.byteCount == 24 else { throw .invalid("AppInstanceVersion") }
            try reader.skip(8)
            appInstanceVersion = AppInstance.Version(high: try reader.read(), low: try reader.read())
        default: return
        }
    }

    /// What goes together: 3.3.5.9.6, .7, .10 and .12. Only the first version's request may stand beside something
    /// else, its reconnect, and then says nothing.
    mutating func check() throws(WireError) {
        if count > 1, hasSecondVersion { throw .invalid("durable contexts that exclude each other") }
        if reconnect != nil { request = nil }
        appInstance?.version = appInstanceVersion
    }
}
