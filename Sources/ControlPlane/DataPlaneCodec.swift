extension DataPlaneQuery {
    /// Above the cases of `ControlPlaneAnswer`, so that an answer and a query cannot be taken for each other.
    private static let tags: ClosedRange<UInt8> = 64...76

    func encode() -> [UInt8] {
        func message(_ tag: UInt8, _ body: (inout MessageWriter) -> Void) -> [UInt8] {
            var writer = MessageWriter(case: Self.tags.lowerBound + tag)
            body(&writer)
            return writer.bytes
        }
        return switch self {
        case .userID(let name): message(0) { $0.text(name) }
        case .groupID(let name): message(1) { $0.text(name) }
        case .userName(let number): message(2) { $0.number(number) }
        case .groupName(let number): message(3) { $0.number(number) }
        case .domain: message(4) { _ in }
        case .sessions(let user, let after):
            message(5) { writer in
                writer.optional(user)
                writer.number(after)
            }
        case .treeConnects(let user, let after):
            message(6) { writer in
                writer.optional(user)
                writer.number(after)
            }
        case .openFiles(let user, let after):
            message(7) { writer in
                writer.optional(user)
                writer.number(after)
            }
        case .closeFile(let identifier): message(8) { $0.number(identifier) }
        case .endSessions(let client, let user):
            message(9) { writer in
                writer.optional(client)
                writer.optional(user)
            }
        case .addShare(let name, let path, let comment, let connectionCountMax):
            message(10) { writer in
                for text in [name, path, comment] { writer.text(text) }
                writer.number(connectionCountMax)
            }
        case .changeShare(let name, let comment, let connectionCountMax):
            message(11) { writer in
                writer.text(name)
                writer.optional(comment)
                writer.optional(connectionCountMax)
            }
        case .removeShare(let name): message(12) { $0.text(name) }
        }
    }

    static func isQuery(_ bytes: [UInt8]) -> Bool { bytes.first.map(tags.contains) ?? false }

    /// nil for bytes that are no query.
    init?(decoding bytes: [UInt8]) {
        guard var reader = MessageReader(bytes), Self.tags.contains(reader.tag) else { return nil }
        switch reader.tag - Self.tags.lowerBound {
        case 0: self = .userID(name: reader.text())
        case 1: self = .groupID(name: reader.text())
        case 2: self = .userName(number: reader.number())
        case 3: self = .groupName(number: reader.number())
        case 4: self = .domain
        case 5: self = .sessions(user: reader.optional(), after: reader.number())
        case 6: self = .treeConnects(user: reader.optional(), after: reader.number())
        case 7: self = .openFiles(user: reader.optional(), after: reader.number())
        case 8: self = .closeFile(identifier: reader.number())
        case 9: self = .endSessions(client: reader.optional(), user: reader.optional())
        case 10:
            self = .addShare(
                name: reader.text(), path: reader.text(), comment: reader.text(), connectionCountMax: reader.number())
        case 11:
            self = .changeShare(
                name: reader.text(), comment: reader.optional(), connectionCountMax: reader.optionalNumber())
        default: self = .removeShare(name: reader.text())
        }
        guard reader.isComplete else { return nil }
    }
}

extension DataPlaneFact {
    /// Of a list, as much is told as fits with certainty: 96 entries whose texts are cut at 512 bytes each.
    public static let entryCountMax = 96
    private static let textByteCountMax = 512

    func encode() -> [UInt8] {
        func message(_ tag: UInt8, _ body: (inout MessageWriter) -> Void) -> [UInt8] {
            var writer = MessageWriter(case: tag)
            body(&writer)
            return writer.bytes
        }
        return switch self {
        case .number(let number):
            message(1) { $0.optional(number) }
        case .name(let name): message(2) { $0.optional(name) }
        case .numbers(let numbers): message(3) { $0.numbers(Array(numbers.prefix(16_384))) }
        case .sessions(let entries):
            message(4) { writer in
                writer.entries(entries) { writer, entry in
                    writer.number(entry.identifier)
                    for text in [entry.user, entry.client] { writer.text(Self.short(text)) }
                    writer.flag(entry.isGuest)
                    writer.number(entry.openFileCount)
                    writer.number(entry.age)
                }
            }
        case .treeConnects(let entries):
            message(5) { writer in
                writer.entries(entries) { writer, entry in
                    writer.number(entry.identifier)
                    for text in [entry.share, entry.user, entry.client] { writer.text(Self.short(text)) }
                    writer.number(entry.openFileCount)
                    writer.number(entry.age)
                }
            }
        case .openFiles(let entries):
            message(6) { writer in
                writer.entries(entries) { writer, entry in
                    writer.number(entry.identifier)
                    for text in [entry.path, entry.share, entry.user] { writer.text(Self.short(text)) }
                    writer.number(entry.lockCount)
                    writer.number(entry.access)
                }
            }
        case .done(let done): message(7) { $0.flag(done) }
        case .shareChange(let change): message(8) { $0.number(change.rawValue) }
        }
    }

    private static func short(_ text: String) -> String {
        text.utf8.count <= textByteCountMax ? text : String(decoding: text.utf8.prefix(textByteCountMax), as: UTF8.self)
    }

    /// nil for bytes that are no fact.
    init?(decoding bytes: [UInt8]) {
        guard var reader = MessageReader(bytes) else { return nil }
        switch reader.tag {
        case 1:
            self = .number(reader.optionalNumber())
        case 2: self = .name(reader.optional())
        case 3: self = .numbers(reader.numbers())
        case 4:
            self = .sessions(
                reader.entries { reader in
                    SessionFact(
                        identifier: reader.number(), user: reader.text(), client: reader.text(),
                        isGuest: reader.flag(), openFileCount: reader.number(), age: reader.number())
                })
        case 5:
            self = .treeConnects(
                reader.entries { reader in
                    TreeConnectFact(
                        identifier: reader.number(), share: reader.text(), user: reader.text(),
                        client: reader.text(), openFileCount: reader.number(), age: reader.number())
                })
        case 6:
            self = .openFiles(
                reader.entries { reader in
                    OpenFileFact(
                        identifier: reader.number(), path: reader.text(), share: reader.text(), user: reader.text(),
                        lockCount: reader.number(), access: reader.number())
                })
        case 7: self = .done(reader.flag())
        case 8:
            guard let change = ShareChange(rawValue: reader.number()) else { return nil }
            self = .shareChange(change)
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }
}

extension MessageWriter {
    fileprivate mutating func optional(_ text: String?) {
        flag(text != nil)
        if let text { self.text(text) }
    }
    fileprivate mutating func optional(_ number: UInt32?) {
        flag(number != nil)
        if let number { self.number(number) }
    }
    fileprivate mutating func entries<Entry>(_ entries: [Entry], _ write: (inout MessageWriter, Entry) -> Void) {
        let part = entries.prefix(DataPlaneFact.entryCountMax)
        number(UInt32(part.count))
        for entry in part { write(&self, entry) }
    }
}

extension MessageReader {
    fileprivate mutating func optional() -> String? {
        flag() ? text() : nil
    }
    fileprivate mutating func optionalNumber() -> UInt32? {
        flag() ? number() : nil
    }
    fileprivate mutating func entries<Entry>(_ read: (inout MessageReader) -> Entry) -> [Entry] {
        let count = number(UInt32.self)
        guard count <= DataPlaneFact.entryCountMax else { return [] }
        return (0..<count).map { _ in read(&self) }
    }
}
