import NTTypes
import Testing

@testable import Authentication

@Suite("A login through SESSION_SETUP, [MS-NLMP] 3.2.5.1 and RFC 4178 4") struct AuthenticationExchangeTests {
    @Test("the right password logs in, in SPNEGO and bare", arguments: [true, false])
    func rightPassword(usesSPNEGO: Bool) throws {
        var client = NTLMClient(user: "ALICE", password: "correct horse", domain: "anywhere", usesSPNEGO: usesSPNEGO)
        guard case .done(let token, let login) = try Fixture.logIn(&client, Fixture.exchange()) else {
            return #expect(Bool(false))
        }
        #expect(login == Login(user: "alice", domain: "anywhere", sessionKey: client.sessionKey))
        #expect(token.isEmpty == !usesSPNEGO)
    }

    @Test("names may have any letters, passwords may be empty", arguments: [("björn", "pä55wörd"), ("empty", "")])
    func letters(user: String, password: String) throws {
        var client = NTLMClient(user: user, password: password)
        guard case .done = try Fixture.logIn(&client, Fixture.exchange()) else { return #expect(Bool(false)) }
    }

    @Test(
        "wrong password and unknown user look the same",
        arguments: [
            ("alice", "wrong"), ("mallory", "x"), ("alice", ""),
        ])
    func refused(user: String, password: String) throws {
        var client = NTLMClient(user: user, password: password)
        #expect(try Fixture.logIn(&client, Fixture.exchange()) == .failed(.logonFailure))
    }

    @Test func anUnknownUserBecomesGuestWhereThatIsConfigured() throws {
        var client = NTLMClient(user: "mallory", password: "x")
        let outcome = try Fixture.logIn(&client, Fixture.exchange { $0.mapsUnknownUserToGuest = true })
        guard case .done(_, let login) = outcome else { return #expect(Bool(false)) }
        #expect(login.isGuest && login.user == "mallory" && login.sessionKey == [UInt8](repeating: 0, count: 16))
        var other = NTLMClient(user: "alice", password: "wrong")
        #expect(
            try Fixture.logIn(&other, Fixture.exchange { $0.mapsUnknownUserToGuest = true }) == .failed(.logonFailure))
    }

    @Test("no name and no password is anonymous", arguments: [true, false])
    func anonymous(usesSPNEGO: Bool) throws {
        var client = NTLMClient(user: "", password: "", usesSPNEGO: usesSPNEGO)
        let outcome = try Fixture.logIn(&client, Fixture.exchange())
        guard case .done(_, let login) = outcome else { return #expect(Bool(false)) }
        #expect(login.isAnonymous && login.user.isEmpty && login.sessionKey == client.sessionKey)
        var refused = NTLMClient(user: "", password: "", usesSPNEGO: usesSPNEGO)
        #expect(
            try Fixture.logIn(&refused, Fixture.exchange { $0.allowsAnonymous = false }) == .failed(.accessDenied))
    }

    @Test func theServerNamesItselfAndItsTime() throws {
        var client = NTLMClient(user: "alice", password: "", usesSPNEGO: false)
        let outcome = Fixture.exchange().step(client.initialToken())
        guard case .more(let token) = outcome else { return #expect(Bool(false)) }
        let challenge = try ChallengeMessage(token)
        let information = try TargetInformation(challenge.targetInfo)
        #expect(challenge.targetName == [UInt8](utf16: "APUS"))
        #expect(information[.computerName] == [UInt8](utf16: "APUS"))
        #expect(information[.domainName] == [UInt8](utf16: "WORKGROUP"))
        #expect(information[.dnsComputerName] == [UInt8](utf16: "apus"))
        #expect(information[.timestamp]?.count == 8)
        #expect(challenge.challenge.count == 8)
        #expect(challenge.flags.isSuperset(of: [.unicode, .targetInfo, .targetTypeServer, .ntlm, .keyExchange]))
        #expect(!challenge.flags.contains(.oem))
    }

    @Test func theHintNamesNTLM() throws {
        let initial = try SPNEGO.readInitial(AuthenticationExchange.initialToken())
        #expect(initial.mechanisms == [.ntlm])
        #expect(initial.token == nil && initial.mechanismListMIC == nil)
    }

    // MARK: agreeing on a mechanism

    static let kerberos = MechanismIdentifier(content: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02])

    @Test func withoutACommonMechanismTheLoginFails() {
        let initial = SPNEGO.Initial(mechanisms: [Self.kerberos], token: [1, 2, 3])
        #expect(Fixture.exchange().step(SPNEGO.write(initial)) == .failed(.invalidParameter))
    }

    @Test func aSecondChoiceStartsAgainAndMustBeSigned() throws {
        let initial = SPNEGO.Initial(mechanisms: [Self.kerberos, .ntlm], token: [1, 2, 3])
        for isSigned in [true, false] {
            let exchange = Fixture.exchange()
            guard case .more(let answer) = exchange.step(SPNEGO.write(initial)) else { return #expect(Bool(false)) }
            #expect(try SPNEGO.readResponse(answer) == SPNEGO.Response(state: .requestMIC, mechanism: .ntlm))
            var client = NTLMClient(user: "alice", password: "correct horse", usesSPNEGO: false)
            let negotiate = SPNEGO.Response(token: client.initialToken())
            guard case .more(let second) = exchange.step(SPNEGO.write(negotiate)) else { return #expect(Bool(false)) }
            let challenge = try SPNEGO.readResponse(second)
            #expect(challenge.state == .acceptIncomplete && challenge.mechanism == nil)
            var authenticate = SPNEGO.Response(token: try client.step(challenge.token ?? []))
            var signer = NTLMSigner(
                sessionKey: client.sessionKey, flags: [.key128, .keyExchange], direction: .clientToServer)
            if isSigned { authenticate.mechanismListMIC = signer.signature(of: initial.mechanismList) }
            let outcome = exchange.step(SPNEGO.write(authenticate))
            if isSigned {
                guard case .done = outcome else { return #expect(Bool(false), "\(outcome)") }
            } else {
                #expect(outcome == .failed(.invalidParameter))
            }
        }
    }

    @Test func aFirstTokenMayComeWithoutTheMechanismsToken() throws {
        let exchange = Fixture.exchange()
        let initial = SPNEGO.Initial(mechanisms: [.ntlm], token: nil)
        guard case .more(let answer) = exchange.step(SPNEGO.write(initial)) else { return #expect(Bool(false)) }
        #expect(try SPNEGO.readResponse(answer) == SPNEGO.Response(state: .acceptIncomplete, mechanism: .ntlm))
    }

    /// What is kept of a login that may never be finished is little.
    @Test func longListsAndMessagesOfStrangersAreRefused() throws {
        var client = NTLMClient(user: "alice", password: "correct horse", usesSPNEGO: false)
        let negotiate = client.initialToken()
        for (count, isTaken) in [(NTLM.negotiateByteCountMax, true), (NTLM.negotiateByteCountMax + 1, false)] {
            let padded = negotiate + [UInt8](repeating: 0, count: count - negotiate.count)
            for token in [padded, SPNEGO.write(SPNEGO.Initial(mechanisms: [.ntlm], token: padded))] {
                if case .more = Fixture.exchange().step(token) { #expect(isTaken) } else { #expect(!isTaken) }
            }
        }
        let mechanisms = [.ntlm] + [MechanismIdentifier](repeating: Self.kerberos, count: 100)
        let outcome = Fixture.exchange().step(SPNEGO.write(SPNEGO.Initial(mechanisms: mechanisms, token: negotiate)))
        #expect(outcome == .failed(.invalidParameter))
    }

    @Test func aClientThatRejectsIsDone() throws {
        let exchange = Fixture.exchange()
        _ = exchange.step(SPNEGO.write(SPNEGO.Initial(mechanisms: [.ntlm], token: nil)))
        #expect(exchange.step(SPNEGO.write(SPNEGO.Response(state: .reject))) == .failed(.invalidParameter))
    }
}
