import NTTypes

@testable import DCERPC

/// A server that stands still.
final class FixedServer: ServerData {
    var server: ServerDescription { ServerDescription(name: "APUS", workgroup: "WORKGROUP", comment: "comment") }
    var actsAsUsers: Bool { true }
    func randomUInt64() -> UInt64 { 0x0102_0304_0506_0708 }
    func now() -> FileTime { FileTime(unixSeconds: 1_795_564_800, nanoseconds: 0) }
    func shares() -> [ShareDescription] {
        [
            ShareDescription(name: "test", comment: "", kind: .disk, path: "/srv/test"),
            ShareDescription(name: "IPC$", comment: "IPC", kind: .pipes, path: ""),
        ]
    }
    func sessions() -> [SessionDescription] {
        [
            SessionDescription(
                user: "alice", client: "127.0.0.1", isGuest: false, openFileCount: 1, age: 10, idleTime: 5),
            SessionDescription(user: "bob", client: "10.0.0.1", isGuest: false, openFileCount: 2, age: 3, idleTime: 0),
        ]
    }
    func treeConnects() -> [TreeConnectDescription] { [] }
    func openFiles() -> [OpenFileDescription] { [] }
    func closeFile(_ identifier: UInt32) -> Bool { identifier == 7 }
    func endSessions(client _: String?, user: String?) -> Bool { user == "bob" }
}

extension Caller {
    static let alice = Caller(user: "alice", domain: "APUS", address: "127.0.0.1")
    static let root = Caller(user: "root", domain: "APUS", isAdministrator: true, address: "127.0.0.1")
    static let anonymous = Caller(user: "", domain: "", isAnonymous: true, address: "127.0.0.1")
}
