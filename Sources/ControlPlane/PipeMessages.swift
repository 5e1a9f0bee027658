/// What is asked for named pipes. DCE/RPC is read and served in the control plane; the data plane carries bytes.
public enum PipeRequest: Equatable, Sendable {
    /// Largest `input` of a `transact`, and about the most that its answer carries, in bytes.
    public static let chunkByteCountMax = 64 << 10
    /// Largest sum of the records of one pipe, in bytes, each counted with `PipeRecord.headByteCount` more. A pipe that
    /// has come to more ends with its control plane.
    public static let recordByteCountMax = 128 << 10

    /// Data plane, for FSCTL_PIPE_WAIT. Answer: `acknowledged`, or `refused`: there is no such pipe.
    case find(name: String)
    /// Data plane, for a CREATE on IPC$. Answer: `acknowledged` or `refused`.
    /// - pipe: names the instance from now on; the data plane's choice, never used twice.
    /// - name: as the client sent it.
    /// - user and the rest: as `authenticated` gave them.
    /// - isAdministrator: the user is root here, and may manage the server.
    /// - records: none for a new one; or the pipe was another control plane's, and this is what that has told of it.
    case open(
        pipe: UInt64, name: String, user: String, domain: String, isGuest: Bool, isAnonymous: Bool,
        isAdministrator: Bool, remoteAddress: String, records: [PipeRecord] = [])
    /// Data plane, for what a client wrote, and with an empty `input` to have more of what it may read. Answer: `pipe`;
    /// `refused` when the instance is given up, and `exchangeUnknown` for one that this process has not seen opened.
    case transact(pipe: UInt64, input: [UInt8])
    /// Data plane, when the open is closed; nobody waits for the answer, `acknowledged`.
    case close(pipe: UInt64)
}

/// Something that a pipe has come to and that outlives the control plane: the data plane keeps it unread for the next
/// one, in the place of what it had under that number; what is empty it forgets.
public struct PipeRecord: Equatable, Sendable {
    /// Of its number and its length, in a message.
    public static let headByteCount = 8
    public var number: UInt32
    public var value: [UInt8]
    public init(number: UInt32, value: [UInt8]) { (self.number, self.value) = (number, value) }
}

/// The answer to `PipeRequest.transact`.
public struct PipeAnswer: Equatable, Sendable {
    /// What the client may read now, message by message.
    public var messages: [[UInt8]]
    /// There is more, for another `transact`.
    public var hasMore: Bool
    /// So many bytes, the last that were written, wait for the rest of their call: another control plane is to be given
    /// them again.
    public var unfinishedByteCount: UInt32
    /// What has changed.
    public var records: [PipeRecord]
    public init(
        messages: [[UInt8]], hasMore: Bool, unfinishedByteCount: UInt32 = 0, records: [PipeRecord] = []
    ) {
        self.messages = messages
        self.hasMore = hasMore
        self.unfinishedByteCount = unfinishedByteCount
        self.records = records
    }
}

extension PipeRequest {
    func encode(into writer: inout MessageWriter) {
        switch self {
        case .find(let name):
            writer.number(1 as UInt8)
            writer.text(name)
        case .open(
            let pipe, let name, let user, let domain, let isGuest, let isAnonymous, let isAdministrator,
            let remoteAddress, let records):
            writer.number(2 as UInt8)
            writer.number(pipe)
            writer.text(name)
            writer.text(user)
            writer.text(domain)
            writer.flag(isGuest)
            writer.flag(isAnonymous)
            writer.flag(isAdministrator)
            writer.text(remoteAddress)
            writer.records(records)
        case .transact(let pipe, let input):
            writer.number(3 as UInt8)
            writer.number(pipe)
            writer.data(input)
        case .close(let pipe):
            writer.number(4 as UInt8)
            writer.number(pipe)
        }
    }

    /// nil for what is none.
    init?(from reader: inout MessageReader) {
        switch reader.number(UInt8.self) {
        case 1: self = .find(name: reader.text())
        case 2:
            self = .open(
                pipe: reader.number(), name: reader.text(), user: reader.text(), domain: reader.text(),
                isGuest: reader.flag(), isAnonymous: reader.flag(), isAdministrator: reader.flag(),
                remoteAddress: reader.text(),
                records: reader.records())
        case 3:
            let (pipe, input): (UInt64, [UInt8]) = (reader.number(), reader.data())
            guard input.count <= Self.chunkByteCountMax else { return nil }
            self = .transact(pipe: pipe, input: input)
        case 4: self = .close(pipe: reader.number())
        default: return nil
        }
    }
}

extension PipeAnswer {
    /// Messages in one answer: each is a fragment of some length, or the answer would be all headers.
    private static var messageCountMax: UInt32 { 4096 }

    func encode(into writer: inout MessageWriter) {
        writer.flag(hasMore)
        writer.number(UInt32(messages.count))
        for message in messages { writer.data(message) }
        writer.number(unfinishedByteCount)
        writer.records(records)
    }

    init?(from reader: inout MessageReader) {
        hasMore = reader.flag()
        let count = reader.number(UInt32.self)
        guard count <= Self.messageCountMax else { return nil }
        messages = (0..<count).map { _ in reader.data() }
        // A fragment has a header; and what has no bytes would be kept without counting.
        if messages.contains(where: \.isEmpty) { return nil }
        unfinishedByteCount = reader.number()
        records = reader.records()
    }
}

extension MessageWriter {
    fileprivate mutating func records(_ records: [PipeRecord]) {
        number(UInt32(records.count))
        for record in records {
            number(record.number)
            data(record.value)
        }
    }
}

extension MessageReader {
    /// Records of one message: about the least that one takes, in the most that a pipe may have.
    private static var recordCountMax: UInt32 { 8192 }

    fileprivate mutating func records() -> [PipeRecord] {
        let count = number(UInt32.self)
        guard count <= Self.recordCountMax else {
            fail()
            return []
        }
        return (0..<count).map { _ in PipeRecord(number: number(), value: data()) }
    }
}
