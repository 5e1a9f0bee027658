import Administration
import Glibc
import NTTypes
import SMBServer
import SMBWire
import Transport

/// `status`: one line for the server, then one for each connection, session, tree connect, open, lease and lock, each
/// under its kind.
enum StatusVerb {
    /// Of each kind at most.
    private static let entryCountMax = 10_000

    static func make(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("status") { request, reply throws(AdminError) in
            var limit = entryCountMax
            if request.parameters["limit"] != nil { limit = min(limit, Int(clamping: try request.number("limit"))) }
            _ = answer(subject, limit: limit, reply)
        }
    }

    private static func answer(_ subject: AdminSide.Subject, limit: Int, _ reply: any AdminReply) -> Bool {
        let server = subject.server
        let connections = subject.transport.receivers.prefix(limit)
            .compactMap { ($0 as? ConnectionAdapter)?.description }.sorted { $0.identifier < $1.identifier }
        return reply.send(["server": describe(subject)])
            && connections.allSatisfy { reply.send(["connection": describe($0)]) }
            && server.sessionStates(user: nil, after: 0, limit: limit).allSatisfy {
                reply.send(["session": describe($0)])
            }
            && server.treeConnectStates(user: nil, after: 0, limit: limit).allSatisfy {
                reply.send(["tree": describe($0)])
            }
            && server.openStates(user: nil, after: 0, limit: limit).allSatisfy { reply.send(["open": describe($0)]) }
            && server.leaseStates(limit: limit).allSatisfy { reply.send(["lease": describe($0)]) }
            && server.lockStates(limit: limit).allSatisfy { reply.send(["lock": describe($0)]) }
    }

    private static func describe(_ subject: AdminSide.Subject) -> JSON {
        let occupancy = subject.server.occupancy
        let age = (Clock.wall().rawValue - subject.start.rawValue) / 10_000_000
        return [
            "name": .string(subject.server.settings.name), "version": .string(ApusCommand.versionText),
            "uptime": JSON(age), "connections": JSON(subject.transport.connectionCount),
            "sessions": JSON(occupancy.sessions), "opens": JSON(occupancy.opens),
            "threads": JSON(subject.transport.threadCount), "clock": JSON(Clock.uptime()), "process": JSON(getpid()),
            "shares": .array(subject.servedShareNames().map { .string($0) }),
        ]
    }

    private static func describe(_ state: ConnectionState) -> JSON {
        [
            "id": JSON(state.identifier), "client": .string(state.client),
            "dialect": state.dialect.map { .string(WireNames.dialect($0)) } ?? .null,
            "client_guid": state.clientGUID.map { .string($0.text) } ?? .null,
            "cipher": WireNames.cipher(state.cipher).map { .string($0) } ?? .null,
            "signing": state.dialect == nil ? .null : .string(WireNames.signing(state.signingAlgorithm)),
            "sessions": JSON(state.sessionCount), "waiting": JSON(state.parkedRequestCount),
            "messages": JSON(state.messageCount), "age": JSON(state.age),
        ]
    }

    private static func describe(_ state: SessionState) -> JSON {
        [
            "id": JSON(state.identifier), "user": .string(state.user), "domain": .string(state.domain),
            "client": .string(state.client), "guest": JSON(state.isGuest), "anonymous": JSON(state.isAnonymous),
            "dialect": .string(WireNames.dialect(state.dialect)), "signed": JSON(state.requiresSigning),
            "encrypted": JSON(state.requiresEncryption), "connections": .array(state.connections.map { JSON($0) }),
            "trees": JSON(state.treeConnectCount), "opens": JSON(state.openCount), "age": JSON(state.age),
        ]
    }

    private static func describe(_ state: TreeConnectState) -> JSON {
        [
            "id": JSON(state.identifier), "session": JSON(state.session), "share": .string(state.share),
            "user": .string(state.user), "client": .string(state.client), "writable": JSON(state.isWritable),
            "opens": JSON(state.openCount), "read_bytes": JSON(state.readByteCount),
            "written_bytes": JSON(state.writtenByteCount), "requests": JSON(state.requestCount),
            "age": JSON(state.age),
        ]
    }

    static func describe(_ state: OpenState) -> JSON {
        [
            "id": JSON(state.identifier), "session": JSON(state.session), "share": .string(state.share),
            "path": .string(state.path), "directory": JSON(state.isDirectory), "user": .string(state.user),
            "client": .string(state.client), "access": .string(state.access.words),
            "access_mask": JSON(state.access.rawValue), "share_access": .string(state.shareAccess.words),
            "caching": .string(state.caching), "lease": JSON(state.isLease), "locks": JSON(state.lockCount),
            "since": .string(state.creationTime.text),
        ]
    }

    private static func describe(_ state: LeaseState) -> JSON {
        [
            "client_guid": .string(state.clientGUID.text), "key": .string(state.key.text),
            "share": .string(state.share), "path": .string(state.path), "caching": .string(state.caching),
            "breaking_to": state.breakingTo.map { .string($0) } ?? .null, "opens": JSON(state.openCount),
        ]
    }

    private static func describe(_ state: LockState) -> JSON {
        [
            "open": JSON(state.open), "share": .string(state.share), "path": .string(state.path),
            "user": .string(state.user), "offset": JSON(state.offset), "length": JSON(state.length),
            "exclusive": JSON(state.isExclusive),
        ]
    }
}
