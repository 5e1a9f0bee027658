import NTTypes

/// What becomes of a tree connect, with the rule that decided in words: for the control plane, and for `apus why`.
public enum ShareAdmission: Equatable, Sendable {
    case refused(NTStatus, RefusalReason)
    /// - share: its name as configured.
    /// - forcedUser: whom file operations run as, whoever has logged in; empty for the user itself.
    /// - readOnly: why the client may only read; nil where it may write.
    case granted(
        share: String, isAdministrator: Bool, forcedUser: String, forcedGroup: String, readOnly: RefusalReason?)
}

extension ServerConfiguration {
    /// - Parameters:
    ///   - groupIDs: of the groups that the configuration names.
    ///   - connectionCount: tree connects of the share that there are already.
    public func admit(
        _ client: ShareRules.Client, to name: String, groupIDs: [String: UInt32], connectionCount: Int
    ) -> ShareAdmission {
        if name.lowercased() == "ipc$" { return admitToPipes(client) }
        guard let share = shares.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            return refuseUnknown(name)
        }
        let verdict = ShareRules(share: share, groupIDs: groupIDs).judge(client)
        guard case .granted(let isWritable, let isAdministrator, let forcedUser) = verdict.decision else {
            return .refused(.accessDenied, reason(verdict, share, client))
        }
        if share.connectionCountMax > 0, connectionCount >= share.connectionCountMax {
            let rule = place(of: "max connections", in: share)
            return .refused(
                .requestNotAccepted,
                RefusalReason(
                    .share, "\(rule): \(connectionCount) use it already", remedy: "raise max connections of the share"))
        }
        return .granted(
            share: share.name, isAdministrator: isAdministrator, forcedUser: forcedUser, forcedGroup: share.forceGroup,
            readOnly: isWritable ? nil : reason(verdict, share, client))
    }

    private func admitToPipes(_ client: ShareRules.Client) -> ShareAdmission {
        guard restrictAnonymous == 0 || !(client.isGuest || client.isAnonymous) else {
            let rule = place(of: "restrict anonymous")
            return .refused(.accessDenied, RefusalReason(.share, rule, remedy: "log in, or restrict anonymous = 0"))
        }
        return .granted(share: "IPC$", isAdministrator: false, forcedUser: "", forcedGroup: "", readOnly: nil)
    }

    private func refuseUnknown(_ name: String) -> ShareAdmission {
        if let share = unavailableShares.first(where: { $0.name.lowercased() == name.lowercased() }) {
            let rule = place(of: "available", in: share)
            return .refused(.badNetworkName, RefusalReason(.share, rule, remedy: "available = yes, and reload"))
        }
        return .refused(
            .badNetworkName,
            RefusalReason(
                .share, "\(path) has no share [\(name)]", remedy: "add a section [\(name)] with a path, and reload"))
    }

    private func reason(
        _ verdict: ShareRules.Verdict, _ share: ShareConfiguration, _ client: ShareRules.Client
    ) -> RefusalReason {
        let place = place(of: verdict.rule, in: share)
        let user = client.isGuest ? "a guest" : client.isAnonymous ? "whoever has not logged in" : "'\(client.user)'"
        switch verdict.rule {
        case "hosts allow":
            return RefusalReason(
                .network, "\(place): \(client.address) is not in it", remedy: "add \(client.address) to hosts allow")
        case "hosts deny":
            return RefusalReason(
                .network, "\(place): \(client.address) is in it",
                remedy: "take \(client.address) out of hosts deny, or name it in hosts allow")
        case "guest ok":
            return RefusalReason(.share, "\(place): \(user) may not use it", remedy: "guest ok = yes, or log in")
        case "invalid users":
            return RefusalReason(
                .share, "\(place): '\(verdict.word)' means \(user)",
                remedy: "take '\(verdict.word)' out of invalid users")
        case "valid users":
            return RefusalReason(
                .share, "\(place): \(user) is not in it", remedy: "add \(user) or a group of its to valid users")
        case "read list":
            return RefusalReason(
                .share, "\(place): '\(verdict.word)' means \(user), who only reads",
                remedy: "take '\(verdict.word)' out of read list")
        default:
            return RefusalReason(
                .share, "\(place): nobody writes, but write list and admin users",
                remedy: client.isGuest || client.isAnonymous
                    ? "read only = no" : "read only = no, or add \(user) to write list")
        }
    }

    /// Where the configuration says it: file, line and the entry as it stands there; or that it is the default.
    /// - Parameter share: nil for [global].
    public func place(of parameter: String, in share: ShareConfiguration? = nil) -> String {
        if let entry = share.map({ $0.written[parameter] }) ?? written[parameter] {
            return "\(path):\(entry.line): \(entry.value)"
        }
        let value = Parameter.find(parameter)?.parameter.defaultValue ?? ""
        let section = share.map { "\(path):\($0.line): [\($0.name)]" } ?? path
        return "\(section): \(parameter) = \(value) (default)"
    }
}
