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

    /// A decision, and what it rests on.
    public struct Verdict: Equatable, Sendable {
        public var decision: Decision
        /// The parameter that decided.
        public var rule: String
        /// The word of its list that names the client; empty where it is none of one.
        public var word = ""
    }

    public func decide(_ client: Client) -> Decision { judge(client).decision }

    public func judge(_ client: Client) -> Verdict {
        if let rule = hostRule(against: client.address) { return Verdict(decision: .refused, rule: rule) }
        if client.isGuest || client.isAnonymous {
            // No list names a guest: whatever name it gave is not proved.
            guard share.allowsGuests else { return Verdict(decision: .refused, rule: "guest ok") }
            let account = share.forceUser.isEmpty ? share.guestAccount ?? "" : share.forceUser
            return Verdict(
                decision: .granted(isWritable: !share.isReadOnly, isAdministrator: false, forcedUser: account),
                rule: "read only")
        }
        func granted(_ isWritable: Bool, isAdministrator: Bool = false) -> Decision {
            .granted(isWritable: isWritable, isAdministrator: isAdministrator, forcedUser: share.forceUser)
        }
        if let word = word(for: client, in: share.adminUsers) {
            return Verdict(decision: granted(true, isAdministrator: true), rule: "admin users", word: word)
        }
        if let word = word(for: client, in: share.invalidUsers) {
            return Verdict(decision: .refused, rule: "invalid users", word: word)
        }
        if let word = word(for: client, in: share.readList) {
            return Verdict(decision: granted(false), rule: "read list", word: word)
        }
        if let word = word(for: client, in: share.writeList) {
            return Verdict(decision: granted(true), rule: "write list", word: word)
        }
        // Those of the two lists are in already; who else may come is the business of `valid users`.
        guard share.validUsers.isEmpty || word(for: client, in: share.validUsers) != nil else {
            return Verdict(decision: .refused, rule: "valid users")
        }
        return Verdict(decision: granted(!share.isReadOnly), rule: "read only")
    }

    /// The parameter that keeps the address out; nil if none does.
    private func hostRule(against address: String) -> String? {
        if !share.hostsAllow.isEmpty { return share.hostsAllow.contains(address) ? nil : "hosts allow" }
        return share.hostsDeny.contains(address) ? "hosts deny" : nil
    }

    /// The word that means the client: names, and groups as @group. A group that the system does not know has no
    /// members.
    private func word(for client: Client, in list: [String]) -> String? {
        list.first { entry in
            if entry.hasPrefix("@") {
                guard let group = groupIDs[String(entry.dropFirst())] else { return false }
                return client.groupIDs.contains(group)
            }
            return entry.lowercased() == client.user.lowercased()
        }
    }
}

extension ShareConfiguration {
    /// The groups that its lists name, without the @.
    public var groupNames: Set<String> {
        let lists = [validUsers, invalidUsers, readList, writeList, adminUsers]
        return Set(lists.joined().filter { $0.hasPrefix("@") }.map { String($0.dropFirst()) })
    }
}

extension ServerConfiguration {
    /// The same of the share of that name; none where there is no such share.
    public func groupNames(of share: String) -> Set<String> {
        shares.first { $0.name.lowercased() == share.lowercased() }?.groupNames ?? []
    }
}
