import Configuration
import DCERPC
import NTTypes
import Platform
import SMBCrypto

/// What the RPC services tell, from the configuration.
final class ServerFacts: ServerData {
    private let configuration: Mutex<ServerConfiguration>
    private let clock: @Sendable () -> FileTime
    /// Files are touched as the users who log in, so that root among them is root.
    let actsAsUsers: Bool

    init(configuration: ServerConfiguration, actsAsUsers: Bool, now: @escaping @Sendable () -> FileTime) {
        self.configuration = Mutex(configuration)
        self.actsAsUsers = actsAsUsers
        clock = now
    }

    func replace(_ new: ServerConfiguration) { configuration.withLock { $0 = new } }

    var server: ServerDescription {
        let current = configuration.withLock { $0 }
        return ServerDescription(name: current.name, workgroup: current.workgroup, comment: current.comment)
    }
    func randomUInt64() -> UInt64 { randomBytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } }
    func now() -> FileTime { clock() }

    func shares() -> [ShareDescription] {
        let current = configuration.withLock { $0 }
        let disks = current.shares.map { share in
            ShareDescription(
                name: share.name, comment: share.comment, kind: .disk, path: share.path,
                isBrowseable: share.isBrowseable,
                connectionCountMax: share.connectionCountMax > 0 ? UInt32(clamping: share.connectionCountMax) : nil,
                requiresEncryption: share.encryption == .required)
        }
        return disks + [
            ShareDescription(name: "IPC$", comment: "IPC Service (\(current.comment))", kind: .pipes, path: "")
        ]
    }

    func sessions() -> [SessionDescription] { [] }
    func treeConnects() -> [TreeConnectDescription] { [] }
    func openFiles() -> [OpenFileDescription] { [] }
    func closeFile(_: UInt32) -> Bool { false }
    func endSessions(client _: String?, user _: String?) -> Bool { false }
}
