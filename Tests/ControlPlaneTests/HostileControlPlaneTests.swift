import Glibc
import Platform
import Testing

@testable import ControlPlane

/// A control plane that was taken over does with its channels what it likes. Whatever that is: no caller hears what was
/// not meant for it, none waits for ever, the control plane is found out, and the next one serves everybody.
@Suite("A hostile control plane: channels") struct HostileControlPlaneTests {
    /// Its side of one channel, written by hand.
    struct Impostor: Sendable {
        let channel: Channel
        func raw(_ bytes: [UInt8]) { _ = Glibc.send(channel.descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }
        func say(_ number: UInt32, _ message: [UInt8]) { raw(Self.prefix(number) + message) }
        func say(_ number: UInt32, _ answer: ControlPlaneAnswer) { say(number, answer.encode()) }
        /// Without reading what comes back.
        func ask(_ number: UInt32, _ query: DataPlaneQuery) { say(number, query.encode()) }
        static func prefix(_ number: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
    }
    struct Trick: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Before anything is asked.
        var first: @Sendable (Impostor) -> Void = { _ in }
        /// For each request, with its number.
        let answer: @Sendable (Impostor, UInt32) -> Void
        init(
            _ name: String, first: @escaping @Sendable (Impostor) -> Void = { _ in },
            answer: @escaping @Sendable (Impostor, UInt32) -> Void
        ) {
            (testDescription, self.first, self.answer) = (name, first, answer)
        }
    }

    private static let everybody = ControlPlaneAnswer.authenticated(token: [], MessageCodecTests.login(user: "root"))

    static let tricks: [Trick] = [
        Trick("silence") { _, _ in },
        Trick("hangs up") { impostor, _ in impostor.channel.hangUp() },
        Trick("nothing but a number") { $0.raw(Impostor.prefix($1)) },
        Trick("less than a number") { impostor, _ in impostor.raw([1]) },
        Trick("every other byte of an answer") { impostor, number in
            impostor.say(number, Array(everybody.encode().dropLast()))
        },
        Trick("an answer and a byte") { $0.say($1, everybody.encode() + [0]) },
        Trick("the longest message and a byte") {
            $0.say($1, [2] + [UInt8](repeating: 0xFF, count: ControlPlaneRequest.byteCountMax))
        },
        Trick("a length beyond the message") { $0.say($1, [4, 0xFF, 0xFF, 0xFF, 0x7F]) },
        Trick("a case that there is not") { $0.say($1, [250, 0, 0, 0]) },
        Trick("an answer to the request before") { $0.say($1 &- 1, everybody) },
        Trick("an answer to a request never made") { impostor, _ in impostor.say(0xFFFF_FFFF, everybody) },
        Trick("an answer before it is asked", first: { impostor in impostor.say(0, everybody) }) { impostor, number in
            impostor.say(number, .acknowledged)
        },
        Trick("questions that this request gives no right to") { impostor, number in
            impostor.ask(number, .openFiles(user: nil, after: 0))
            impostor.say(number, everybody)
        },
        Trick("somebody's sessions are to end") { impostor, number in
            impostor.ask(number, .endSessions(client: nil, user: nil))
            impostor.say(number, everybody)
        },
        Trick("a question with another request's number") { impostor, number in
            impostor.ask(number &+ 1, .domain)
            impostor.say(number, everybody)
        },
        Trick("questions without end, and no answer is read") { impostor, number in
            while impostor.channel.send(DataPlaneQuery.domain.encode(), number: number) {}
        },
        Trick("questions without end, every answer read") { impostor, number in
            let question = DataPlaneQuery.domain.encode()
            while impostor.channel.send(question, number: number), impostor.channel.receive() != nil {}
        },
        Trick("a login that is a token") { $0.say($1, .token([7])) },
        Trick("a login that is a share") { $0.say($1, .treeGranted(share: "Data", readOnly: nil)) },
        Trick("a login that is a pipe") { $0.say($1, .pipe(PipeAnswer(messages: [[1]], hasMore: false))) },
        Trick("a login that is noted") { $0.say($1, .acknowledged) },
        Trick("a first message that it has not seen the one before of") { $0.say($1, .exchangeUnknown) },
    ]

    private final class Facts: DataPlaneFacts {
        let endedSessions = Atomic(0)
        func answer(_ query: DataPlaneQuery) -> DataPlaneFact {
            if case .endSessions = query { endedSessions.wrappingAdd(1, ordering: .relaxed) }
            return .numbers([1, 2, 3])
        }
    }

