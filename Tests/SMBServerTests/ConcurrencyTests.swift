import EngineHost
import Glibc
import NTTypes
import Platform
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// Clients that pull the ground from under each other: sessions of several channels that are logged off, taken over,
/// disconnected and bound to while others use them. What is looked for is what the sanitizers find, responses that
/// cannot be, and anything that is left at the end. `APUS_TORTURE_SECONDS` says how long. `APUS_TORTURE_PORT` names a
/// server on this machine to be looked at instead of an engine in this process, and `APUS_TORTURE_LOGIN` a user and a
/// password. Tests/Clients/sanitized/45-torture does both.
@Suite("Sessions under fire [MS-SMB2] 3.3.5.5 to 3.3.5.8, 3.3.7.1") struct ConcurrencyTests {
    private static func variable(_ name: String) -> String? {
        // SAFETY: the text is copied before anything could change the environment.
        unsafe getenv("APUS_TORTURE_\(name)").map { unsafe String(cString: $0) }
    }
    private static var seconds: Double { variable("SECONDS").flatMap(Double.init) ?? 1 }

    @Test func nothingIsLeft() async throws {
        if let port = Self.variable("PORT").flatMap(UInt16.init) {
            let login = Self.variable("LOGIN")?.split(separator: " ").map(String.init) ?? []
            try #require(login.count == 2)
            let arena = Arena(user: login[0], password: login[1], share: "test")
            await fight(arena, {}) { try? TestClient(TCPWire(port: port)) }
            #expect(arena.loginCount > 0)
            #expect(arena.problems.isEmpty, "\(arena.problems)")
            return
        }
        let host = try EngineHost { settings in
            settings.isMultichannel = true
            settings.limits.channelCountPerSessionMax = 6
            settings.limits.openCountPerSessionMax = 64
        }
        let arena = Arena(user: EngineHost.user, password: EngineHost.password, share: "share")
        // Breaks that nobody answers are waited for a third of a second.
        await fight(arena, { host.pass(seconds: 1) }) { host.connect() }
        // What is kept for clients that come back is kept for so long.
        for _ in 0..<4 { host.pass(seconds: 200) }
        let server = host.server
        #expect(arena.loginCount > 0)
        #expect(server.sessions.count == 0)
        #expect(server.openCount.load(ordering: .relaxed) == 0)
        #expect(server.files.openCount == 0)
        #expect(server.createReplays.count == 0)
        #expect(host.loginsUnderWay == 0)
        #expect(arena.problems.isEmpty, "\(arena.problems)")
    }

    private func fight(_ arena: Arena, _ tick: () -> Void, _ connect: @escaping () -> TestClient?) async {
        let progress = Progress()
        for number in 0..<8 {
            let client = Assailant(arena, seed: UInt64(number), connect)
            progress.runningCount.wrappingAdd(1, ordering: .relaxed)
            let isStarted = Thread.detach(name: "assailant") {
                while !progress.isOver.load(ordering: .relaxed) { client.step() }
                client.leave()
                progress.runningCount.wrappingSubtract(1, ordering: .releasing)
            }
            #expect(isStarted)
        }
        let end = ContinuousClock.now + .seconds(Self.seconds)
        while ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(10))
            tick()
        }
        progress.isOver.store(true, ordering: .relaxed)
        while progress.runningCount.load(ordering: .acquiring) > 0 {
            try? await Task.sleep(for: .milliseconds(10))
            tick()
        }
    }
}

private final class Progress: Sendable {
    let isOver = Atomic(false)
    let runningCount = Atomic<Int>(0)
}

/// What the clients know of each other.
private final class Arena: Sendable {
    struct Target {
        var session: TestClient.Session
        var trees: [UInt32] = []
        var files: [FileID] = []
    }
    private struct State {
        var targets: [Target] = []
        var loginCount = 0
        var problems: [String] = []
    }
    let user: String
    let password: String
    let share: String
    private let state = Mutex(State())

    init(user: String, password: String, share: String) {
        self.user = user
        self.password = password
        self.share = share
    }

    var loginCount: Int { state.withLock { $0.loginCount } }
    var problems: [String] { state.withLock { $0.problems } }
    func report(_ problem: String) {
        state.withLock { if $0.problems.count < 10 { $0.problems.append(problem) } }
    }

    func add(_ session: TestClient.Session) {
        state.withLock { state in
            state.loginCount += 1
            if state.targets.count == 6 { state.targets.removeFirst() }
            state.targets.append(Target(session: session))
        }
    }
    func target(_ id: UInt64) -> Target? { state.withLock { $0.targets.first { $0.session.id == id } } }
    func any(_ number: UInt64) -> Target? {
        state.withLock { $0.targets.isEmpty ? nil : $0.targets[Int(number % UInt64($0.targets.count))] }
    }
    func change(_ id: UInt64, _ change: @Sendable (inout Target) -> Void) {
        state.withLock { state in
            guard let index = state.targets.firstIndex(where: { $0.session.id == id }) else { return }
            change(&state.targets[index])
        }
    }
}

