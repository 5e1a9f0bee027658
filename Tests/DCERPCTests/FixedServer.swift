import NTTypes
import Platform

@testable import DCERPC

/// A server that stands still.
final class FixedServer: ServerData {
    var server: ServerDescription { ServerDescription(name: "APUS", workgroup: "WORKGROUP", comment: "comment") }
    private let randomCount = Mutex<UInt64>(0)
    func randomUInt64() -> UInt64 {
        randomCount.withLock { count in
            count += 2
            return 0x0102_0304_0506_0700 + count
        }
    }
    func now() -> FileTime { FileTime(unixSeconds: 1_795_564_800, nanoseconds: 0) }
    func shares() -> [ShareDescription] {
        [
            ShareDescription(name: "test", comment: "", kind: .disk, path: "/srv/test"),
            ShareDescription(name: "IPC$", comment: "IPC", kind: .pipes, path: ""),
        ]
    }
    func sessions(of user: String?) -> [SessionDescription] {
        let all = [
            SessionDescription(
                user: "alice", client: "127.0.0.1", isGuest: false, openFileCount: 1, age: 10, idleTime: 5),
            SessionDescription(user: "bob", client: "10.0.0.1", isGuest: false, openFileCount: 2, age: 3, idleTime: 0),
        ]
        return all.filter { user == nil || $0.user == user }
    }
    func treeConnects(of _: String?) -> [TreeConnectDescription] { [] }
    func openFiles(of _: String?) -> [OpenFileDescription] { [] }
    var accountDomain: AccountDescription {
        AccountDescription(kind: .domain, name: "APUS", domain: "APUS", sid: SID(5, 21, 1, 2, 3))
    }
    func user(relativeID: UInt32) -> AccountDescription? { users().first { $0.sid.relativeID == relativeID } }
    func users() -> [AccountDescription] {
        [
            AccountDescription(
                kind: .user, name: "alice", domain: "APUS", sid: SID(5, 21, 1, 2, 3, 3000), fullName: "Alice A."),
            AccountDescription(kind: .user, name: "bob", domain: "APUS", sid: SID(5, 21, 1, 2, 3, 3002)),
        ]
    }
    private var group: AccountDescription {
        AccountDescription(kind: .group, name: "staff", domain: "APUS", sid: SID(5, 21, 1, 2, 3, 1101))
    }
    func account(_ sid: SID) -> AccountDescription? { (users() + [group]).first { $0.sid == sid } }
    func account(named name: String, domain: String?) -> AccountDescription? {
        (users() + [group]).first { $0.name == name.lowercased() && (domain == nil || domain == $0.domain) }
    }
    func closeFile(_ identifier: UInt32) -> Bool { identifier == 7 }
    func endSessions(client _: String?, user: String?) -> Bool { user == "bob" }
    /// Changes that were asked for; all are done.
    let changes = Mutex<[String]>([])
    private func note(_ words: String?...) -> ShareChangeOutcome {
        changes.withLock { $0.append(words.map { $0 ?? "-" }.joined(separator: " ")) }
        return .done
    }
    func addShare(_ share: ShareDescription) -> ShareChangeOutcome {
        note("add", share.name, share.path, share.comment, share.connectionCountMax.map { "\($0)" })
    }
    func changeShare(_ name: String, comment: String?, connectionCountMax: UInt32?) -> ShareChangeOutcome {
        note("change", name, comment, connectionCountMax.map { "\($0)" })
    }
    func removeShare(_ name: String) -> ShareChangeOutcome { note("remove", name) }
}

extension Caller {
    static let alice = Caller(user: "alice", domain: "APUS", address: "127.0.0.1")
    static let root = Caller(user: "root", domain: "APUS", isAdministrator: true, address: "127.0.0.1")
    static let anonymous = Caller(user: "", domain: "", isAnonymous: true, address: "127.0.0.1")
}
