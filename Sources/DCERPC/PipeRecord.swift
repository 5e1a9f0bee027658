/// Something that a pipe has come to, by which another process goes on with it as if it had been there: what it is
/// bound to, or one of the handles that its client was given.
///
/// Whoever keeps them puts one in the place of the one before of its number, and drops those that are empty.
public struct PipeRecord: Equatable, Sendable {
    /// What its number and its length take besides the value.
    static let headByteCount = 8
    /// A handle to something with longer names ends with the process.
    static let byteCountMax = 4096
    /// 0 is the binding; the others are handles, in the order that they were given.
    public var number: UInt32
    /// Means something to this module only. Empty: there is no such thing any more.
    public var value: [UInt8]
    public init(number: UInt32, value: [UInt8]) {
        self.number = number
        self.value = value
    }
}

/// Values of records, little-endian; texts behind their length.
struct RecordWriter {
    private(set) var bytes: [UInt8] = []

    mutating func number<Value: FixedWidthInteger>(_ value: Value) {
        for index in 0..<Value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }
    mutating func text(_ value: String) {
        number(UInt32(value.utf8.count))
        bytes += value.utf8
    }
}

/// The other direction. A record comes from another process of ours over a third, and is read like a stranger's.
struct RecordReader {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    /// nil past the end.
    mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value? {
        let size = Value.bitWidth / 8
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }
    mutating func text() -> String? {
        guard let count = number(UInt32.self), rest.count >= Int(count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return String(validating: rest.prefix(Int(count)), as: UTF8.self)
    }
}

extension HandleTarget {
    func encode(into writer: inout RecordWriter) {
        writer.number(kind)
        guard let description else { return }
        writer.number(description.kind.rawValue)
        writer.text(description.name)
        writer.text(description.domain)
        writer.text(description.sid.description)
        writer.text(description.fullName)
    }

    /// nil for what is none.
    init?(from reader: inout RecordReader) {
        guard let kind = reader.number(UInt8.self) else { return nil }
        if kind < 2 {
            self = kind == 0 ? .policy : .accountServer
            return
        }
        guard let accountKind = reader.number().flatMap(AccountKind.init), let name = reader.text(),
            let domain = reader.text(), let sid = reader.text().flatMap({ SID($0) }), let fullName = reader.text()
        else { return nil }
        let account = AccountDescription(kind: accountKind, name: name, domain: domain, sid: sid, fullName: fullName)
        switch kind {
        case 2: self = .accountDomain(account)
        case 3: self = .user(account)
        case 4: self = .group(account)
        case 5: self = .alias(account)
        default: return nil
        }
    }

    private var kind: UInt8 {
        switch self {
        case .policy: 0
        case .accountServer: 1
        case .accountDomain: 2
        case .user: 3
        case .group: 4
        case .alias: 5
        }
    }
    private var description: AccountDescription? { domain ?? account }
}

extension RPCSession {
    static func record(_ handle: ContextHandle, _ target: HandleTarget) -> [UInt8] {
        var writer = RecordWriter()
        writer.number(handle.low)
        writer.number(handle.high)
        target.encode(into: &writer)
        return writer.bytes
    }

    /// - Returns: false for what no `record` has made.
    mutating func restore(_ record: PipeRecord) -> Bool {
        var reader = RecordReader(record.value)
        guard let low = reader.number(UInt64.self), let high = reader.number(UInt64.self),
            let target = HandleTarget(from: &reader), reader.isAtEnd
        else { return false }
        return restore(ContextHandle(low: low, high: high), target, number: record.number)
    }
}

extension RPCPipe {
    /// A pipe that was another process's, as that has told in `takeRecords` all the while. What it had not read to the
    /// end of a call is to be received once more.
    /// - Returns: nil when they are no such records.
    public init?(name: PipeName, caller: Caller, limits: RPCLimits = RPCLimits(), restoring records: [PipeRecord]) {
        self.init(name: name, caller: caller, limits: limits)
        for record in records {
            guard record.number == 0 ? restoreBinding(record.value) : restoreHandle(record) else { return nil }
        }
    }
}
