import Administration
import Glibc
import NTTypes
import SMBServer
import SMBWire

/// `trace`: as long as the caller listens, a line for each request that is answered and that the filter lets through;
/// now and then, one that says how many were lost because he did not read fast enough.
enum TraceVerb {
    private static let pause: UInt32 = 50_000

    static func make(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("trace") { request, reply throws(AdminError) in
            let observation = subject.server.observation
            let tracer = Tracer(filter: try filter(request), limits: subject.server.settings.limits)
            observation.add(tracer)
            defer { observation.remove(tracer) }
            // Who asks knows from this that nothing is missed from now on.
            guard reply.send(["tracing": true]) else { return }
            while reply.isAwaited {
                let (entries, droppedCount) = tracer.take()
                for entry in entries where !reply.send(["request": describe(entry)]) { return }
                if droppedCount > 0, !reply.send(["dropped": JSON(droppedCount)]) { return }
                usleep(pause)
            }
        }
    }

    private static func filter(_ request: AdminRequest) throws(AdminError) -> TraceFilter {
        var filter = TraceFilter()
        func text(_ name: String) throws(AdminError) -> String? {
            request.parameters[name] == nil ? nil : try request.text(name)
        }
        filter.client = try text("client")
        filter.share = try text("share")
        if request.parameters["slower_than"] != nil { filter.nanosecondsMin = try request.number("slower_than") }
        if let status = try text("status") { filter.statuses = try statuses(status) }
        if let path = try text("path") { filter.wantsPath = PathPattern(path).matches }
        return filter
    }

    /// A name as it is shown, `STATUS_` before it or not, a number, or `error` for all errors.
    private static func statuses(_ text: String) throws(AdminError) -> TraceFilter.Statuses {
        if text.lowercased() == "error" { return .errors }
        guard let status = NTStatus(words: text) else {
            throw AdminError("there is no status '\(text)'; a name (ACCESS_DENIED), a number (0xC0000022), or error")
        }
        return .only(status)
    }

    private static func describe(_ entry: TraceEntry) -> JSON {
        [
            "time": .string(entry.time.preciseText), "microseconds": JSON(entry.nanoseconds / 1000),
            "client": .string(entry.client), "user": .string(entry.user),
            "command": .string(SMB2Command(rawValue: entry.command).map { "\($0)" } ?? "command \(entry.command)"),
            "share": .string(entry.share), "path": .string(entry.path), "asked": .string(words(entry.subject)),
            "status": .string(entry.status.words), "received": JSON(entry.receivedByteCount),
            "sent": JSON(entry.sentByteCount),
        ]
    }

    private static func words(_ subject: TraceEntry.Subject) -> String {
        switch subject {
        case .none: return ""
        case .open(let access, let disposition):
            let how = CreateDisposition(rawValue: disposition).map { "\($0)" } ?? "disposition \(disposition)"
            return "\(how) for \(access.expandingGenericRights.words)"
        case .range(let offset, let byteCount): return "\(byteCount) bytes at \(offset)"
        case .pattern(let pattern): return pattern
        case .information(let type, let number):
            let kinds = [1: "file", 2: "file system", 3: "security", 4: "quota"]
            return "\(kinds[Int(type)] ?? "type \(type)") information\(type == 3 ? "" : " \(number)")"
        case .control(let code): return "control 0x" + String(code, radix: 16, uppercase: true)
        case .locks(let count): return "\(count) ranges"
        }
    }
}

/// Which paths within shares are meant: with `*` or `?` a pattern of the whole path, else a path and all that is below.
/// Slashes and backslashes are the same, and so are capitals and small letters.
struct PathPattern: Sendable {
    private let text: String
    private let expression: NameExpression?

    init(_ pattern: String) {
        var text = Self.normal(pattern)
        while text.hasPrefix("/") { text.removeFirst() }
        while text.hasSuffix("/") { text.removeLast() }
        self.text = text
        expression = text.contains { $0 == "*" || $0 == "?" } ? NameExpression(NTName(text)) : nil
    }

    @Sendable func matches(_ path: String) -> Bool {
        let path = Self.normal(path)
        if let expression { return expression.matches(NTName(path)) }
        return text.isEmpty || path == text || path.hasPrefix(text + "/")
    }

    private static func normal(_ path: String) -> String { String(path.map { $0 == "\\" ? "/" : $0 }).lowercased() }
}

extension FileTime {
    /// RFC 3339, Universal Time, with microseconds.
    var preciseText: String {
        let digits = String(rawValue % 10_000_000 / 10)
        return text.dropLast() + "." + String(repeating: "0", count: 6 - digits.count) + digits + "Z"
    }
}
