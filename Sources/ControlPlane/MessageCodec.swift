import NTTypes

/// How messages look on the socket: a byte for the case, then its values; numbers little-endian, texts and byte strings
/// behind a 32-bit length. A datagram holds exactly one message.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter byteCount: what will be written at most; a guess that is too low costs copies.
    init(case tag: UInt8, reserving byteCount: Int = 0) {
        bytes.reserveCapacity(byteCount)
        bytes.append(tag)
    }

    mutating func number<Value: FixedWidthInteger>(_ value: Value) {
        for index in 0..<Value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }
    mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func data(_ value: [UInt8]) {
        number(UInt32(value.count))
        bytes += value
    }
    mutating func text(_ value: String) { data(Array(value.utf8)) }
    mutating func numbers(_ values: [UInt32]) {
        number(UInt32(values.count))
        for value in values { number(value) }
    }
    mutating func reason(_ value: RefusalReason?) {
        flag(value != nil)
        guard let value else { return }
        number(value.stage.rawValue)
        text(value.rule)
        text(value.remedy)
        text(value.user)
    }
    mutating func list(_ values: [[UInt8]]) {
        number(UInt32(values.count))
        for value in values { data(value) }
    }
}

/// The other direction: nothing is believed. A message that is not one gives nil.
struct MessageReader {
    private let bytes: [UInt8]
    private var offset = 1
    private var isSound = true
    /// Longest list of numbers: supplementary groups, of which Linux allows 65,536.
    private static let numberCountMax = 65_536
    /// Longest list of byte strings: the tokens of a login.
    private static let listCountMax = 16

    /// nil for an empty message.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= ControlPlaneRequest.byteCountMax else { return nil }
        self.bytes = bytes
    }

    var tag: UInt8 { bytes[0] }
    /// What came is no message.
    mutating func fail() { isSound = false }
    /// Everything was there, and nothing is left.
    var isComplete: Bool { isSound && offset == bytes.count }

    mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value {
        let size = Value.bitWidth / 8
        guard isSound, size <= bytes.count - offset else {
            isSound = false
            return 0
        }
        var value: Value = 0
        for index in 0..<size { value |= Value(truncatingIfNeeded: bytes[offset + index]) << (index * 8) }
        offset += size
        return value
    }
    mutating func flag() -> Bool {
        let value = number(UInt8.self)
        if value > 1 { isSound = false }
        return value == 1
    }
    /// - Parameter byteCountMax: a longer one is no such value.
    mutating func data(byteCountMax: Int = ControlPlaneRequest.byteCountMax) -> [UInt8] {
        let count = Int(number(UInt32.self))
        guard isSound, count <= byteCountMax, count <= bytes.count - offset else {
            isSound = false
            return []
        }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }
    mutating func text(byteCountMax: Int = LoginOutcome.nameByteCountMax) -> String {
        let value = data(byteCountMax: byteCountMax)
        guard let text = String(validating: value, as: UTF8.self) else {
            isSound = false
            return ""
        }
        return text
    }
    mutating func numbers() -> [UInt32] {
        let count = Int(number(UInt32.self))
        guard isSound, count <= Self.numberCountMax, count * 4 <= bytes.count - offset else {
            isSound = false
            return []
        }
        return (0..<count).map { _ in number() }
    }
    mutating func reason() -> RefusalReason? {
        guard flag() else { return nil }
        guard let stage = RefusalStage(rawValue: number()) else {
            isSound = false
            return nil
        }
        let limit = RefusalReason.textByteCountMax
        return RefusalReason(
            stage, text(byteCountMax: limit), remedy: text(byteCountMax: limit), user: text(byteCountMax: limit))
    }
    mutating func list() -> [[UInt8]] {
        let count = Int(number(UInt32.self))
        guard isSound, count <= Self.listCountMax else {
            isSound = false
            return []
        }
        return (0..<count).map { _ in data() }
    }
}

extension ControlPlaneRequest {
    public func encode() -> [UInt8] {
        switch self {
        case .initialToken: return MessageWriter(case: 1).bytes
        case .authenticate(let exchange, let isContinued, let token, let remoteAddress):
            var writer = MessageWriter(case: 2, reserving: token.count + remoteAddress.utf8.count + 32)
            writer.number(exchange)
            writer.flag(isContinued)
            writer.data(token)
            writer.text(remoteAddress)
            return writer.bytes
        case .resumeExchange(let exchange, let tokens):
            var writer = MessageWriter(case: 3)
            writer.number(exchange)
            writer.list(tokens)
            return writer.bytes
        case .abandon(let exchange):
            var writer = MessageWriter(case: 4)
            writer.number(exchange)
            return writer.bytes
        case .connectTree(
            let share, let user, let isGuest, let isAnonymous, let groupIDs, let connectionCount, let remoteAddress):
            var writer = MessageWriter(case: 5)
            writer.text(share)
            writer.text(user)
            writer.flag(isGuest)
            writer.flag(isAnonymous)
            writer.numbers(groupIDs)
            writer.number(connectionCount)
            writer.text(remoteAddress)
            return writer.bytes
        case .heartbeat(let isVerbose):
            var writer = MessageWriter(case: 6)
            writer.flag(isVerbose)
            return writer.bytes
        case .pipe(let request):
            var writer = MessageWriter(case: 7)
            request.encode(into: &writer)
            return writer.bytes
        }
    }

