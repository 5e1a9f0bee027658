import Platform
import Testing

@testable import ControlPlane

/// What the control plane asks back while it answers.
struct DataPlaneQueryTests {
    static let queries: [DataPlaneQuery] = [
        .userID(name: "alice"), .groupID(name: "staff"), .userName(number: 7), .groupName(number: 8),
        .domain, .sessions(user: nil, after: 3), .treeConnects(user: "alice", after: 0),
        .openFiles(user: nil, after: .max), .closeFile(identifier: 9), .endSessions(client: "192.0.2.1", user: nil),
        .addShare(name: "S", path: "/srv/s", comment: "", connectionCountMax: 7),
        .changeShare(name: "S", comment: nil, connectionCountMax: nil),
        .changeShare(name: "S", comment: "c", connectionCountMax: 0), .removeShare(name: "S"),
    ]
    static let facts: [DataPlaneFact] = [
        .number(7), .number(nil), .name("alice"), .name(nil), .numbers([1, 2, 3]), .done(true), .shareChange(.done),
        .shareChange(.failed),
        .sessions([
            SessionFact(identifier: 1, user: "alice", client: "::1", isGuest: false, openFileCount: 2, age: 3)
        ]),
        .treeConnects([
            TreeConnectFact(identifier: 1, share: "Data", user: "alice", client: "::1", openFileCount: 2, age: 3)
        ]),
        .openFiles([
            OpenFileFact(identifier: 1, path: "a\\b", share: "Data", user: "alice", lockCount: 2, access: 0x12_0089)
        ]),
    ]

    @Test(arguments: queries) func queriesComeBackAsTheyWere(_ query: DataPlaneQuery) {
        let bytes = query.encode()
        #expect(DataPlaneQuery.isQuery(bytes))
        #expect(ControlPlaneAnswer(decoding: bytes) == nil)
        #expect(DataPlaneQuery(decoding: bytes) == query)
        for count in 0..<bytes.count { #expect(DataPlaneQuery(decoding: Array(bytes[..<count])) == nil) }
    }

    @Test(arguments: facts) func factsComeBackAsTheyWere(_ fact: DataPlaneFact) {
        let bytes = fact.encode()
        #expect(DataPlaneFact(decoding: bytes) == fact)
        for count in 0..<bytes.count { #expect(DataPlaneFact(decoding: Array(bytes[..<count])) == nil) }
        #expect(DataPlaneFact(decoding: bytes + [0]) == nil)
    }

    @Test func theLargestPartOfAListFitsAMessage() {
        let name = String(repeating: "n", count: 70_000)
        let entry = OpenFileFact(identifier: 1, path: name, share: name, user: name, lockCount: 0, access: 0)
        let bytes = DataPlaneFact.openFiles([OpenFileFact](repeating: entry, count: 1000)).encode()
        #expect(bytes.count <= ControlPlaneRequest.byteCountMax)
        guard case .openFiles(let part)? = DataPlaneFact(decoding: bytes) else {
            Issue.record("is no list")
            return
        }
        #expect(part.count == DataPlaneFact.entryCountMax)
    }

    @Test func sharesAreChangedForAdministratorsAlone() {
        for query in Self.queries {
            switch query {
            case .addShare, .changeShare, .removeShare: #expect(query.scope == .everything)
            default: continue
            }
        }
    }

    /// Clients choose these texts, and a message that is none would end the control plane.
    @Test func whatNoMessageHoldsIsNotAsked() {
        let long = String(repeating: "n", count: LoginOutcome.nameByteCountMax + 1)
        let queries: [DataPlaneQuery] = [
            .userID(name: long), .groupID(name: long), .sessions(user: long, after: 0),
            .treeConnects(user: long, after: 0), .openFiles(user: long, after: 0),
            .endSessions(client: long, user: nil), .endSessions(client: nil, user: long),
            .addShare(name: long, path: "", comment: "", connectionCountMax: 0),
            .addShare(name: "", path: long, comment: "", connectionCountMax: 0),
            .addShare(name: "", path: "", comment: long, connectionCountMax: 0),
            .changeShare(name: long, comment: nil, connectionCountMax: nil),
            .changeShare(name: "", comment: long, connectionCountMax: nil), .removeShare(name: long),
        ]
        for query in queries {
            #expect(DataPlaneQuery(decoding: query.encode()) == nil)
            #expect(!query.isSendable)
        }
        for query in Self.queries { #expect(query.isSendable) }
    }

    private final class Curious: ControlPlaneHandler {
        func answer(_ request: ControlPlaneRequest, asking dataPlane: DataPlaneClient) -> ControlPlaneAnswer {
            guard case .name(let name?)? = dataPlane.ask(.userName(number: 7)) else { return .exchangeUnknown }
            guard case .number(let number?)? = dataPlane.ask(.userID(name: name)) else { return .exchangeUnknown }
            return .refused(status: number)
        }
    }
    private final class Facts: DataPlaneFacts {
        func answer(_ query: DataPlaneQuery) -> DataPlaneFact {
            query == .userName(number: 7) ? .name("alice") : .number(0xC000_0001)
        }
    }

    @Test func questionsAreAnsweredBeforeTheAnswer() throws {
        let client = ControlPlaneClient()
        let (near, far) = try #require(Channel.makePair())
        let isStarted = ControlPlaneServer.start(
            channels: [far], handler: Curious(), gate: Semaphore(count: 1), ended: {})
        #expect(isStarted)
        client.adopt([near])
        client.answerQueries(with: Facts())
        #expect(client.ask(.pipe(.find(name: "x")), answering: .names) == .refused(status: 0xC000_0001))
        client.close()
    }
}
