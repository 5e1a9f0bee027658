/// Why a check refused a request, in the numbers that the check had at hand.
///
/// It travels inside the `NTStatus` that the check throws, so that the code that decides is the code that gives the
/// reason; the client never sees it. Texts are made of it only when somebody asks (`apus denials`, `apus why`).
public enum RefusalCause: Hashable, Sendable {
    // MARK: signing and sealing
    case wrongSignature
    /// The session must sign, and the request was not.
    case unsigned
    /// `smb3 encryption`, and the request came in the clear.
    case unsealed
    /// `smb encrypt` of the share.
    case unsealedShare
    /// The server demands to sign or seal, and a guest or anonymous user has no key to do it with.
    case guestWithoutKey
    /// The server demands to seal, and the client has no cipher.
    case clientWithoutCipher

    // MARK: login
    case unknownAccount
    case wrongPassword
    /// `ntlm auth`.
    case oldNTLM
    case anonymous
    case ticket
    case malformedToken

    // MARK: share
    /// `read only`, `read list`; the tree connect knows which. - missing: the rights that were asked for beyond.
    case readOnlyShare(missing: AccessMask)

    // MARK: names; `component` counts the path's names, 0 for the first
    case vetoed(component: Int)
    case symbolicLink(component: Int)
    /// Names may not be looked up in the folder above `component`. - mode: the folder's permission bits.
    case noPassage(component: Int, mode: UInt16)
    /// The folder that holds the path's last name takes no new one.
    case closedFolder(mode: UInt16)
    /// The folder's own list does not let entries be added.
    case closedFolderByList(missing: AccessMask)
    /// The right to delete comes from the file or its folder, and neither gives it.
    case undeletable
    case shareRoot

    // MARK: the file's own
    /// Mode bits, or a POSIX ACL, do not give these rights.
    case mode(missing: AccessMask, mode: UInt16)
    /// An entry of the NT list takes them away. - entry: counted from 0.
    case deniedByList(missing: AccessMask, entry: Int)
    /// No entry of the NT list gives them.
    case notInList(missing: AccessMask)
    case readOnlyAttribute
    /// Who overwrites a hidden or system file must say that it is one.
    case hiddenAttribute
    /// chattr(1): immutable or append-only.
    case immutable
    case readOnlyFileSystem
    /// What only root may do.
    case privilege
    /// Linux said no, with this error, and none of the above explains it.
    case linux(errno: Int)

    // MARK: other opens
    /// - holder: the open in the way, by its volatile FileId; 0 where it is not known.
    case shareMode(holder: UInt64)
    case deletePending
    case openElsewhere
    case lockedRange
    /// A program on the server itself has the file locked or runs it.
    case localProgram

    // MARK: the request
    /// The handle was opened without these rights.
    case handle(missing: AccessMask)
    /// The request asks for what nobody can be given.
    case request
}

/// Where on its way a request was refused, in the order of the way.
public enum RefusalStage: UInt8, Sendable, CaseIterable {
    case network = 1, signing, login, share, path, mode, list, attribute, shareMode, lock, fileSystem, request

    public var name: String {
        switch self {
        case .network: "network"
        case .signing: "signing"
        case .login: "login"
        case .share: "share"
        case .path: "path"
        case .mode: "mode"
        case .list: "ACL"
        case .attribute: "attribute"
        case .shareMode: "share mode"
        case .lock: "lock"
        case .fileSystem: "file system"
        case .request: "request"
        }
    }
}

/// A refusal in words: of those who decide by a configuration, and for people.
public struct RefusalReason: Hashable, Sendable {
    /// Longest text, in bytes; what is longer is cut.
    public static let textByteCountMax = 1000

    public var stage: RefusalStage
    /// What decided, with file and line where there is one.
    public var rule: String
    /// What would allow it.
    public var remedy: String
    /// Who asked, where only the one who decided knows; else empty.
    public var user: String

    public init(_ stage: RefusalStage, _ rule: String, remedy: String, user: String = "") {
        self.stage = stage
        self.rule = rule.cut(to: Self.textByteCountMax)
        self.remedy = remedy.cut(to: Self.textByteCountMax)
        self.user = user.cut(to: Self.textByteCountMax)
    }
}

extension String {
    fileprivate func cut(to byteCount: Int) -> String {
        guard utf8.count > byteCount else { return self }
        var text = self
        while text.utf8.count > byteCount { text.removeLast() }
        return text
    }
}
