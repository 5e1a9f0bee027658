import Authentication
import FuzzDriver
import NTTypes

@_cdecl("FuzzLogin_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt { fuzz(count, arguments, run: fuzzLogin) }

/// Tokens of a login, each behind its length in two bytes (little-endian); before them one byte: 0 for what a server
/// reads, 1 for what the test client reads, 3 for that without SPNEGO. The challenge is that of a captured login, so
/// that mutations of it get far.
private func fuzzLogin(_ input: [UInt8]) {
    guard let side = input.first else { return }
    var tokens: [[UInt8]] = []
    var rest = input.dropFirst()
    while rest.count >= 2, tokens.count < 4 {
        let length = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
        rest = rest.dropFirst(2)
        tokens.append(Array(rest.prefix(length)))
        rest = rest.dropFirst(length)
    }
    if side == 0 {
        var policy = AuthenticationPolicy(computerName: "APUS", domainName: "WORKGROUP")
        policy.allowsNTLMv1 = true
        let exchange = AuthenticationExchange(
            policy: policy, accounts: OneAccount(),
            now: FileTime(unixSeconds: 1_795_515_600, nanoseconds: 0), random: { _ in challenge })
        for token in tokens { _ = exchange.step(token) }
    } else {
        var client = NTLMClient(
            user: "alice", password: "Password01!", usesSPNEGO: side & 2 == 0,
            random: { [UInt8](repeating: 0x5A, count: $0) })
        _ = client.initialToken()
        for token in tokens { _ = try? client.step(token) }
    }
}

private let challenge: [UInt8] = [0xC1, 0x9C, 0xED, 0x3D, 0xF5, 0x76, 0xFE, 0xD9]

private struct OneAccount: AccountDatabase {
    func account(named name: String) -> Account? {
        guard name.lowercased() == "alice" else { return nil }
        // MD4 of "Password01!".
        return Account(
            name: "alice",
            ntHash: [
                0x7C, 0x4F, 0xE5, 0xEA, 0xDA, 0x68, 0x27, 0x14, 0xA0, 0x36, 0xE3, 0x93, 0x78, 0x36, 0x2B, 0xAB,
            ])
    }
}