    /// nil for bytes that are no request.
    public init?(decoding bytes: [UInt8]) {
        guard var reader = MessageReader(bytes) else { return nil }
        switch reader.tag {
        case 1: self = .initialToken
        case 2:
            self = .authenticate(
                exchange: reader.number(), isContinued: reader.flag(), token: reader.data(),
                remoteAddress: reader.text())
        case 3: self = .resumeExchange(exchange: reader.number(), tokens: reader.list())
        case 4: self = .abandon(exchange: reader.number())
        case 5:
            self = .connectTree(
                share: reader.text(), user: reader.text(), isGuest: reader.flag(), isAnonymous: reader.flag(),
                groupIDs: reader.numbers(), connectionCount: reader.number(), remoteAddress: reader.text())
        case 6: self = .heartbeat(isVerbose: reader.flag())
        case 7:
            guard let request = PipeRequest(from: &reader) else { return nil }
            self = .pipe(request)
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }
}

extension ControlPlaneAnswer {
    public func encode() -> [UInt8] {
        switch self {
        case .acknowledged: return MessageWriter(case: 1).bytes
        case .token(let token):
            var writer = MessageWriter(case: 2)
            writer.data(token)
            return writer.bytes
        case .authenticationContinues(let token):
            var writer = MessageWriter(case: 3)
            writer.data(token)
            return writer.bytes
        case .authenticated(let token, let login):
            var writer = MessageWriter(case: 4)
            writer.data(token)
            login.encode(into: &writer)
            return writer.bytes
        case .refused(let status, let reason):
            var writer = MessageWriter(case: 5)
            writer.number(status)
            writer.reason(reason)
            return writer.bytes
        case .exchangeUnknown: return MessageWriter(case: 6).bytes
        case .treeGranted(let share, let readOnly):
            var writer = MessageWriter(case: 7)
            writer.text(share)
            writer.reason(readOnly)
            return writer.bytes
        case .pipe(let answer):
            var writer = MessageWriter(case: 8)
            answer.encode(into: &writer)
            return writer.bytes
        case .late(let answer, let milliseconds):
            var writer = MessageWriter(case: 9)
            writer.number(milliseconds)
            writer.data(answer.encode())
            return writer.bytes
        }
    }

    /// nil for bytes that are no answer.
    public init?(decoding bytes: [UInt8]) {
        guard var reader = MessageReader(bytes) else { return nil }
        switch reader.tag {
        case 1: self = .acknowledged
        case 2: self = .token(reader.data(byteCountMax: LoginOutcome.tokenByteCountMax))
        case 3: self = .authenticationContinues(token: reader.data(byteCountMax: LoginOutcome.tokenByteCountMax))
        case 4:
            self = .authenticated(
                token: reader.data(byteCountMax: LoginOutcome.tokenByteCountMax), LoginOutcome(from: &reader))
        case 5:
            let status: UInt32 = reader.number()
            // Severity 3: a refusal that looked like success would let somebody in.
            guard status >> 30 == 3 else { return nil }
            self = .refused(status: status, reason: reader.reason())
        case 6: self = .exchangeUnknown
        case 7: self = .treeGranted(share: reader.text(), readOnly: reader.reason())
        case 8:
            guard let answer = PipeAnswer(from: &reader) else { return nil }
            self = .pipe(answer)
        case 9:
            let milliseconds: UInt32 = reader.number()
            guard milliseconds <= Self.delayMax, let answer = ControlPlaneAnswer(decoding: reader.data()) else {
                return nil
            }
            // Nothing else is late, and late once.
            switch answer {
            case .authenticated, .refused: self = .late(answer, milliseconds: milliseconds)
            default: return nil
            }
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }
}

extension LoginOutcome {
    fileprivate func encode(into writer: inout MessageWriter) {
        writer.text(user)
        writer.text(domain)
        writer.flag(mustHaveAccount)
        writer.data(sessionKey)
        writer.flag(isGuest)
        writer.flag(isAnonymous)
        writer.number(expiry)
    }

    fileprivate init(from reader: inout MessageReader) {
        self.init(
            user: reader.text(), domain: reader.text(), mustHaveAccount: reader.flag(),
            sessionKey: reader.data(byteCountMax: Self.sessionKeyByteCountMax), isGuest: reader.flag(),
            isAnonymous: reader.flag(), expiry: reader.number())
    }
}
