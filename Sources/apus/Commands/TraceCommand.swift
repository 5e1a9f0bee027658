import Administration
import ArgumentParser
import Glibc

/// `apus trace`: the live conversation, one line a request.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show requests as they are answered.",
        discussion: """
            A line for each: when, from whom, what, where, what was asked, the status, how long it took. \
            The server waits for nobody who reads this: what it had no room for is counted, and told. While nobody \
            traces, it costs nothing.
            """)

    @OptionGroup var admin: AdminOptions
    @Option(help: "Only from this client's address.") var client: String?
    @Option(help: "Only in this share.") var share: String?
    @Option(help: "Only this path in its share, or below it; with * and ? a pattern of the whole path.") var path:
        String?
    @Option(help: "Only what is answered so: ACCESS_DENIED, 0xC0000022, or error for every error.") var status: String?
    @Option(help: "Only what takes longer: 500us, 10ms, 2s.") var slowerThan: Latency?
    @Option(help: "End after so many.") var count: Int?
    @Flag(help: "As JSON, an object on each line.") var json = false

    func run() throws {
        var request: [JSON.Member] = [.init("verb", "trace")]
        for (name, value) in [("client", client), ("share", share), ("path", path), ("status", status)] {
            if let value { request.append(.init(name, .string(value))) }
        }
        if let slowerThan { request.append(.init("slower_than", JSON(slowerThan.nanoseconds))) }
        var left = count ?? .max
        try admin.ask(.object(request)) { line in
            if let dropped = line["dropped"]?.integer {
                if json { print(line.text) } else { print("... \(dropped) requests more than there was room for") }
            } else if let entry = line["request"] {
                print(json ? entry.text : Self.text(entry))
                left -= 1
            }
            fflush(nil)
            return left > 0
        }
    }

    static func text(_ entry: JSON) -> String {
        func word(_ name: String) -> String { entry[name]?.string ?? "" }
        let path = word("path").split(separator: "\\").map { "/" + $0 }.joined()
        let place = word("share").isEmpty ? "-" : word("share") + path
        let asked = word("asked").isEmpty ? "" : " (\(word("asked")))"
        let user = word("user").isEmpty ? "-" : word("user")
        let time = Latency(nanoseconds: UInt64(clamping: (entry["microseconds"]?.integer ?? 0) * 1000)).text
        return "\(word("time")) \(word("client")) \(user) \(word("command")) \(place)\(asked) \(word("status")) \(time)"
            .printable
    }
}

/// A time that something took, as people write it: 500us, 10ms, 2s.
struct Latency: ExpressibleByArgument, Equatable {
    var nanoseconds: UInt64

    init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    init?(argument: String) {
        let units: [(String, Double)] = [("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Double(argument.dropLast(unit.count)), number >= 0, number * factor < 1e18
        else { return nil }
        nanoseconds = UInt64(number * factor)
    }

    /// Three digits or so.
    var text: String {
        let value = Double(nanoseconds)
        func short(_ value: Double) -> String {
            value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
        }
        switch value {
        case ..<1e6: return short(value / 1e3) + "us"
        case ..<1e9: return short(value / 1e6) + "ms"
        default: return short(value / 1e9) + "s"
        }
    }
}
