import Administration
import Glibc
import NTTypes
import SMBServer
import SMBWire
import Transport

/// `top`: as long as the caller listens, once each `interval` milliseconds: a line for each connection that was used,
/// one for each tree connect on it, and one that ends the window. Requests are timed only meanwhile.
enum TopVerb {
    private static let intervals: ClosedRange<UInt64> = 100...60_000
    /// Of each kind in a window: those with the most requests.
    private static let rowCountMax = 500

    static func make(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("top") { request, reply throws(AdminError) in
            let interval = request.parameters["interval"] == nil ? 2000 : try request.number("interval")
            guard intervals.contains(interval) else { throw AdminError("an interval is 100 to 60000 milliseconds") }
            let observation = subject.server.observation
            observation.beginActivity()
            defer { observation.endActivity() }
            var before = Look(subject)
            while wait(interval, reply) {
                let now = Look(subject)
                guard tell(before, now, subject, reply) else { return }
                before = now
            }
        }
    }

    /// - Returns: false if the caller has gone meanwhile.
    private static func wait(_ milliseconds: UInt64, _ reply: any AdminReply) -> Bool {
        let end = Clock.uptime() + milliseconds * 1_000_000
        while reply.isAwaited {
            let now = Clock.uptime()
            guard now < end else { return true }
            usleep(UInt32(min((end - now) / 1000 + 1, 100_000)))
        }
        return false
    }

    /// The sums up to a moment.
    private struct Look {
        let time = Clock.uptime()
        let entries: [ActivityLog.Key: ActivityLog.Entry]
        /// Nanoseconds of sending, by connection.
        let sending: [UInt64: UInt64]
        /// Requests that were not noted.
        let lostCount: UInt64

        init(_ subject: AdminSide.Subject) {
            let activity = subject.server.observation.activity
            entries = activity.entries
            lostCount = activity.lostCount
            let adapters = subject.transport.receivers.compactMap { $0 as? ConnectionAdapter }
            let living = Dictionary(
                adapters.map { ($0.description.identifier, $0.sending) }, uniquingKeysWith: { first, _ in first })
            // Those that end meanwhile are in both, or in these.
            sending = living.merging(activity.sendingOfEnded) { _, last in last }
        }
    }

    private static func tell(_ before: Look, _ now: Look, _ subject: AdminSide.Subject, _ reply: any AdminReply) -> Bool
    {
        var rows = now.entries.map { key, entry in
            var entry = entry
            // What was forgotten meanwhile, for want of room, begins anew.
            if let old = before.entries[key], old.sums.requestCount <= entry.sums.requestCount {
                entry.sums = entry.sums.since(old.sums)
            }
            return (key: key, entry: entry)
        }
        rows = rows.filter { $0.entry.sums.requestCount > 0 }
            .sorted { $0.entry.sums.requestCount > $1.entry.sums.requestCount }
        for (key, entry) in rows.prefix(rowCountMax) {
            guard reply.send(["row": describe(key, entry)]) else { return false }
        }
        for identifier in Set(rows.map(\.key.connection)).sorted().prefix(rowCountMax) {
            let (total, old) = (now.sending[identifier] ?? 0, before.sending[identifier] ?? 0)
            let sending = total >= old ? total - old : 0
            let line: JSON = ["id": JSON(identifier), "sending": JSON(sending)]
            guard reply.send(["connection": line]) else { return false }
        }
        let lostCount = now.lostCount >= before.lostCount ? now.lostCount - before.lostCount : now.lostCount
        return reply.send(["window": ["nanoseconds": JSON(now.time - before.time), "lost": JSON(lostCount)]])
    }

    /// Times in nanoseconds, sums over the window.
    private static func describe(_ key: ActivityLog.Key, _ entry: ActivityLog.Entry) -> JSON {
        let sums = entry.sums
        let commands = sums.commands.enumerated().filter { $0.element > 0 }.map { code, count in
            JSON.Member(SMB2Command(rawValue: UInt16(code)).map { "\($0)" } ?? "unknown", JSON(count))
        }
        return [
            "connection": JSON(key.connection), "session": JSON(key.session), "client": .string(entry.client),
            "user": .string(entry.user), "share": .string(entry.share),
            "cipher": WireNames.cipher(entry.cipher).map { .string($0) } ?? .null,
            "signing": .string(WireNames.signing(entry.signingAlgorithm)), "errors": JSON(sums.errorCount),
            "read_bytes": JSON(sums.readByteCount), "written_bytes": JSON(sums.writtenByteCount),
            "queue": JSON(sums.queue), "cpu": JSON(sums.processor), "files": JSON(sums.files),
            "wait": JSON(sums.wait), "waits": JSON(sums.waitCount), "awaited": .string(entry.lastAwaited),
            "small_reads": JSON(sums.smallReadCount), "attribute_opens": JSON(sums.attributeOpenCount),
            "failed_opens": JSON(sums.failedOpenCount), "sealed": JSON(sums.sealedCount),
            "signed": JSON(sums.signedCount), "buckets": .array(sums.buckets.map { JSON($0) }),
            "commands": .object(commands),
        ]
    }
}
