import DCERPC
import NTTypes

/// A server with a little of everything, whose random numbers can be told from what else is in a message.
final class FuzzServer: ServerData, @unchecked Sendable {
    static let mark: ArraySlice<UInt8> = [0xAB, 0xCD, 0xEF, 0x01]
    private var count: UInt64 = 0

    var server: ServerDescription { ServerDescription(name: "APUS", workgroup: "WORKGROUP", comment: "comment") }
    func randomUInt64() -> UInt64 {
        count += 2
        return 0x01EF_CDAB_0000_0000 | count
    }
    func now() -> FileTime { FileTime(unixSeconds: 1_795_564_800, nanoseconds: 0) }
    func shares() -> [ShareDescription] {
        [
            ShareDescription(name: "test", comment: "a share", kind: .disk, path: "/srv/test", connectionCountMax: 3),
            ShareDescription(name: "hidden", comment: "", kind: .disk, path: "/srv/hidden", isBrowseable: false),
            ShareDescription(name: "IPC$", comment: "IPC", kind: .pipes, path: ""),
        ]
    }
    func sessions(of user: String?) -> [SessionDescription] {
        let all = ["alice", "bob"].map {
            SessionDescription(
                user: $0, client: "192.0.2.1", isGuest: false, openFileCount: 1, age: 10, idleTime: 5)
        }
        return all.filter { user == nil || $0.user == user }
    }
    func treeConnects(of _: String?) -> [TreeConnectDescription] {
        [
            TreeConnectDescription(
                identifier: 3, share: "test", user: "alice", client: "192.0.2.1", openFileCount: 1, age: 9)
        ]
    }
    func openFiles(of _: String?) -> [OpenFileDescription] {
        (0..<5).map {
            OpenFileDescription(
                identifier: $0, path: "folder\\file \($0)", share: "test", user: "alice", lockCount: 1, access: 3)
        }
    }
    func closeFile(_ identifier: UInt32) -> Bool { identifier == 3 }
    func endSessions(client _: String?, user: String?) -> Bool { user == "bob" }
    func addShare(_ share: ShareDescription) -> ShareChangeOutcome {
        share.path.hasPrefix("/srv/") ? .done : .forbidden
    }
    func changeShare(_ name: String, comment: String?, connectionCountMax _: UInt32?) -> ShareChangeOutcome {
        name == "test" && comment != "none" ? .done : .forbidden
    }
    func removeShare(_ name: String) -> ShareChangeOutcome { name == "test" ? .done : .missing }

    private static let domain = SID(5, 21, 1, 2, 3)
    var accountDomain: AccountDescription {
        AccountDescription(kind: .domain, name: "APUS", domain: "APUS", sid: Self.domain)
    }
    private func account(_ kind: AccountKind, _ name: String, _ relativeID: UInt32) -> AccountDescription {
        AccountDescription(
            kind: kind, name: name, domain: "APUS", sid: SID(5, 21, 1, 2, 3, relativeID), fullName: "\(name) A.")
    }
    func user(relativeID: UInt32) -> AccountDescription? { users().first { $0.sid.relativeID == relativeID } }
    func users() -> [AccountDescription] { [account(.user, "alice", 3000), account(.user, "bob", 3002)] }
    private var all: [AccountDescription] { users() + [account(.group, "staff", 1101)] }
    func account(_ sid: SID) -> AccountDescription? { all.first { $0.sid == sid } }
    func account(named name: String, domain: String?) -> AccountDescription? {
        all.first { $0.name == name.lowercased() && (domain == nil || domain == $0.domain) }
    }
}
