import NTTypes
import Platform

/// One request that was answered, for `apus trace`.
public struct TraceEntry: Sendable {
    /// What a request asks for beside the file.
    public enum Subject: Sendable {
        case none
        case open(access: AccessMask, disposition: UInt32)
        /// Of a file, in bytes.
        case range(offset: UInt64, byteCount: UInt64)
        case pattern(String)
        /// InfoType and class, [MS-SMB2] 2.2.37.
        case information(type: UInt8, number: UInt8)
        case control(UInt32)
        case locks(count: Int)
    }
    /// When it was answered.
    public var time: FileTime
    /// From its arrival to its answer, all waiting included.
    public var nanoseconds: UInt64
    /// Address, in numbers.
    public var client: String
    public var user: String
    /// [MS-SMB2] 2.2.1.2.
    public var command: UInt16
    public var share: String
    /// Within the share, with backslashes.
    public var path: String
    public var subject: Subject
    public var status: NTStatus
    /// Of the request and of its response.
    public var receivedByteCount: Int
    public var sentByteCount: Int

    /// What it takes in memory, about: names longer than 15 bytes are kept apart, each with a header.
    var byteCount: Int {
        var names = [client, user, share, path]
        if case .pattern(let pattern) = subject { names.append(pattern) }
        return names.reduce(MemoryLayout<TraceEntry>.stride) { $0 + ($1.utf8.count > 15 ? 32 + $1.utf8.count : 0) }
    }
}

/// Which requests one wants to see: all that nothing here speaks against.
public struct TraceFilter: Sendable {
    public var client: String?
    /// In any case of letters.
    public var share: String?
    public enum Statuses: Equatable, Sendable { case all, errors, only(NTStatus) }
    public var statuses = Statuses.all
    /// Of the path within the share.
    public var wantsPath: (@Sendable (String) -> Bool)?
    public var nanosecondsMin: UInt64 = 0
    public init() {}
}

extension TraceFilter.Statuses {
    @inline(__always)
    func contain(_ status: NTStatus) -> Bool {
        switch self {
        case .all: true
        case .errors: status.isError
        case .only(let wanted): status == wanted
        }
    }
}

/// Somebody who is told of requests. What he does not take in time is lost, and counted: no client ever waits for him.
///
/// Each processor has a ring of its own.
public final class Tracer: Sendable {
    private struct Contents {
        var entries: [TraceEntry] = []
        var byteCount = 0
        var droppedCount: UInt64 = 0
    }
    private final class Ring: Sendable { let contents = Mutex(Contents()) }
    private static let ringCount = 16
    private let ringByteCountMax: Int
    private let rings = (0..<ringCount).map { _ in Ring() }
    let filter: TraceFilter

    public init(filter: TraceFilter, limits: Limits) {
        self.filter = filter
        ringByteCountMax = limits.traceByteCountMax / Self.ringCount
    }

    /// What can be said before names are looked up.
    func mayWant(_ status: NTStatus, nanoseconds: UInt64, client: String) -> Bool {
        nanoseconds >= filter.nanosecondsMin && filter.client.map { $0 == client } ?? true
            && filter.statuses.contain(status)
    }

    func offer(_ entry: TraceEntry) {
        if let share = filter.share, share.lowercased() != entry.share.lowercased() { return }
        if let wantsPath = filter.wantsPath, !wantsPath(entry.path) { return }
        let byteCount = entry.byteCount
        rings[Thread.processor % Self.ringCount].contents.withLock { contents in
            if contents.byteCount + byteCount <= ringByteCountMax {
                contents.entries.append(entry)
                contents.byteCount += byteCount
            } else {
                contents.droppedCount += 1
            }
        }
    }

    /// What has come since the last time, in the order of time, and how many there was no room for.
    public func take() -> (entries: [TraceEntry], droppedCount: UInt64) {
        var entries: [TraceEntry] = []
        var droppedCount: UInt64 = 0
        for ring in rings {
            let taken = ring.contents.withLock { contents in
                defer { contents = Contents() }
                return contents
            }
            entries += taken.entries
            droppedCount += taken.droppedCount
        }
        return (entries.sorted { $0.time.rawValue < $1.time.rawValue }, droppedCount)
    }
}
