import FuzzDriver
import NTTypes

@testable import ControlPlane

@_cdecl("FuzzControlPlane_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt {
    fuzz(count, arguments, seeds: seeds, run: fuzzControlPlane)
}

/// By the first byte a request, an answer, a query or a fact. There is one encoding of each, so that what is read must
/// be written the same way again.
private func fuzzControlPlane(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let message = Array(input.dropFirst())
    switch kind & 3 {
    case 0: if let request = ControlPlaneRequest(decoding: message) { precondition(request.encode() == message) }
    case 1: if let answer = ControlPlaneAnswer(decoding: message) { precondition(answer.encode() == message) }
    case 2: if let query = DataPlaneQuery(decoding: message) { precondition(query.encode() == message) }
    default:
        // What is too long for a list is cut when it is written.
        guard let fact = DataPlaneFact(decoding: message).map({ $0.encode() }) else { return }
        precondition(fact.count <= ControlPlaneRequest.byteCountMax)
        precondition(DataPlaneFact(decoding: fact)?.encode() == fact)
    }
}

private func seeds() -> [String: [UInt8]] {
    let login = LoginOutcome(
        user: "alice", domain: "D", mustHaveAccount: true, sessionKey: [1, 2, 3, 4], isGuest: false,
        isAnonymous: false, expiry: 12)
    let requests: [ControlPlaneRequest] = [
        .initialToken, .authenticate(exchange: 7, isContinued: true, token: [1, 2], remoteAddress: "192.0.2.1"),
        .resumeExchange(exchange: 8, tokens: [[1], [2, 3]]), .abandon(exchange: 9),
        .connectTree(
            share: "S", user: "U", isGuest: false, isAnonymous: false, groupIDs: [4, 5], connectionCount: 1,
            remoteAddress: "::1"),
        .heartbeat(isVerbose: false), .pipe(.find(name: "srvsvc")),
        .pipe(.transact(pipe: 3, input: [1, 2])), .pipe(.close(pipe: 3)),
        .pipe(
            .open(
                pipe: 1, name: "srvsvc", user: "U", domain: "D", isGuest: false, isAnonymous: false,
                isAdministrator: true, remoteAddress: "::1", records: [PipeRecord(number: 1, value: [2])])),
    ]
    let answers: [ControlPlaneAnswer] = [
        .acknowledged, .token([1]), .authenticationContinues(token: [2]), .authenticated(token: [3], login),
        .refused(status: 0xC000_006D), .exchangeUnknown,
        .treeGranted(share: "S", readOnly: RefusalReason(.share, "f:1: read only = yes", remedy: "R", user: "U")),
        .pipe(
            PipeAnswer(
                messages: [[1], [2, 3]], hasMore: true, unfinishedByteCount: 4,
                records: [PipeRecord(number: 5, value: [6])])),
    ]
    let queries: [DataPlaneQuery] = [
        .userID(name: "U"), .userName(number: 7), .domain, .sessions(user: "U", after: 3),
        .treeConnects(user: nil, after: 4), .openFiles(user: "U", after: 5), .closeFile(identifier: 6),
        .endSessions(client: "::1", user: "U"),
        .addShare(name: "S", path: "/s", comment: "C", connectionCountMax: 7),
        .changeShare(name: "S", comment: "C", connectionCountMax: 7), .removeShare(name: "S"),
    ]
    let facts: [DataPlaneFact] = [
        .number(7), .name("U"), .numbers([1, 2]), .done(true), .shareChange(.done),
        .sessions([SessionFact(identifier: 1, user: "U", client: "::1", isGuest: true, openFileCount: 2, age: 3)]),
        .treeConnects([
            TreeConnectFact(identifier: 1, share: "S", user: "U", client: "::1", openFileCount: 2, age: 3)
        ]),
        .openFiles([OpenFileFact(identifier: 1, path: "p", share: "S", user: "U", lockCount: 2, access: 3)]),
    ]
    let messages =
        requests.map { [0] + $0.encode() } + answers.map { [1] + $0.encode() } + queries.map { [2] + $0.encode() }
        + facts.map { [3] + $0.encode() }
    return Dictionary(uniqueKeysWithValues: messages.enumerated().map { ("seed\($0.offset)", $0.element) })
}
