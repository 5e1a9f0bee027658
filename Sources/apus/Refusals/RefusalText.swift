import Configuration
import FileStore
import NTTypes
import SMBServer

/// Puts a refusal into words: where on its way a request was refused, by what, and what would allow it.
struct RefusalText {
    /// What was refused.
    struct Subject {
        var status: NTStatus
        /// As logged in; empty for whoever has not.
        var user = ""
        var share = ""
        /// Within the share, as a client writes it.
        var path = ""
        var access: AccessMask = []
        var holder: Denial.Holder?
        var store: (any FileStore)?
        var credentials: Credentials?
    }
    let configuration: ServerConfiguration
    let subject: Subject

    private var share: ShareConfiguration? {
        configuration.shares.first { $0.name.lowercased() == subject.share.lowercased() }
    }
    private func place(_ parameter: String) -> String { configuration.place(of: parameter, in: share) }

    var reason: RefusalReason {
        guard let cause = subject.status.cause else {
            return RefusalReason(
                .request, "the server answered \(subject.status.words) and keeps no further record of why",
                remedy: "apus log level debug shows more")
        }
        return network(cause) ?? names(cause) ?? file(cause) ?? others(cause)
            ?? RefusalReason(
                .request, "the request asks for what nobody can be given", remedy: "nothing: the program asks wrongly")
    }

    /// Signing, sealing, and the share as a whole.
    private func network(_ cause: RefusalCause) -> RefusalReason? {
        switch cause {
        case .wrongSignature:
            RefusalReason(
                .signing, "the message's signature is wrong: it was changed on the way, or the client's key is another",
                remedy: "let the client connect anew")
        case .unsigned:
            RefusalReason(
                .signing,
                "the session must be signed, and the request was not: \(configuration.place(of: "server signing"))",
                remedy: "turn signing on in the client")
        case .unsealed:
            RefusalReason(
                .signing, "\(configuration.place(of: "smb3 encryption")): the request came in the clear",
                remedy: "let the client encrypt, or smb3 encryption = auto")
        case .unsealedShare:
            RefusalReason(
                .signing, "\(place("smb encrypt")): the client does not encrypt",
                remedy: "let the client encrypt (SMB 3.0 or later), or smb encrypt = auto")
        case .guestWithoutKey:
            RefusalReason(
                .signing,
                "signing or encryption is demanded, and a guest has no key for it: "
                    + "\(configuration.place(of: "server signing")); \(configuration.place(of: "smb3 encryption"))",
                remedy: "log in as a user")
        case .clientWithoutCipher:
            RefusalReason(
                .signing, "\(configuration.place(of: "smb3 encryption")): the client knows no encryption",
                remedy: "a client with SMB 3.0 or later, or smb3 encryption = auto")
        case .readOnlyShare:
            RefusalReason(.share, place("read only"), remedy: "read only = no, or add the user to write list")
        case .unknownAccount, .wrongPassword, .oldNTLM, .anonymous, .ticket, .malformedToken:
            RefusalReason(.login, "the login failed", remedy: "see the server's log")
        default: nil
        }
    }

    /// The way to the file.
    private func names(_ cause: RefusalCause) -> RefusalReason? {
        switch cause {
        case .vetoed(let component):
            return RefusalReason(
                .path, "\(place("veto files")): it means '\(name(component))'",
                remedy: "change veto files, or the name")
        case .symbolicLink(let component):
            return RefusalReason(
                .path, "\(local(component + 1)) is a symbolic link, or under one; \(place("follow symlinks"))",
                remedy: "follow symlinks = yes follows links that stay inside the share; others never are")
        case .noPassage(let component, let mode):
            let folder = local(component)
            return RefusalReason(
                .path, "\(owned(folder, mode, component)), and does not let \(user) pass: no x",
                remedy: "chmod \(letter(component))+x \(quoted(folder))")
        case .closedFolder(let mode):
            let depth = max(components.count - 1, 0)
            let folder = local(depth)
            return RefusalReason(
                .path, "\(owned(folder, mode, depth)), and does not let \(user) add names: no wx",
                remedy: "chmod \(letter(depth))+wx \(quoted(folder))")
        case .closedFolderByList(let missing):
            return RefusalReason(
                .list,
                "the NT list of \(local(max(components.count - 1, 0))) does not give \(user): \(missing.rightsText)",
                remedy: "add an entry that allows it (Explorer's Security page, or smbcacls)")
        case .undeletable: return undeletable()
        case .shareRoot:
            return RefusalReason(
                .path, "it is the root of the share, which clients cannot rename or delete", remedy: "nothing")
        default: return nil
        }
    }

