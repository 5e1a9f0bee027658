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
            response.information = information.networkOpen
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
        // Nothing has the name any more that is deleted on close where it was taken away before.
        let deletes =
            open.deletesOnClose.load(ordering: .relaxed) && !open.hasLostName.load(ordering: .relaxed)
        if open.mayWrite { files.writerEndCount.wrappingAdd(1, ordering: .releasing) }
        let departure = open.node.remove(open, deletesOnClose: deletes)
        send(departure.notices)
        notifier.end(open)
        if open.isDirectory { localWatches.end(open) }
        if departure.removal == nil, deletes { notifier.wakeWatchers(of: open) }
        // What was written shows in the folder from now on, as on NTFS: [MS-FSA] 2.1.5.5 updates the entry.
        if open.hasWritten.load(ordering: .relaxed) {
            breakDirectoryLeases(
                around: open.file.path, in: open.treeConnect.share, knownTo: open.identity.parentLeaseKey)
        }
        // A name that is to go does not stay for the sake of clients that are away. The last of them takes it along.
        if departure.removal == nil, durableOpens.isInUse {
            purge(open.node.disconnectedOpens(pendingDeletionWith: open))
        }
        removeNames(departure, of: open)
        open.file.close()
        openCount.wrappingSubtract(1, ordering: .relaxed)
        settle(departure, of: open)
    }

    /// Names that were to go with the open go.
    func removeNames(_ departure: FileNode.Departure, of open: Open) {
        if let removal = departure.removal {
            do throws(NTStatus) {
                try open.file.remove(as: removal.deleter)
                // Only who has asked for it and sees it done knows.
                let knowing = removal.parentLeaseKey == open.identity.parentLeaseKey ? removal.parentLeaseKey : nil
                reportName(.removed, open.file.path, of: open, knownTo: knowing)
            } catch {
                environment.log("\(open.file.path): could not be deleted on close: \(error)")
            }
            nameHasGone(removal.name, from: open.node)
        }
        if let fileDeleter = departure.fileDeleter {
            let name = NTPath(components: open.file.path.components)
            do throws(NTStatus) {
                try open.file.removeFile(as: fileDeleter)
                reportName(.removed, name, of: open, knownTo: nil)
            } catch {
                environment.log("\(name): could not be deleted on close: \(error)")
            }
            if let base = open.node.base { nameHasGone(name, from: base) }
        }
    }

    /// A name is out of its folder, or has stayed after all; nobody was let at it meanwhile.
    func nameHasGone(_ name: NTPath, from node: FileNode) {
        // First, so that who is not kept waiting by the node sees that he must look again.
        files.noteNameChange()
        node.nameHasGone(name)
    }

    /// The same of a name that `FileTable.depart` has let go.
    func hasDeparted(_ name: NTPath, from node: FileNode) {
        nameHasGone(name, from: node)
        files.release(node)
    }

    /// An open is out of its node: so are its leases out of the tables, and whoever waited for it goes on.
    func settle(_ departure: FileNode.Departure, of open: Open) {
        if let lease = departure.lease { leases.remove(lease) }
        if open.isDirectory, departure.lease != nil, !open.node.hasLeases { directoryLeases.remove(open) }
        localGuards.end(open.node)
        files.release(open.node)
        for request in departure.ended { request.wake(.closed) }
        for request in departure.woken { request.wake(.event) }
    }
}
