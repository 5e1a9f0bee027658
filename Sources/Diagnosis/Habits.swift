/// What one user of one share did, from one client, in a window of time.
public struct Activity: Equatable, Sendable {
    public var client = ""
    public var user = ""
    public var share = ""
    /// The window's.
    public var seconds = 1.0
    /// By command, as [MS-SMB2] 2.2.1.2 has them: "read".
    public var commands: [String: Int] = [:]
    public var errorCount = 0
    public var readByteCount = 0
    public var writtenByteCount = 0
    // Sums over all requests, in nanoseconds.
    public var queue = 0
    public var processor = 0
    public var files = 0
    public var wait = 0
    /// In sending, and until the client took what was sent.
    public var network = 0
    public var waitCount = 0
    /// Of the last file for which one of its requests waited.
    public var lastAwaited = ""
    public var smallReadCount = 0
    public var attributeOpenCount = 0
    public var failedOpenCount = 0
    public var sealedCount = 0
    public var signedCount = 0
    /// Latencies: below 1 µs, 2 µs, and so on.
    public var buckets: [Int] = []
    /// "AES-128-CCM"; empty for none.
    public var cipher = ""
    /// "HMAC-SHA256".
    public var signing = ""
    public var connectionCount = 1
    public init() {}

    public var requestCount: Int { commands.values.reduce(0, +) }

    /// The latency, in nanoseconds, that `part` of the requests did not exceed, to a factor of two.
    public func latency(part: Double) -> Int {
        let total = buckets.reduce(0, +)
        var left = Double(total) * part
        for (index, count) in buckets.enumerated() where total > 0 {
            left -= Double(count)
            if left <= 0 { return 1000 << index }
        }
        return 0
    }

    /// What was done on another connection, or in another session of the same user.
    public mutating func add(_ other: Activity) {
        for (command, count) in other.commands { commands[command, default: 0] += count }
        let numbers: [WritableKeyPath<Activity, Int>] = [
            \.errorCount, \.readByteCount, \.writtenByteCount, \.queue, \.processor, \.files, \.wait, \.network,
            \.waitCount, \.smallReadCount, \.attributeOpenCount, \.failedOpenCount, \.sealedCount, \.signedCount,
            \.connectionCount,
        ]
        for number in numbers { self[keyPath: number] += other[keyPath: number] }
        for (index, count) in other.buckets.enumerated() {
            if index < buckets.count { buckets[index] += count } else { buckets.append(count) }
        }
        if lastAwaited.isEmpty { lastAwaited = other.lastAwaited }
        if cipher.isEmpty { cipher = other.cipher }
        if signing.isEmpty { signing = other.signing }
    }
}

/// What a client does that costs more than it needs, in one line each, with what would change it.
public enum Habits {
    public static func hints(_ activity: Activity) -> [String] {
        guard activity.seconds > 0 else { return [] }
        return [
            smallReads(activity), attributeOpens(activity), failedOpens(activity), listings(activity), waits(activity),
            sealing(activity), signing(activity), channel(activity), network(activity),
        ].compactMap { $0 }
    }

    private static func rate(_ count: Int, _ activity: Activity) -> Int {
        Int((Double(count) / activity.seconds).rounded())
    }

    static func smallReads(_ activity: Activity) -> String? {
        let reads = activity.commands["read"] ?? 0
        let rate = rate(activity.smallReadCount, activity)
        guard rate >= 300, activity.smallReadCount * 10 >= reads * 8 else { return nil }
        let size = activity.readByteCount / max(reads, 1) / 1024
        return
            "reads \(max(size, 1)) KiB at a time, \(rate) times a second: a larger buffer in it, or read-ahead "
            + "in the client (rsize=, rasize= of mount.cifs), needs a fraction of that"
    }

    static func attributeOpens(_ activity: Activity) -> String? {
        let opens = activity.commands["create"] ?? 0
        let rate = rate(activity.attributeOpenCount, activity)
        guard rate >= 30, activity.attributeOpenCount * 2 >= opens else { return nil }
        return
            "opens \(rate) files a second for nothing but their attributes: it reads tags, icons or sizes one by one, "
            + "which a listing would have told at once"
    }

    static func failedOpens(_ activity: Activity) -> String? {
        let opens = activity.commands["create"] ?? 0
        let rate = rate(activity.failedOpenCount, activity)
        guard rate >= 30, activity.failedOpenCount * 2 >= opens else { return nil }
        return
            "fails to open \(rate) files a second: it looks for names that are not there (search paths, desktop.ini, "
            + "._ files), or for what it may not have (apus denials)"
    }

    static func listings(_ activity: Activity) -> String? {
        let rate = rate(activity.commands["queryDirectory"] ?? 0, activity)
        guard rate >= 100 else { return nil }
        return
            "asks for \(rate) parts of listings a second: it looks through folders over and over (an indexer, a virus "
            + "scanner, a sync program), or does not cache them"
    }

    static func waits(_ activity: Activity) -> String? {
        guard rate(activity.waitCount, activity) >= 3 else { return nil }
        let file = activity.lastAwaited.isEmpty ? "" : ", last for \(activity.lastAwaited)"
        return
            "waits \(rate(activity.waitCount, activity)) times a second for others to give up what they cache or "
            + "lock\(file): several clients share these files; oplocks = no for their share spares them the breaks"
    }

    static func sealing(_ activity: Activity) -> String? {
        let byteRate = rate(activity.readByteCount + activity.writtenByteCount, activity)
        guard activity.cipher.hasSuffix("CCM"), activity.sealedCount > 0,
            rate(activity.sealedCount, activity) >= 50 || byteRate >= 10_000_000
        else { return nil }
        return
            "seals with \(activity.cipher), at three times the cost of AES-GCM: let it use SMB 3.1.1 with AES-GCM"
    }

    static func signing(_ activity: Activity) -> String? {
        guard activity.signing == "HMAC-SHA256", rate(activity.signedCount, activity) >= 300 else { return nil }
        return
            "signs with HMAC-SHA256, as SMB 2 does, which costs several times what AES-GMAC does: let it use SMB 3.1.1"
    }

    static func channel(_ activity: Activity) -> String? {
        let busy = Double(activity.processor + activity.files) / (activity.seconds * 1e9)
        guard busy >= 0.8, activity.connectionCount == 1 else { return nil }
        return
            "keeps its one connection busy for \(Int(busy * 100)) % of the time: server multi channel support = yes "
            + "lets a client use several processors"
    }

    static func network(_ activity: Activity) -> String? {
        let part = Double(activity.network) / (activity.seconds * 1e9)
        guard part >= 0.3 else { return nil }
        return
            "takes its replies slowly (\(Int(part * 100)) % of the time): it waits for the network or for itself"
    }
}
