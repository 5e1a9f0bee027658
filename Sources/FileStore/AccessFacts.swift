import NTTypes

/// By what rules a file is judged, for people to read: `apus why`, `apus denials`.
public struct AccessFacts: Sendable {
    /// Type and permission bits, inode(7).
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32
    /// The NT list that a client has set and that counts; nil where mode and POSIX ACL decide.
    public var list: [AccessControlEntry]?
    /// The entry of a POSIX ACL by which the user is judged, as acl(5) has it: "user", "group" or "other", of whom, and
    /// rwx before and after the mask; nil where there is none but the mode.
    public var posixEntry: (kind: String, number: UInt32?, permissions: UInt32, effective: UInt32)?
    /// Whom the list's SIDs stand for.
    public var mapping: IdentifierMapping

    public init(
        mode: UInt32, owner: UInt32, group: UInt32, list: [AccessControlEntry]?,
        posixEntry: (kind: String, number: UInt32?, permissions: UInt32, effective: UInt32)?,
        mapping: IdentifierMapping
    ) {
        self.mode = mode
        self.owner = owner
        self.group = group
        self.list = list
        self.posixEntry = posixEntry
        self.mapping = mapping
    }
}
