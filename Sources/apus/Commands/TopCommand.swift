import Administration
import ArgumentParser
import Diagnosis
import Glibc

/// `apus top`: who does what, and where the time goes.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show what each client does in each share, and where the time goes.",
        discussion: """
            Times are averages for one request: in the queue before anybody looked at it, in the processor (checks, \
            signatures, sealing), in the file system, waiting for others to give up what they cache or lock, and in \
            sending the answer. The server measures only while somebody looks.
            """)

    @OptionGroup var admin: AdminOptions
    @Option(help: "Seconds of each window.") var interval = 2.0
    @Flag(help: "One window, then the end.") var once = false
    @Flag(help: "As JSON, an object for each window.") var json = false

    func validate() throws {
        guard interval >= 0.1, interval <= 60 else { throw ValidationError("--interval is 0.1 to 60 seconds") }
    }

    func run() throws {
        var window = TopWindow()
        try admin.ask(["verb": "top", "interval": JSON(Int(interval * 1000))]) { line in
            guard window.take(line) else { return true }
            if json {
                let value = TopText.json(window)
                print(once ? value.pretty : value.text, terminator: once ? "" : "\n")
            } else {
                // The cursor goes home, and what is below the text goes away.
                print((once ? "" : "\u{1B}[H\u{1B}[J") + TopText.table(window), terminator: "")
            }
            fflush(nil)
            window = TopWindow()
            return !once
        }
    }
}

/// The lines of one window.
struct TopWindow {
    private var rows: [JSON] = []
    private var connections: [Int64: JSON] = [:]
    private var nanoseconds: Int64 = 0
    /// Requests of clients that the server had no room to tell of.
    private(set) var lostCount: Int64 = 0

    /// - Returns: true when the window is whole.
    mutating func take(_ line: JSON) -> Bool {
        if let row = line["row"] { rows.append(row) }
        if let connection = line["connection"] { connections[connection["id"]?.integer ?? 0] = connection }
        guard let window = line["window"] else { return false }
        nanoseconds = window["nanoseconds"]?.integer ?? 0
        lostCount = window["lost"]?.integer ?? 0
        return true
    }

    /// One for each client, user and share, those with the most requests first.
    var activities: [Activity] {
        var requests: [Int64: Int] = [:]
        let single = rows.map { row -> (connection: Int64, activity: Activity) in
            let connection = row["connection"]?.integer ?? 0
            let activity = activity(row)
            requests[connection, default: 0] += activity.requestCount
            return (connection, activity)
        }
        var merged: [[String]: Activity] = [:]
        for (connection, activity) in single {
            var activity = activity
            // What a connection took to send is its requests' in equal parts.
            let sending = Double(connections[connection]?["sending"]?.integer ?? 0)
            activity.network = Int(sending * Double(activity.requestCount) / Double(max(1, requests[connection] ?? 1)))
            let key = [activity.client, activity.user, activity.share]
            if merged[key] == nil { merged[key] = activity } else { merged[key]?.add(activity) }
        }
        return merged.values.sorted { ($0.requestCount, $0.share) > ($1.requestCount, $1.share) }
    }

    private func activity(_ row: JSON) -> Activity {
        func number(_ name: String) -> Int { Int(row[name]?.integer ?? 0) }
        var activity = Activity()
        activity.client = row["client"]?.string ?? ""
        activity.user = row["user"]?.string ?? ""
        activity.share = row["share"]?.string ?? ""
        activity.seconds = Double(nanoseconds) / 1e9
        for member in row["commands"]?.members ?? [] { activity.commands[member.name] = Int(member.value.integer ?? 0) }
        activity.errorCount = number("errors")
        activity.readByteCount = number("read_bytes")
        activity.writtenByteCount = number("written_bytes")
        activity.queue = number("queue")
        activity.processor = number("cpu")
        activity.files = number("files")
        activity.wait = number("wait")
        activity.waitCount = number("waits")
        activity.lastAwaited = row["awaited"]?.string ?? ""
        activity.smallReadCount = number("small_reads")
        activity.attributeOpenCount = number("attribute_opens")
        activity.failedOpenCount = number("failed_opens")
        activity.sealedCount = number("sealed")
        activity.signedCount = number("signed")
        activity.buckets = (row["buckets"]?.array ?? []).map { Int($0.integer ?? 0) }
        activity.cipher = row["cipher"]?.string ?? ""
        activity.signing = row["signing"]?.string ?? ""
        return activity
    }
}

