import NTTypes
import Testing

@testable import Authentication

@Suite("Bad tokens, [MS-NLMP] 2.2 and RFC 4178 4.2") struct BadInputTests {
    @Test(
        "tokens of no kind are refused",
        arguments: [
            [], [0], [0x60], [0x60, 0x80], [0x60, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xA1, 0x02, 0x30, 0x00],
            Array("NTLMSSP".utf8), NTLM.signature, NTLM.signature + [1, 0, 0, 0],
            NTLM.signature + [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], NTLM.signature + [9, 0, 0, 0, 0, 0, 0, 0],
            [UInt8](repeating: 0x60, count: 60_000), [UInt8](repeating: 0x30, count: 60_000),
        ] as [[UInt8]])
    func nonsense(token: [UInt8]) {
        #expect(Fixture.exchange().step(token) == .failed(.invalidParameter))
    }

    @Test func anAuthenticateMessageCannotComeFirst() throws {
        let message = AuthenticateMessage(
            flags: .unicode, lmResponse: [], ntResponse: [], domain: [], user: [], workstation: [],
            encryptedSessionKey: [])
        #expect(Fixture.exchange().step(message.bytes) == .failed(.invalidParameter))
    }

    /// The answer of a good client, in bare NTLMSSP, and the exchange that waits for it.
    static func answer() throws -> (AuthenticationExchange, [UInt8]) {
        let exchange = Fixture.exchange()
        var client = NTLMClient(user: "alice", password: "correct horse", usesSPNEGO: false)
        guard case .more(let challenge) = exchange.step(client.initialToken()), let answer = try client.step(challenge)
        else { throw NTLM.Malformed() }
        return (exchange, answer)
    }

    @Test("every strict prefix of a message is refused")
    func prefixes() throws {
        let whole = WindowsExchangeTests.second
        for count in whole.indices {
            let exchange = Fixture.exchange()
            _ = exchange.step(WindowsExchangeTests.first)
            #expect(exchange.step(Array(whole.prefix(count))) == .failed(.invalidParameter))
        }
        for count in WindowsExchangeTests.first.indices {
            #expect(
                Fixture.exchange().step(Array(WindowsExchangeTests.first.prefix(count))) == .failed(.invalidParameter))
        }
        let length = try Self.answer().1.count
        for count in 0..<length {
            let (exchange, answer) = try Self.answer()
            guard case .failed = exchange.step(Array(answer.prefix(count))) else {
                return #expect(Bool(false), "\(count) of \(length) bytes")
            }
        }
    }

    @Test("payloads outside the message are refused", arguments: [12, 20, 28, 36, 44, 52])
    func payloadsOutside(field: Int) throws {
        for (offset, value) in [(4, 0xFF as UInt8), (7, 0x80), (1, 0xFF)] {
            let (exchange, answer) = try Self.answer()
            var changed = answer
            changed[field] = 1
            changed[field + offset] = value
            guard case .failed = exchange.step(changed) else { return #expect(Bool(false)) }
        }
    }

    @Test(
        "a version 2 response whose pairs are no list is an invalid parameter",
        arguments: [
            // What smbtorture's session.ntlmssp_bug14932 sends: a first pair of 30,754 bytes.
            """
            abababababababababababababababab01010000000000003f3f3f3f3f3f3f3fb8823af1b3dd08150000000011a2088150382278
            2b9447fe54947bff17275ab4f418badc2c38fd5bfb0ec1851ecc92bb9bb1c4d55314ff8c7649f5459019a2
            """,
            // No pairs at all, and a list without an end.
            "abababababababababababababababab01010000000000003f3f3f3f3f3f3f3fb8823af1b3dd081500000000",
            "abababababababababababababababab01010000000000003f3f3f3f3f3f3f3fb8823af1b3dd08150000000001000200ffff",
            // Shorter than the challenge before the pairs.
            "abababababababababababababababab010100000000000000",
        ])
    func pairs(response: String) {
        var server = NTLMServer(
            policy: Fixture.policy, accounts: Fixture.accounts, now: Fixture.now, challenge: [1, 2, 3, 4, 5, 6, 7, 8])
        _ = server.accept(NegotiateMessage(flags: [.unicode, .extendedSessionSecurity]).bytes)
        let message = AuthenticateMessage(
            flags: [.unicode, .extendedSessionSecurity], lmResponse: [UInt8](repeating: 0, count: 24),
            ntResponse: bytes(response), domain: [], user: [UInt8](utf16: "alice"), workstation: [],
            encryptedSessionKey: [])
        #expect(server.accept(message.bytes) == .failed(.invalidParameter))
    }

    @Test("LM responses alone do not log in", arguments: [0, 1, 16, 23, 24])
    func responsesOfOtherLengths(count: Int) {
        var server = NTLMServer(
            policy: Fixture.policy, accounts: Fixture.accounts, now: Fixture.now, challenge: [1, 2, 3, 4, 5, 6, 7, 8])
        _ = server.accept(NegotiateMessage(flags: [.unicode, .extendedSessionSecurity]).bytes)
        let message = AuthenticateMessage(
            flags: [.unicode, .extendedSessionSecurity], lmResponse: [UInt8](repeating: 1, count: 24),
            ntResponse: [UInt8](repeating: 0, count: count), domain: [], user: [UInt8](utf16: "alice"), workstation: [],
            encryptedSessionKey: [])
        #expect(server.accept(message.bytes) == .failed(.logonFailure))
    }

    @Test("a key of the wrong length is refused", arguments: [0, 15, 17])
    func encryptedKeyLength(count: Int) throws {
        let (exchange, answer) = try Self.answer()
        var changed = answer
        changed[52] = UInt8(count)
        #expect(exchange.step(changed) == .failed(.invalidParameter))
    }

    @Test("nothing that random bytes say in place of a token crashes or logs in")
    func randomChanges() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let exchange = Fixture.exchange()
            var first = WindowsExchangeTests.first
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                first[Int.random(in: first.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard case .more = exchange.step(first) else { continue }
            var second = WindowsExchangeTests.second
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                second[Int.random(in: second.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if case .done(_, let login) = exchange.step(second) { #expect(login.isAnonymous) }
        }
    }
}