/// One connection after the other, each with one session at a time.
private final class Assailant: @unchecked Sendable {
    // SAFETY (@unchecked Sendable): handed to one thread, and used there only.
    private let arena: Arena
    private let connect: () -> TestClient?
    private var client: TestClient?
    private var random: UInt64

    init(_ arena: Arena, seed: UInt64, _ connect: @escaping () -> TestClient?) {
        self.arena = arena
        self.connect = connect
        random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    private func next(_ bound: UInt64) -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return (random >> 11) % bound
    }

    func leave() {
        (client?.wire as? EngineWire)?.close()
        client = nil
    }

    func step() {
        do {
            guard let client, client.wire.isOpen else {
                leave()
                client = connect()
                try client?.negotiate([.smb311])
                return
            }
            try act(client)
            for reply in try client.repliesAtHand() { look(at: reply) }
        } catch {
            // A refusal; or something else came than what was waited for, a break for example.
        }
    }

    private func look(at reply: TestReply) {
        // A channel's key is not the session's, so that its answers cannot be checked with what the arena knows.
        guard reply.header.messageID != .max, let problem = ReplyCheck.problem(in: reply),
            problem != "a wrong signature"
        else { return }
        arena.report("\(problem): \(reply.header)")
    }

    private func act(_ client: TestClient) throws(TestClientError) {
        func send(_ request: TestRequest) { client.send([request]) }
        guard client.negotiated != nil else { return leave() }
        guard client.session != nil else { return try enter(client) }
        guard let target = client.session.flatMap({ session in arena.target(session.id) }) else {
            client.session = nil
            return
        }
        let tree = target.trees.isEmpty ? 0 : target.trees[Int(next(UInt64(target.trees.count)))]
        let file = target.files.isEmpty ? FileID.compoundRelated : target.files[Int(next(UInt64(target.files.count)))]
        client.treeID = tree
        switch next(64) {
        case 0: leave()
        case 1, 2: send(.logoff)
        case 3: client.session = nil
        case 4: try logInAgain(client)
        case 5, 6, 7: send(.treeDisconnect)
        case 8...13: try connectTree(target, client)
        case 14...31: try open(target, client)
        case 32...41:
            send(.close(file))
            arena.change(target.session.id) { $0.files.removeAll { $0 == file } }
        case 42...45: send(.lock(file, [LockRequest.Element(offset: 0, length: 10, flags: .exclusive)]))
        case 46, 47: send(.lock(file, [LockRequest.Element(offset: 0, length: 10, flags: .unlock)]))
        case 48, 49: send(.notify(file))
        case 50: send(.cancel(messageID: client.messageID &- 1))
        case 51, 52: send(.acknowledge(level: 0, file))
        case 53: send(.echo)
        case 54...58: send(.write(file, [1, 2, 3]))
        default: send(.read(file, count: 64))
        }
    }

    /// A session of one's own, or one more channel of another's.
    private func enter(_ client: TestClient) throws(TestClientError) {
        let other = arena.any(next(1 << 20))
        switch (next(4), other) {
        case (0, let other?):
            // Whoever's it was is thrown out.
            try client.logIn(user: arena.user, password: arena.password, previousSessionID: other.session.id)
        case (1, _), (_, nil):
            try client.logIn(user: arena.user, password: arena.password)
        case (_, let other?):
            try client.bind(to: other.session, user: arena.user, password: arena.password)
            return
        }
        if let session = client.session { arena.add(session) }
    }

    private func logInAgain(_ client: TestClient) throws(TestClientError) {
        // What is no token ends the session.
        if next(4) == 0 { return client.send([TestClient.sessionSetup([1, 2, 3])]) }
        try client.logInAgain(user: arena.user, password: arena.password)
    }

    private func connectTree(_ target: Arena.Target, _ client: TestClient) throws(TestClientError) {
        let reply = try client.call(TestClient.treeConnect(arena.share))
        look(at: reply)
        guard reply.status == .success else { return }
        arena.change(target.session.id) { target in
            if target.trees.count == 3 { target.trees.removeFirst() }
            target.trees.append(reply.header.treeID)
        }
    }

    private func open(_ target: Arena.Target, _ client: TestClient) throws(TestClientError) {
        let name = next(8) == 0 ? "" : "file\(next(4))"
        let isBatch = next(2) == 0
        let disposition: CreateDisposition = next(4) == 0 ? .overwriteIf : .openIf
        let request = TestRequest.create(name, disposition: disposition) { parameters in
            if isBatch { parameters.requestedOplockLevel = 0x09 }
        }
        let reply = try client.call(request)
        look(at: reply)
        guard reply.status == .success else { return }
        let file = try reply.decode { reader throws(WireError) in try CreateResponse(from: &reader) }.fileID
        arena.change(target.session.id) { target in
            if target.files.count == 12 { target.files.removeFirst() }
            target.files.append(file)
        }
    }
}