enum TopText {
    /// Rates by the second, times for one request.
    static func table(_ window: TopWindow) -> String {
        let lost =
            window.lostCount == 0
            ? "" : "\(window.lostCount) requests are of more clients than there is room for, and not told of\n"
        return table(window.activities) + lost
    }

    private static func table(_ activities: [Activity]) -> String {
        guard !activities.isEmpty else { return "nobody asked for anything\n" }
        var table = Table(
            "client", "user", "share", "ops/s", "read/s", "written/s", "median", "99 %", "queue", "cpu", "files",
            "wait",
            "network", "most")
        for activity in activities {
            func each(_ sum: Int) -> String {
                Latency(nanoseconds: UInt64(max(0, sum) / max(1, activity.requestCount))).text
            }
            func rate(_ count: Int) -> Double { Double(count) / max(activity.seconds, 0.001) }
            let most = activity.commands.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(3)
            table.add([
                activity.client, or(activity.user), or(activity.share), "\(Int(rate(activity.requestCount).rounded()))",
                StatusTables.bytes(rate(activity.readByteCount)), StatusTables.bytes(rate(activity.writtenByteCount)),
                "<" + Latency(nanoseconds: UInt64(activity.latency(part: 0.5))).text,
                "<" + Latency(nanoseconds: UInt64(activity.latency(part: 0.99))).text, each(activity.queue),
                each(activity.processor), each(activity.files), each(activity.wait), each(activity.network),
                most.map { "\($0.key) \($0.value * 100 / max(1, activity.requestCount)) %" }.joined(separator: ", "),
            ])
        }
        let hints = activities.flatMap { activity in
            Habits.hints(activity).map {
                "\(or(activity.user)) at \(activity.client) [\(activity.share)] \($0)\n".printableLine
            }
        }
        return table.text + (hints.isEmpty ? "" : "\n" + hints.joined())
    }

    private static func or(_ name: String) -> String { name.isEmpty ? "-" : name }

    static func json(_ window: TopWindow) -> JSON {
        ["clients": .array(window.activities.map(describe)), "requests_not_told": JSON(window.lostCount)]
    }

    /// Times in microseconds for one request.
    private static func describe(_ activity: Activity) -> JSON {
        func each(_ sum: Int) -> JSON {
            .real((Double(sum) / Double(max(1, activity.requestCount)) / 100).rounded() / 10)
        }
        func rate(_ count: Int) -> JSON { .real((Double(count) / max(activity.seconds, 0.001) * 10).rounded() / 10) }
        let commands = activity.commands.sorted { $0.key < $1.key }.map { JSON.Member($0.key, JSON($0.value)) }
        return [
            "client": .string(activity.client), "user": .string(activity.user), "share": .string(activity.share),
            "connections": JSON(activity.connectionCount), "seconds": .real(activity.seconds),
            "requests": JSON(activity.requestCount), "errors": JSON(activity.errorCount),
            "requests_per_second": rate(activity.requestCount), "read_bytes_per_second": rate(activity.readByteCount),
            "written_bytes_per_second": rate(activity.writtenByteCount),
            "median_below": JSON(activity.latency(part: 0.5) / 1000),
            "percentile_99_below": JSON(activity.latency(part: 0.99) / 1000), "queue": each(activity.queue),
            "cpu": each(activity.processor), "files": each(activity.files), "wait": each(activity.wait),
            "network": each(activity.network), "waits": JSON(activity.waitCount), "commands": .object(commands),
            "hints": .array(Habits.hints(activity).map { .string($0) }),
        ]
    }
}

extension String {
    /// `printable`, but for the line's end.
    fileprivate var printableLine: String { String(dropLast()).printable + "\n" }
}
