import FileStore
import NTTypes
import Platform
import SMBWire

/// Where the time of one request goes, for those who look. Uptime in nanoseconds; zeros while nobody does.
struct RequestTimes {
    /// Since when this thread works for it.
    let begin: UInt64
    var handlerBegin: UInt64 = 0
    var handlerEnd: UInt64 = 0
    /// From its arrival until `begin`, and that it has waited for others.
    var queue: UInt64 = 0
    var wait: UInt64 = 0
    /// When it arrived.
    var arrival: UInt64 = 0
    /// For `apus trace` alone.
    var subject: RequestSubject?

    init(begin: UInt64) { self.begin = begin }

    @inline(__always)
    var areWanted: Bool { begin != 0 }
}

/// What a request is about: read before the handler runs, since CLOSE leaves nothing to look at.
final class RequestSubject {
    var open: Open?
    /// Of a CREATE or TREE_CONNECT.
    var name: NTName?
    var asked = TraceEntry.Subject.none
}

extension Server {
    /// Now, where somebody looks at requests; else 0.
    @inline(__always)
    var observedUptime: UInt64 { observation.interest.isEmpty ? 0 : environment.uptime() }
}

extension Connection {
    /// For how long the message being received had lain there.
    func queueTime(until now: UInt64) -> UInt64 {
        let arrival = transport.arrival
        return arrival == 0 || arrival > now ? 0 : now - arrival
    }

    /// Before the handler runs, and only while somebody looks.
    func observeStart(
        _ times: inout RequestTimes, _ request: UnsafeMutableRawBufferPointer, _ context: borrowing RequestContext,
        parked: ParkedRequest?, queue: UInt64
    ) {
        times.queue = queue
        times.arrival = times.begin
        if let parked {
            let arrival = parked.arrival.load(ordering: .relaxed)
            if arrival != 0 { times.arrival = arrival }
            times.wait = parked.waited(until: times.begin)
        }
        if server.observation.interest.contains(.trace), let command = SMB2Command(rawValue: context.header.command) {
            // SAFETY: the request's bytes outlive the call.
            times.subject = unsafe RequestSubject(of: request, command, context)
        }
        times.handlerBegin = server.environment.uptime()
    }

    /// It is answered. - Returns: now.
    func observeEnd(
        _ times: RequestTimes, _ context: borrowing RequestContext, _ status: NTStatus, received: Int
    ) -> UInt64 {
        let now = server.environment.uptime()
        let interest = server.observation.interest
        let sent = context.reply.count - context.headerStart
        if interest.contains(.counts), let metrics = server.metrics {
            metrics.record(
                context.header.command, isError: status.isError, received: received, sent: sent,
                nanoseconds: now &- times.arrival)
        }
        if interest.contains(.activity) { note(times, context, status, received: received, sent: sent, now: now) }
        if interest.contains(.trace) { trace(times, context, status, received: received, sent: sent, now: now) }
        return now
    }

    // MARK: where time goes

    private func note(
        _ times: RequestTimes, _ context: borrowing RequestContext, _ status: NTStatus, received: Int, sent: Int,
        now: UInt64
    ) {
        let command = context.header.command
        let (session, tree) = (context.sessionOrNil, context.treeConnectOrNil)
        let (isSealed, isSigned) = (context.isSealed, context.header.flags.contains(.signed))
        let open = context.relatedFileID.flatMap { context.sessionOrNil?.open($0.volatile) }
        let isPipe = open?.pipe != nil
        server.observation.activity.record(
            activityKey(session, tree), make: { activityEntry(session, tree) }
        ) { entry in
            if isSealed { entry.sums.sealedCount &+= 1 }
            if isSigned { entry.sums.signedCount &+= 1 }
            entry.sums.count(command, times, status, received: received, sent: sent, now: now)
            // A notification and a pipe wait for what may never happen.
            guard command != SMB2Command.changeNotify.rawValue, !isPipe else { return }
            entry.sums.wait &+= times.wait
            entry.sums.buckets[ActivityLog.Sums.bucket(now &- times.arrival &+ times.queue)] &+= 1
            if times.wait > 0 {
                entry.sums.waitCount += 1
                if let open { entry.lastAwaited = open.file.path.description }
            }
            guard command == SMB2Command.create.rawValue, let open, !status.isError else { return }
            let data: AccessMask = [.readData, .writeData, .appendData, .execute, .delete, .writeDAC, .writeOwner]
            if open.grantedAccess.isDisjoint(with: data) { entry.sums.attributeOpenCount += 1 }
        }
    }

    /// What a whole message still cost when its requests were answered: the last signature, and sealing.
    func noteEnd(of position: SuspendedCompound.Position) {
        guard position.begin != 0, server.observation.interest.contains(.activity) else { return }
        let rest = server.environment.uptime() &- position.begin
        let session = session(position.sessionID)
        let tree = session?.state.withLock { $0.treeConnects[position.treeID] }
        server.observation.activity.record(
            activityKey(session, tree), make: { activityEntry(session, tree) }
        ) { $0.sums.processor &+= rest }
    }

    private func activityKey(_ session: Session?, _ tree: TreeConnect?) -> ActivityLog.Key {
        ActivityLog.Key(connection: id, session: session?.id ?? 0, tree: tree?.id ?? 0)
    }

    private func activityEntry(_ session: Session?, _ tree: TreeConnect?) -> ActivityLog.Entry {
        let agreed = description
        return ActivityLog.Entry(
            client: transport.remoteAddress, user: session?.state.withLock { $0.login?.user.name } ?? "",
            share: tree?.share.name ?? "", cipher: agreed.cipher, signingAlgorithm: agreed.signingAlgorithm)
    }

