import NTTypes

@testable import Authentication

struct FixedAccounts: AccountDatabase {
    var accounts: [Account]

    init(_ passwords: [String: String]) {
        accounts = passwords.map { Account(name: $0.key, ntHash: NTLMCryptography.ntHash(password: $0.value)) }
    }

    func account(named name: String) -> Account? { accounts.first { $0.name.lowercased() == name.lowercased() } }
}

enum Fixture {
    static let accounts = FixedAccounts(["alice": "correct horse", "Björn": "pä55wörd", "empty": ""])
    static let policy = AuthenticationPolicy(computerName: "APUS", domainName: "WORKGROUP")
    static let now = FileTime(unixSeconds: 1_700_000_000, nanoseconds: 0)

    static func exchange(_ change: (inout AuthenticationPolicy) -> Void = { _ in }) -> AuthenticationExchange {
        var policy = policy
        change(&policy)
        return AuthenticationExchange(policy: policy, accounts: accounts, now: now)
    }

    /// Everything a login takes, whatever comes of it.
    static func logIn(
        _ client: inout NTLMClient, _ exchange: AuthenticationExchange
    ) throws -> AuthenticationExchange.Outcome {
        guard case .more(let challenge) = exchange.step(client.initialToken()) else { return .failed(.unsuccessful) }
        guard let answer = try client.step(challenge) else { return .failed(.unsuccessful) }
        let outcome = exchange.step(answer)
        if case .done(let token, _) = outcome { _ = try client.step(token) }
        return outcome
    }
}
