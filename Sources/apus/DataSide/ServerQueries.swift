import ControlPlane
import NTTypes
import SMBServer

/// Answers what the control plane asks back.
final class ServerQueries: DataPlaneFacts {
    private let server: Server
    private let domain: DomainIdentity
    private let shares: RemoteShares

    init(server: Server, domain: DomainIdentity, shares: RemoteShares) {
        self.server = server
        self.domain = domain
        self.shares = shares
    }

    func answer(_ query: DataPlaneQuery) -> DataPlaneFact {
        let limit = DataPlaneFact.entryCountMax
        switch query {
        // A name or number that is shown to somebody: what the name service cannot say stays unmapped.
        case .userID(let name): return .number(try? UnixAccounts.identity(of: name)?.userID)
        case .groupID(let name): return .number(try? UnixAccounts.groupID(of: name))
        case .userName(let number): return .name(try? UnixAccounts.userName(of: number))
        case .groupName(let number): return .name(try? UnixAccounts.groupName(of: number))
        case .domain: return .numbers(domain.subauthorities)
        case .sessions(let user, let after):
            return .sessions(server.sessionStates(user: user, after: after, limit: limit).map(SessionFact.init))
        case .treeConnects(let user, let after):
            return .treeConnects(
                server.treeConnectStates(user: user, after: after, limit: limit).map(TreeConnectFact.init))
        case .openFiles(let user, let after):
            return .openFiles(server.openStates(user: user, after: after, limit: limit).map(OpenFileFact.init))
        case .closeFile(let identifier): return .done(server.closeOpen(identifier))
        case .endSessions(let client, let user): return .done(server.endSessions(client: client, user: user))
        case .addShare(let name, let path, let comment, let connectionCountMax):
            return .shareChange(
                shares.add(name: name, path: path, comment: comment, connectionCountMax: connectionCountMax))
        case .changeShare(let name, let comment, let connectionCountMax):
            return .shareChange(shares.change(name, comment: comment, connectionCountMax: connectionCountMax))
        case .removeShare(let name):
            let change = shares.remove(name)
            if change == .done { server.endTreeConnects(of: name) }
            return .shareChange(change)
        }
    }
}

extension SessionFact {
    init(_ state: SessionState) {
        self.init(
            identifier: state.identifier, user: state.user, client: state.client, isGuest: state.isGuest,
            openFileCount: UInt32(clamping: state.openCount), age: UInt32(clamping: state.age))
    }
}

extension TreeConnectFact {
    init(_ state: TreeConnectState) {
        self.init(
            identifier: state.identifier, share: state.share, user: state.user, client: state.client,
            openFileCount: UInt32(clamping: state.openCount), age: UInt32(clamping: state.age))
    }
}

extension OpenFileFact {
    init(_ state: OpenState) {
        self.init(
            identifier: state.identifier, path: state.path, share: state.share, user: state.user,
            lockCount: UInt32(clamping: state.lockCount), access: state.access.rawValue)
    }
}
