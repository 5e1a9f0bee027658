import NTTypes
import Platform
import SMBCrypto

/// One login: the tokens of the SESSION_SETUP requests go in one after the other, those for the responses come out.
/// SPNEGO with a mechanism inside, or NTLMSSP bare, as the client begins.
public final class AuthenticationExchange: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// STATUS_MORE_PROCESSING_REQUIRED with this token.
        case more([UInt8])
        /// Logged in; the token, which may be empty, goes with STATUS_SUCCESS.
        case done(token: [UInt8], Login)
        /// Refused. Nothing more can come of this exchange.
        case failed(NTStatus)
    }

    private enum Phase: Sendable {
        case start
        case bare(any Mechanism)
        case negotiated(SPNEGOAcceptor)
        case finished
    }

    private let phase = Mutex<Phase>(.start)
    private let claim = Mutex("")
    /// Who the client says it is, as far as it has said so; for messages, and nothing else.
    public var claimedUser: String { claim.withLock { $0 } }
    private let makeMechanism: @Sendable (MechanismIdentifier) -> (any Mechanism)?

    /// - Parameters:
    ///   - kerberos: nil where tickets are not taken.
    ///   - now: the time that the server shows the client.
    ///   - random: gives that many unpredictable bytes.
    public init(
        policy: AuthenticationPolicy, accounts: any AccountDatabase, kerberos: KerberosService? = nil, now: FileTime,
        random: @escaping @Sendable (_ count: Int) -> [UInt8] = { randomBytes(count: $0) }
    ) {
        makeMechanism = { identifier in
            switch identifier {
            case .ntlm: NTLMServer(policy: policy, accounts: accounts, now: now, challenge: random(8))
            case .kerberos, .kerberosOfWindows: kerberos?.makeMechanism(now: now)
            default: nil
            }
        }
    }

    /// An exchange that was begun elsewhere, for the process that began it has ended: takes its steps again, with the
    /// answers given there. What these rest on, the challenge and the time, stands in them.
    /// - Parameter tokens: the client's and the server's in turn, from the first on.
    /// - Returns: nil if these are not the steps and answers of one login under way.
    public convenience init?(
        replaying tokens: [[UInt8]], policy: AuthenticationPolicy, accounts: any AccountDatabase,
        kerberos: KerberosService? = nil, now: FileTime
    ) {
        let recorded = tokens.firstResult(Self.challenge)
        self.init(policy: policy, accounts: accounts, kerberos: kerberos, now: recorded?.time ?? now) { count in
            recorded.flatMap { $0.challenge.count == count ? $0.challenge : nil } ?? randomBytes(count: count)
        }
        guard !tokens.isEmpty, tokens.count % 2 == 0 else { return nil }
        for index in stride(from: 0, to: tokens.count, by: 2) {
            guard step(tokens[index]) == .more(tokens[index + 1]) else { return nil }
        }
    }

    /// The NTLM challenge in a token of a server, if there is one.
    private static func challenge(in token: [UInt8]) -> (challenge: [UInt8], time: FileTime)? {
        let bytes = NTLM.hasSignature(token) ? token : (try? SPNEGO.readResponse(token))?.token ?? []
        guard let message = try? ChallengeMessage(bytes), let information = try? TargetInformation(message.targetInfo),
            let time = information[.timestamp], time.count == 8
        else { return nil }
        return (message.challenge, FileTime(rawValue: time.reversed().reduce(0) { $0 << 8 | UInt64($1) }))
    }

    /// For tests: another set of mechanisms.
    init(makeMechanism: @escaping @Sendable (MechanismIdentifier) -> (any Mechanism)?) {
        self.makeMechanism = makeMechanism
    }

    /// The token of the NEGOTIATE response: which mechanisms there are, [MS-SPNG] 2.2.1.
    public static func initialToken(offersKerberos: Bool = false) -> [UInt8] {
        let mechanisms = (offersKerberos ? KerberosServer.identifiers : []) + NTLMServer.identifiers
        return SPNEGO.write(SPNEGO.Initial(mechanisms: mechanisms, token: nil), hasHints: true)
    }

    /// - Parameter token: of one SESSION_SETUP request.
    public func step(_ token: [UInt8]) -> Outcome {
        phase.withLock { phase in
            let current = phase
            // Whatever goes wrong below, nothing follows it.
            phase = .finished
            switch current {
            case .start:
                if NTLM.hasSignature(token), let mechanism = makeMechanism(.ntlm) {
                    return stepBare(mechanism, token, &phase)
                }
                return step(SPNEGOAcceptor(makeMechanism: makeMechanism), token, &phase)
            case .bare(let mechanism): return stepBare(mechanism, token, &phase)
            case .negotiated(let acceptor): return step(acceptor, token, &phase)
            case .finished: return .failed(.invalidParameter)
            }
        }
    }

    private func stepBare(_ mechanism: any Mechanism, _ token: [UInt8], _ phase: inout Phase) -> Outcome {
        var mechanism = mechanism
        let step = mechanism.accept(token)
        claim.withLock { $0 = mechanism.claimedUser }
        switch step {
        case .more(let token):
            phase = .bare(mechanism)
            return .more(token)
        case .done(let login, let token): return .done(token: token ?? [], login)
        case .failed(let status): return .failed(status)
        }
    }

    private func step(_ acceptor: SPNEGOAcceptor, _ token: [UInt8], _ phase: inout Phase) -> Outcome {
        var acceptor = acceptor
        let outcome = acceptor.accept(token)
        claim.withLock { $0 = acceptor.claimedUser }
        if case .more = outcome { phase = .negotiated(acceptor) }
        return outcome
    }
}

