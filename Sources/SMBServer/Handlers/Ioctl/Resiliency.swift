import NTTypes
import Platform
import SMBWire

extension IoctlHandler {
    /// FSCTL_LMR_REQUEST_RESILIENCY, [MS-SMB2] 3.3.5.15.9: from now on the open waits for its client whoever else wants
    /// the file, and whatever it caches.
    static func requestResiliency(
        _ control: Control, of open: Open, in context: borrowing RequestContext
    ) throws(NTStatus) {
        // Where no open is to wait for its client, it is as with a server that cannot do that.
        guard context.dialect >= .smb210, open.treeConnect.share.allowsDurability else { throw .invalidDeviceRequest }
        // NETWORK_RESILIENCY_REQUEST, 2.2.31.3: the time in milliseconds, and four reserved bytes.
        guard control.input.count >= 8 else { throw .invalidParameter }
        let limits = context.limits
        let milliseconds = control.input.littleEndian32(at: 0)
        let timeout = milliseconds == 0 ? limits.resiliencyTimeoutDefault : .milliseconds(Int64(milliseconds))
        guard timeout <= limits.resiliencyTimeoutMax else { throw .invalidParameter }
        // A stranger could come back for a guest's.
        guard let user = context.session.state.withLock({ $0.login?.user }), user.isAuthenticated else {
            throw .notSupported
        }
        open.state.withLock {
            $0.durability = Durability(kind: .resilient, owner: .init(user), timeout: timeout)
        }
    }
}
