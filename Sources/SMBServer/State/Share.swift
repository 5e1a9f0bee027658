import FileStore
import NTTypes

/// A share as the engine sees it, [MS-SMB2] 3.3.1.6. Never changes; a reload makes a new one for those who connect
/// then.
public final class Share: Sendable {
    public enum Kind: Sendable {
        case disk(any FileStore)
        /// IPC$.
        case pipes
    }
    public let name: String
    public let comment: String
    public let kind: Kind
    /// Share.EncryptData: requests must come sealed.
    public let requiresEncryption: Bool
    /// Names of [MS-SMB2] 2.2.10 ShareFlags and Capabilities are computed from these.
    public let isCaseSensitive: Bool
    /// The POSIX extensions may be used here.
    public let allowsPOSIX: Bool
    /// 8.3 names.
    public let shortNames: ShortNames
    public enum ShortNames: Sendable {
        case none
        /// Told to who asks for a file's, and found; not in lists.
        case onRequest
        case listed
    }
    /// Patterns of names that nobody sees; `veto files`.
    public let hides: @Sendable (NTName) -> Bool
    /// Names shown with the hidden attribute; `hide dot files`.
    public let marksHidden: @Sendable (NTName) -> Bool

    /// CHANGE_NOTIFY works here; `change notify`.
    public let reportsChanges: Bool
    /// Changes by other programs are seen, told to who watches, and break leases on folders; `kernel change notify`.
    public let followsLocalChanges: Bool

    /// Byte-range locks and those of other programs are seen on either side; `posix locking`.
    public let showsLocksLocally: Bool

    /// Other programs that open a file wait until clients have written back what they cache of it; `kernel oplocks`.
    public let guardsAgainstLocalUse: Bool

    /// Oplocks and leases are granted; `oplocks`.
    public let allowsCaching: Bool

    /// Opens survive a lost connection; `durable handles`.
    public let allowsDurability: Bool

    /// Macs may back up to it: they are told that a flush is one to the disk; `time machine`.
    public let takesBackups: Bool

    /// Lists leave out what the user may not read: SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM.
    public let enumeratesByAccess: Bool

    public init(
        name: String, comment: String = "", kind: Kind, requiresEncryption: Bool = false, isCaseSensitive: Bool = false,
        allowsPOSIX: Bool = true, shortNames: ShortNames = .none, enumeratesByAccess: Bool = false,
        reportsChanges: Bool = true,
        followsLocalChanges: Bool = true, showsLocksLocally: Bool = true,
        guardsAgainstLocalUse: Bool = false, allowsCaching: Bool = true, allowsDurability: Bool = true,
        takesBackups: Bool = false,
        hides: @escaping @Sendable (NTName) -> Bool = { _ in false },
        marksHidden: @escaping @Sendable (NTName) -> Bool = { _ in false }
    ) {
        self.name = name
        self.comment = comment
        self.kind = kind
        self.requiresEncryption = requiresEncryption
        self.isCaseSensitive = isCaseSensitive
        self.allowsPOSIX = allowsPOSIX
        self.shortNames = shortNames
        self.enumeratesByAccess = enumeratesByAccess
        self.reportsChanges = reportsChanges
        self.followsLocalChanges = followsLocalChanges
        self.showsLocksLocally = showsLocksLocally
        self.guardsAgainstLocalUse = guardsAgainstLocalUse
        self.allowsCaching = allowsCaching
        self.allowsDurability = allowsDurability
        self.takesBackups = takesBackups
        self.hides = hides
        self.marksHidden = marksHidden
    }
}