/// The acceptor of RFC 4178: agrees on a mechanism, hands its tokens on, and lets both sides sign the list of
/// mechanisms, so that nobody in between can take the better ones off it.
struct SPNEGOAcceptor: Sendable {
    let makeMechanism: @Sendable (MechanismIdentifier) -> (any Mechanism)?
    private var mechanism: (any Mechanism)?
    var claimedUser: String { mechanism?.claimedUser ?? "" }
    private var identifier = MechanismIdentifier.ntlm
    /// Kept until the login is done.
    private var mechanismList: [UInt8] = []
    /// Longest list of mechanisms, in bytes; real ones have less than 100, and strangers send it.
    static let mechanismListByteCountMax = 1024
    /// RFC 4178 5: the signatures may only be left out when the client's first choice was taken.
    private var isFirstChoice = true
    /// supportedMech stands in the first answer only.
    private var hasNamedMechanism = false

    init(makeMechanism: @escaping @Sendable (MechanismIdentifier) -> (any Mechanism)?) {
        self.makeMechanism = makeMechanism
    }

    mutating func accept(_ bytes: [UInt8]) -> AuthenticationExchange.Outcome {
        do {
            if mechanism == nil { return try begin(try SPNEGO.readInitial(bytes)) }
            let response = try SPNEGO.readResponse(bytes)
            guard response.state != .reject, let token = response.token else { return .failed(.invalidParameter) }
            return proceed(token, signature: response.mechanismListMIC)
        } catch {
            return .failed(.invalidParameter)
        }
    }

    private mutating func begin(_ initial: SPNEGO.Initial) throws(SPNEGO.Malformed) -> AuthenticationExchange.Outcome {
        guard initial.mechanismList.count <= Self.mechanismListByteCountMax else { return .failed(.invalidParameter) }
        for (index, candidate) in initial.mechanisms.enumerated() {
            guard let made = makeMechanism(candidate) else { continue }
            mechanism = made
            identifier = candidate
            mechanismList = initial.mechanismList
            isFirstChoice = index == 0
            break
        }
        guard mechanism != nil else { return .failed(.invalidParameter) }
        // The token is for the client's first choice; if that was not taken, the client starts again.
        if isFirstChoice, let token = initial.token {
            return proceed(token, signature: initial.mechanismListMIC)
        }
        return answer(token: nil)
    }

    private mutating func proceed(_ token: [UInt8], signature: [UInt8]?) -> AuthenticationExchange.Outcome {
        guard var mechanism else { return .failed(.invalidParameter) }
        defer { self.mechanism = mechanism }
        switch mechanism.accept(token) {
        case .failed(let status): return .failed(status)
        case .more(let token): return answer(token: token)
        case .done(let login, let token):
            var response = SPNEGO.Response(state: .acceptCompleted, token: token)
            if !hasNamedMechanism { response.mechanism = identifier }
            if mechanism.canSign {
                if let signature {
                    guard mechanism.verify(signature, of: mechanismList) else {
                        return .failed(.accessDenied.because(.malformedToken))
                    }
                    response.mechanismListMIC = mechanism.signature(of: mechanismList)
                } else if !isFirstChoice {
                    return .failed(.invalidParameter)
                }
            }
            return .done(token: SPNEGO.write(response), login)
        }
    }

    private mutating func answer(token: [UInt8]?) -> AuthenticationExchange.Outcome {
        var response = SPNEGO.Response(token: token)
        response.state = isFirstChoice || hasNamedMechanism ? .acceptIncomplete : .requestMIC
        if !hasNamedMechanism { response.mechanism = identifier }
        hasNamedMechanism = true
        return .more(SPNEGO.write(response))
    }
}
