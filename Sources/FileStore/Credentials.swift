/// Whom the operating system is to see when a file operation runs: fixed at log-in, shared by all that a session does.
public final class Credentials: Sendable {
    public let userID: UInt32
    public let groupID: UInt32
    /// Supplementary groups, without `groupID`.
    public let groups: [UInt32]
    /// Guests and the anonymous: whoever they are, they have not proved it, so they are none of the authenticated
    /// users.
    public let isGuest: Bool

    public init(userID: UInt32, groupID: UInt32, groups: [UInt32], isGuest: Bool = false) {
        self.userID = userID
        self.groupID = groupID
        self.groups = groups
        self.isGuest = isGuest
    }
}