    // MARK: each request

    private func trace(
        _ times: RequestTimes, _ context: borrowing RequestContext, _ status: NTStatus, received: Int, sent: Int,
        now: UInt64
    ) {
        let duration = now &- times.arrival
        let client = transport.remoteAddress
        let tracers = server.observation.tracers.filter {
            $0.mayWant(status, nanoseconds: duration, client: client)
        }
        guard !tracers.isEmpty else { return }
        let command = SMB2Command(rawValue: context.header.command)
        let subject = times.subject
        let open = subject?.open ?? context.relatedFileID.flatMap { context.sessionOrNil?.open($0.volatile) }
        let name = subject?.name.map { bounded($0) }
        let isConnect = command == .treeConnect
        let share =
            isConnect ? name?.split(separator: "\\").last.map(String.init) : context.treeConnectOrNil?.share.name
        let path = isConnect ? "" : name ?? open.map { bounded($0.file.path) } ?? ""
        var asked = subject?.asked ?? .none
        if case .pattern(let pattern) = asked { asked = .pattern(bounded(pattern)) }
        let entry = TraceEntry(
            time: server.environment.now(), nanoseconds: duration, client: client,
            user: context.sessionOrNil?.state.withLock { $0.login?.user.name } ?? "", command: context.header.command,
            share: share ?? "", path: path, subject: asked, status: status, receivedByteCount: received,
            sentByteCount: sent)
        for tracer in tracers { tracer.offer(entry) }
    }

    /// A name, cut to what a tracer keeps of one.
    private func bounded(_ name: some CustomStringConvertible) -> String {
        String(decoding: name.description.utf8.prefix(server.limits.traceNameByteCountMax), as: UTF8.self)
    }
}

extension ActivityLog.Sums {
    /// 0 for less than 1 µs, and one more for twice as much each.
    static func bucket(_ nanoseconds: UInt64) -> Int {
        let microseconds = nanoseconds / 1000
        return min(UInt64.bitWidth - microseconds.leadingZeroBitCount, bucketCount - 1)
    }

    fileprivate mutating func count(
        _ command: UInt16, _ times: RequestTimes, _ status: NTStatus, received: Int, sent: Int, now: UInt64
    ) {
        commands[min(Int(command), Self.commandCount - 1)] &+= 1
        if status.isError { errorCount &+= 1 }
        queue &+= times.queue
        files &+= times.handlerEnd &- times.handlerBegin
        processor &+= times.handlerBegin &- times.begin &+ (now &- times.handlerEnd)
        switch SMB2Command(rawValue: command) {
        case .read:
            readByteCount &+= UInt64(sent)
            if sent < 16 << 10 { smallReadCount &+= 1 }
        case .write: writtenByteCount &+= UInt64(received)
        case .create: if status.isError { failedOpenCount &+= 1 }
        default: break
        }
    }
}

extension RequestSubject {
    /// Reads what the request is about once more, for people. What is no request of its kind says nothing.
    fileprivate convenience init(
        of request: UnsafeMutableRawBufferPointer, _ command: SMB2Command, _ context: borrowing RequestContext
    ) {
        self.init()
        // SAFETY: the caller's request outlives this call.
        var reader = unsafe WireReader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(request)), at: SMB2Header.byteCount)
        var fileID: FileID?
        do throws(WireError) { fileID = try describe(command, &reader) } catch {}
        if context.header.flags.contains(.relatedOperations), let related = context.relatedFileID { fileID = related }
        open = fileID.flatMap { context.sessionOrNil?.open($0.volatile) }
    }

    /// - Returns: which open it names.
    private func describe(_ command: SMB2Command, _ reader: inout WireReader) throws(WireError) -> FileID? {
        switch command {
        case .create:
            let request = try CreateRequest(from: &reader)
            name = try NTName(utf16LittleEndian: request.name)
            asked = .open(access: request.desiredAccess, disposition: request.createDisposition)
            return nil
        case .treeConnect:
            name = try NTName(utf16LittleEndian: TreeConnectRequest(from: &reader).path)
            return nil
        case .read:
            let request = try ReadRequest(from: &reader)
            asked = .range(offset: request.offset, byteCount: UInt64(request.length))
            return request.fileID
        case .write:
            let request = try WriteRequest(from: &reader)
            asked = .range(offset: request.offset, byteCount: UInt64(request.data.byteCount))
            return request.fileID
        case .queryDirectory:
            let request = try QueryDirectoryRequest(from: &reader)
            asked = .pattern(String(decoding: try NTName(utf16LittleEndian: request.fileName).utf8, as: UTF8.self))
            return request.fileID
        case .queryInfo:
            let request = try QueryInfoRequest(from: &reader)
            asked = .information(type: request.infoType, number: request.informationClass)
            return request.fileID
        case .setInfo:
            let request = try SetInfoRequest(from: &reader)
            asked = .information(type: request.infoType, number: request.informationClass)
            return request.fileID
        case .ioctl:
            let request = try IoctlRequest(from: &reader)
            asked = .control(request.controlCode)
            return request.fileID
        case .lock:
            let request = try LockRequest(from: &reader)
            asked = .locks(count: request.locks.count)
            return request.fileID
        case .close: return try CloseRequest(from: &reader).fileID
        case .flush: return try FlushRequest(from: &reader).fileID
        case .changeNotify: return try ChangeNotifyRequest(from: &reader).fileID
        case .negotiate, .sessionSetup, .logoff, .treeDisconnect, .cancel, .echo, .oplockBreak: return nil
        }
    }
}
