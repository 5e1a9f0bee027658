import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 CHANGE_NOTIFY Request, [MS-SMB2] 3.3.5.19.
enum ChangeNotifyHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        // The open may be gone when a waiting request is woken for the last time.
        switch context.wakeReason {
        case .cancelled: throw .cancelled
        // [MS-FSA] 2.1.5.5: the folder was closed.
        case .closed: throw .notifyCleanup
        case .event, .timeout, nil: break
        }
        let request: ChangeNotifyRequest
        do { request = try ChangeNotifyRequest(from: &reader) } catch { throw .invalidParameter }
        guard request.outputBufferLength <= context.limits.transactByteCountMax else { throw .invalidParameter }
        try context.requireCredits(payload: Int(request.outputBufferLength))
        let open = try context.open(request.fileID)
        guard open.isDirectory else { throw .invalidParameter }
        // FILE_LIST_DIRECTORY has FILE_READ_DATA's bit.
        try open.require(.readData)
        // A share whose administrator wants none: smbd's answer, after which clients ask no more.
        guard context.treeConnect.share.reportsChanges else { throw .notImplemented }
        // [MS-FSA] 2.1.5.11: a folder that is to go has nothing more to tell.
        guard !open.node.isDeletePending(for: open) else { throw .deletePending }
        try handle(request, open, in: &context)
    }

    private static func handle(
        _ request: ChangeNotifyRequest, _ open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let notifier = context.server.notifier
        let isFirst = notifier.watch(
            open, ChangeFilter(rawValue: request.completionFilter), watchesTree: request.watchesTree,
            byteCountMax: Int(request.outputBufferLength))
        if isFirst {
            // A large tree takes its time.
            if request.watchesTree { context.connection.transport.willBlock() }
            _ = context.server.watchLocally(open, watchesTree: request.watchesTree)
        }
        var report = notifier.take(open, waiting: context.parkedRequest)
        if case .nothing = report, context.parkedRequest == nil {
            let parked = try context.park()
            // Once more, now that a change will wake us: it may have happened in between.
            report = notifier.take(open, waiting: parked)
        }
        switch report {
        case .nothing: throw .pending
        case .overflow: throw .notifyEnumDir
        case .changes(let changes): try encode(changes, limit: Int(request.outputBufferLength), in: &context)
        }
    }

    /// FILE_NOTIFY_INFORMATION, [MS-FSCC] 2.7.1, one behind the other.
    private static func encode(
        _ changes: [ChangeNotifier.Change], limit: Int, in context: inout RequestContext
    ) throws(NTStatus) {
        let output = OutputBuffer(in: context.reply, limit: limit)
        let reply = context.reply
        for (index, change) in changes.enumerated() {
            let start = reply.count
            reply.append(0 as UInt32)
            reply.append(change.action.rawValue)
            reply.append(0 as UInt32)
            for (depth, name) in change.path.enumerated() {
                if depth > 0 { reply.append(UInt16(UInt8(ascii: "\\"))) }
                reply.append(utf16: name)
            }
            reply.patch(UInt32(reply.count - start - 12), at: start + 8)
            guard index < changes.count - 1 else { continue }
            reply.align(to: 4, from: output.start)
            reply.patch(UInt32(reply.count - start), at: start)
        }
        // What does not fit is not told in part: the client looks for itself, [MS-SMB2] 3.3.4.4.
        guard output.count <= limit else { throw .notifyEnumDir }
        context.status = output.end()
    }
}
