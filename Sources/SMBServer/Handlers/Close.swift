import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 CLOSE Request, [MS-SMB2] 3.3.5.10.
enum CloseHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: CloseRequest
        do { request = try CloseRequest(from: &reader) } catch { throw .invalidParameter }
        try handle(request, in: &context).encode(into: context.reply)
    }

    static func handle(_ request: CloseRequest, in context: inout RequestContext) throws(NTStatus) -> CloseResponse {
        let open = try context.open(request.fileID)
        guard context.session.removeOpen(open.fileID.volatile) != nil else { throw .fileClosed }
        var response = CloseResponse()
        // Asked before the close: afterwards there may be no file to ask.
        if request.flags.contains(.postQueryAttributes), let information = try? open.file.information() {
            response.flags = .postQueryAttributes
            response.creationTime = information.creationTime
            response.lastAccessTime = information.lastAccessTime
            response.lastWriteTime = information.lastWriteTime
            response.changeTime = information.changeTime
            response.allocationSize = information.allocationSize
            response.endOfFile = information.endOfFile
            response.fileAttributes = information.attributes
        }
        context.server.close(open)
        return response
    }
}

extension Server {
    /// Ends an open that its session no longer lists, [MS-SMB2] 3.3.4.17 and [MS-FSA] 2.1.5.5: locks go, a name that
    /// was to be deleted goes with the last open, requests that wait on it are completed.
    func close(_ open: Open) {
        let wasClosed = open.state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        if open.isReplayEligible.load(ordering: .relaxed) { createReplays.remove(open) }
        let (deleter, woken, endedLeases) = open.node.remove(
            open, deletesOnClose: open.options.contains(.deleteOnClose))
        notifier.end(open)
        if let deleter {
            do throws(NTStatus) {
                try open.file.remove(as: deleter)
                reportName(.removed, open.file.path, of: open)
            } catch {
                environment.log("\(open.file.path): could not be deleted on close: \(error)")
            }
        }
        for lease in endedLeases { leases.remove(lease) }
        open.file.close()
        files.release(open.node)
        openCount.wrappingSubtract(1, ordering: .relaxed)
        for request in woken { request.wake(.event) }
    }
}
