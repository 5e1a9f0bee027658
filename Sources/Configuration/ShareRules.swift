/// Who may use a share, and how: the rules of ksmbd.conf(5) in the order in which ksmbd asks them. How many may is
/// counted by who connects them.
public struct ShareRules: Sendable {
    public struct Client: Sendable {
        public var user: String
        public var isGuest: Bool
        public var isAnonymous: Bool
        /// All groups of the user, as of its login.
        public var groupIDs: [UInt32]
        /// In numbers.
        public var address: String

        public init(user: String, isGuest: Bool, isAnonymous: Bool, groupIDs: [UInt32], address: String) {
            self.user = user
            self.isGuest = isGuest
            self.isAnonymous = isAnonymous
            self.groupIDs = groupIDs
            self.address = address
        }
    }
    public enum Decision: Equatable, Sendable {
        case refused
        /// - forcedUser: whom file operations run as, whoever has logged in; empty for the user itself.
        case granted(isWritable: Bool, isAdministrator: Bool, forcedUser: String)
    }
    let share: ShareConfiguration
    /// The groups that the configuration names.
    let groupIDs: [String: UInt32]

    public init(share: ShareConfiguration, groupIDs: [String: UInt32]) {
        self.share = share
        self.groupIDs = groupIDs
    }

    public func decide(_ client: Client) -> Decision {
        guard admits(client.address) else { return .refused }
        if client.isGuest || client.isAnonymous {
            // No list names a guest: whatever name it gave is not proved.
            guard share.allowsGuests else { return .refused }
            let account = share.forceUser.isEmpty ? share.guestAccount ?? "" : share.forceUser
            return .granted(isWritable: !share.isReadOnly, isAdministrator: false, forcedUser: account)
        }
        func granted(_ isWritable: Bool, isAdministrator: Bool = false) -> Decision {
            .granted(isWritable: isWritable, isAdministrator: isAdministrator, forcedUser: share.forceUser)
        }
        if contains(share.adminUsers, client) { return granted(true, isAdministrator: true) }
        if contains(share.invalidUsers, client) { return .refused }
        if contains(share.readList, client) { return granted(false) }
        if contains(share.writeList, client) { return granted(true) }
        // Those of the two lists are in already; who else may come is the business of `valid users`.
        guard share.validUsers.isEmpty || contains(share.validUsers, client) else { return .refused }
        return granted(!share.isReadOnly)
    }

    private func admits(_ address: String) -> Bool {
        if !share.hostsAllow.isEmpty { return share.hostsAllow.contains(address) }
        return !share.hostsDeny.contains(address)
    }

    /// Names, and groups as @group. A group that the system does not know has no members.
    private func contains(_ list: [String], _ client: Client) -> Bool {
        list.contains { entry in
            if entry.hasPrefix("@") {
                guard let group = groupIDs[String(entry.dropFirst())] else { return false }
                return client.groupIDs.contains(group)
            }
            return entry.lowercased() == client.user.lowercased()
        }
    }
}