    private func undeletable() -> RefusalReason {
        let depth = max(components.count - 1, 0)
        let folder = local(depth)
        guard let facts = facts(depth) else {
            return RefusalReason(.path, "neither the file nor \(folder) lets it be deleted", remedy: "chmod the folder")
        }
        if facts.mode & 0o1000 != 0 {
            return RefusalReason(
                .mode, "\(folder) is sticky: only the owner of a file there, or of the folder, deletes it",
                remedy: "chmod -t \(quoted(folder)), or let \(Names.user(facts.owner)) delete it")
        }
        return RefusalReason(
            .mode,
            "\(owned(folder, UInt16(truncatingIfNeeded: facts.mode & 0o7777), depth)), and does not let \(user) "
                + "take names away: no wx",
            remedy: "chmod \(letter(depth))+wx \(quoted(folder))")
    }

    /// What other opens, or the handle, are the reason of.
    private func others(_ cause: RefusalCause) -> RefusalReason? {
        switch cause {
        case .shareMode:
            let who =
                subject.holder.map { holder in
                    let absence = holder.isDisconnected ? " (its client is away and may come back)" : ""
                    let others = "lets others \(holder.shareAccess.rightsText)"
                    return "\(holder.user) from \(holder.client) has it open for \(holder.access.rightsText) and "
                        + "\(others)\(absence)"
                } ?? "somebody has it, or a stream of it, open"
            return RefusalReason(
                .shareMode, "\(who); asked for was \(subject.access.expandingGenericRights.rightsText)",
                remedy: "let the other program close it (apus who shows it, apus file close ends it)")
        case .deletePending:
            return RefusalReason(
                .shareMode, "it is deleted already, and goes once everybody has closed it",
                remedy: "let those close it who have it open (apus who)")
        case .openElsewhere:
            return RefusalReason(
                .shareMode, "the file, or one in the folder, is open elsewhere",
                remedy: "let those close it who have it open (apus who)")
        case .lockedRange:
            return RefusalReason(
                .lock, "another open has locked a part of this range", remedy: "let its program unlock or close it")
        case .localProgram:
            return RefusalReason(
                .lock, "a program on the server itself has the file locked, or runs it", remedy: "end that program")
        case .handle(let missing):
            return RefusalReason(
                .request, "the program opened the file without asking for: \(missing.rightsText)",
                remedy: "nothing here: the program must open it for that")
        default: return nil
        }
    }

    // MARK: what the words are made of

    var user: String { subject.user.isEmpty ? "the user" : subject.user }
    var components: [NTName] { (try? NTPath(clientName: NTName(subject.path)).components) ?? [] }
    private func name(_ index: Int) -> String { components.indices.contains(index) ? "\(components[index])" : "?" }

    /// The path on this machine of the first `depth` names.
    func local(_ depth: Int) -> String {
        let root = share?.path ?? "[\(subject.share)]"
        return ([root] + components.prefix(depth).map { "\($0)" }).joined(separator: "/")
    }
    func quoted(_ path: String) -> String {
        let isPlain = path.allSatisfy { $0.isLetter || $0.isNumber || "/._-+@".contains($0) }
        return isPlain
            ? path
            : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    func facts(_ depth: Int) -> AccessFacts? {
        guard let store = subject.store, let credentials = subject.credentials else { return nil }
        return store.accessFacts(of: NTPath(components: Array(components.prefix(depth))), as: credentials)
    }

    /// "/srv/x is rwxr-x--- of bob:users".
    func owned(_ path: String, _ mode: UInt16, _ depth: Int) -> String {
        let owners = facts(depth).map { " of \(Names.user($0.owner)):\(Names.group($0.group))" } ?? ""
        return "\(path) is \(Names.mode(UInt32(mode)))\(owners)"
    }

    /// Which class of users chmod(1) would have to give something: u, g or o.
    func letter(_ depth: Int) -> String {
        guard let facts = facts(depth), let me = subject.credentials else { return "o" }
        if facts.owner == me.userID { return "u" }
        return facts.group == me.groupID || me.groups.contains(facts.group) ? "g" : "o"
    }
}
