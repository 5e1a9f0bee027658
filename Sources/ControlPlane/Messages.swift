/// Everything the data plane asks of the control plane, in one place: the boundary between the code that acts on files
/// as root and the code that reads logins, accounts and RPC. Both ends check lengths; neither trusts the other.
///
/// Each message is one datagram of at most `byteCountMax` bytes on a SOCK_SEQPACKET socket pair; a channel carries one
/// request and then its answer.
public enum ControlPlaneRequest: Equatable, Sendable {
    /// Largest encoded request or answer, in bytes.
    public static let byteCountMax = 192 << 10

    /// Data plane, for NEGOTIATE: the SPNEGO hint. Answer: `token`.
    case initialToken
    /// Data plane, for each SESSION_SETUP. Answer: `authenticationContinues`, `authenticated` or `refused`.
    case authenticate(exchange: UInt64, token: [UInt8], remoteAddress: String)
    /// Data plane, when a login is not going on. Answer: `acknowledged`.
    case abandon(exchange: UInt64)
    /// Data plane, for TREE_CONNECT. Answer: `treeGranted` or `refused`.
    /// - isGuest, isAnonymous, IDs: as `authenticated` gave them.
    case connectTree(
        share: String, user: String, isGuest: Bool, isAnonymous: Bool, userID: UInt32, groupID: UInt32,
        groupIDs: [UInt32], remoteAddress: String)
    /// Data plane, when a tree connect ends. Answer: `acknowledged`.
    case disconnectTree(share: String, user: String)
    /// Data plane, when a session ends. Answer: `acknowledged`.
    case logOut(user: String)
    /// Data plane, every few seconds. Answer: `acknowledged`.
    case heartbeat
}

public enum ControlPlaneAnswer: Equatable, Sendable {
    case acknowledged
    case token([UInt8])
    case authenticationContinues(token: [UInt8])
    /// - sessionKey: as the mechanism gave it, at most 64 bytes.
    /// - expiry: FILETIME, 0 for never.
    case authenticated(
        token: [UInt8], user: String, domain: String, sessionKey: [UInt8], userID: UInt32, groupID: UInt32,
        groupIDs: [UInt32], isGuest: Bool, isAnonymous: Bool, expiry: UInt64)
    /// - status: an NTSTATUS.
    case refused(status: UInt32)
    /// - share: its name as configured; what it is, the data plane knows from the same configuration.
    case treeGranted(share: String, isWritable: Bool, userID: UInt32, groupID: UInt32, groupIDs: [UInt32])
}
