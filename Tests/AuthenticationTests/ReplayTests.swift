import NTTypes
import Testing

@testable import Authentication

/// A login whose server process ended half-way goes on in another one.
struct ReplayTests {
    private static let later = FileTime(unixSeconds: 1_700_000_900, nanoseconds: 0)

    private func resume(_ tokens: [[UInt8]]) -> AuthenticationExchange? {
        AuthenticationExchange(
            replaying: tokens, policy: Fixture.policy, accounts: Fixture.accounts, now: Self.later)
    }

    @Test("another process takes up a login from its tokens", arguments: [true, false])
    func resumed(usesSPNEGO: Bool) throws {
        var client = NTLMClient(user: "alice", password: "correct horse", usesSPNEGO: usesSPNEGO)
        let first = client.initialToken()
        guard case .more(let challenge) = Fixture.exchange().step(first) else { return #expect(Bool(false)) }
        let answer = try #require(try client.step(challenge))
        guard case .done(let token, let login) = resume([first, challenge])?.step(answer) else {
            return #expect(Bool(false))
        }
        #expect(login.user == "alice" && login.sessionKey == client.sessionKey)
        #expect(try client.step(token) == nil)
    }

    @Test func aWrongPasswordStaysWrong() throws {
        var client = NTLMClient(user: "alice", password: "guess")
        let first = client.initialToken()
        guard case .more(let challenge) = Fixture.exchange().step(first) else { return #expect(Bool(false)) }
        let answer = try #require(try client.step(challenge))
        #expect(resume([first, challenge])?.step(answer) == .failed(.logonFailure))
    }

    @Test func tokensThatAreNoSuchLoginAreRefused() throws {
        var client = NTLMClient(user: "alice", password: "correct horse")
        let first = client.initialToken()
        guard case .more(var challenge) = Fixture.exchange().step(first) else { return #expect(Bool(false)) }
        #expect(resume([]) == nil)
        #expect(resume([first]) == nil)
        #expect(resume([challenge, first]) == nil)
        challenge[challenge.count - 1] ^= 1
        #expect(resume([first, challenge]) == nil)
    }
}