    private func start(_ trick: Trick, for client: ControlPlaneClient, channelCount: Int = 2) throws {
        let pairs = (0..<channelCount).compactMap { _ in Channel.makePair() }
        try #require(pairs.count == channelCount)
        for (_, far) in pairs {
            let impostor = Impostor(channel: far)
            trick.first(impostor)
            let isStarted = Thread.detach(name: "impostor") {
                while let (number, _) = impostor.channel.receive() { trick.answer(impostor, number) }
            }
            try #require(isStarted)
        }
        client.adopt(pairs.map(\.0))
    }

    private static let honest = Trick("honest") { $0.say($1, .authenticationContinues(token: [7])) }
    private static let request = ControlPlaneRequest.authenticate(
        exchange: 1, isContinued: false, token: [1, 2, 3], remoteAddress: "192.0.2.1")
    private static let patience = ControlPlaneClient.Patience(turn: 600, answer: 400)

    @Test(arguments: tricks) func nobodyIsLetInNorKeptWaiting(_ trick: Trick) throws {
        let client = ControlPlaneClient(patience: Self.patience)
        let facts = Facts()
        client.answerQueries(with: facts)
        try start(trick, for: client)
        let clock = ContinuousClock()
        let took = clock.measure { #expect(client.ask(Self.request, answering: .names) == nil) }
        // Two channels until each has been tried, and a turn.
        #expect(took < .seconds(3))
        #expect(client.misses)
        #expect(facts.endedSessions.load(ordering: .relaxed) == 0)
        try start(Self.honest, for: client)
        #expect(!client.misses)
        for _ in 0..<8 { #expect(client.ask(Self.request) == .authenticationContinues(token: [7])) }
        client.close()
    }

    /// What comes after an answer is nobody's: the next request on the channel does not take it for its own.
    @Test func whatIsAnsweredTwiceIsHeardOnce() throws {
        let client = ControlPlaneClient(patience: Self.patience)
        let twice = Trick("twice") { impostor, number in
            impostor.say(number, .authenticationContinues(token: [1]))
            impostor.say(number, Self.everybody)
        }
        try start(twice, for: client, channelCount: 1)
        #expect(client.ask(Self.request) == .authenticationContinues(token: [1]))
        #expect(client.ask(Self.request) == nil)
        #expect(client.misses)
        client.close()
    }

    /// Which answers each request may have, as `ControlPlaneRequest` says: their numbers in the messages.
    @Test func eachRequestHasItsAnswers() {
        let expected: [Set<UInt8>] = [
            [2], [3, 4, 5, 6, 9], [1, 5], [1], [7, 5], [1], [1, 5], [8, 5, 6], [1, 5], [1, 5],
        ]
        for (request, expected) in zip(MessageCodecTests.requests, expected) {
            let right = MessageCodecTests.answers.filter { request.isAnswered(by: $0) }
            #expect(Set(right.map { $0.encode()[0] }) == expected, "\(request)")
        }
        #expect(MessageCodecTests.requests.count == expected.count)
        // Another share than the one that was asked for; a login that has not begun.
        #expect(!MessageCodecTests.requests[4].isAnswered(by: .treeGranted(share: "Other", readOnly: nil)))
        #expect(!Self.request.isAnswered(by: .exchangeUnknown))
    }

    /// Those who let go of something wait for nothing; and of what they tell there is a bound.
    @Test func whoTellsDoesNotWait() throws {
        let client = ControlPlaneClient(patience: Self.patience)
        try start(Trick("silence") { _, _ in }, for: client)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(2)
        for pipe in 0..<100_000 where clock.now < end { client.tell(.pipe(.close(pipe: UInt64(pipe)))) }
        #expect(clock.now < end)
        client.close()
        let heard = Semaphore()
        let other = ControlPlaneClient(patience: Self.patience)
        let listens = Trick("listens") { impostor, number in
            heard.signal()
            impostor.say(number, .acknowledged)
        }
        try start(listens, for: other)
        for exchange in 0..<20 { other.tell(.abandon(exchange: UInt64(exchange))) }
        for _ in 0..<20 { #expect(heard.wait(milliseconds: 2000)) }
        other.close()
    }

    /// Many callers at a control plane that says nothing: all are through, none twice as late as one alone.
    @Test func aSilentOneKeepsCallersForAWhileOnly() throws {
        let client = ControlPlaneClient(patience: Self.patience)
        try start(Trick("silence") { _, _ in }, for: client)
        let done = Semaphore()
        for _ in 0..<64 {
            let isStarted = Thread.detach(name: "caller") {
                if client.ask(Self.request) == nil { done.signal() }
            }
            try #require(isStarted)
        }
        for _ in 0..<64 { #expect(done.wait(milliseconds: 3000)) }
        client.close()
    }
}
