import FileStore
import NTTypes
import Platform

/// Files that clients cache, guarded against other programs: a local open waits until a client that may have changed
/// data has written it back, and what a local program writes is read anew. Only in shares that ask for it
/// (`kernel oplocks`).
final class LocalGuards: Sendable {
    private struct State {
        var guards: [FileTable.Key: any LocalWatch] = [:]
        /// Opens that are held up, and until when.
        var held: [(node: FileNode, deadline: UInt64)] = []
    }
    private let state = Mutex(State())
    private let isInUse = Atomic(false)
    private let hasWarned = Atomic(false)

    /// Guards the file before anything of it is cached; once more afterwards, since another client may have let go of
    /// it in between.
    func begin(_ open: Open, in server: Server) {
        let node = open.node
        guard node.key.stream == nil, state.withLock({ $0.guards[node.key] == nil }) else { return }
        do throws(NTStatus) {
            let guarding = try open.file.guardUse { [weak server, weak node] use in
                guard let server, let node else {
                    if case .opens(let resume) = use { resume() }
                    return
                }
                server.take(use, of: node)
            }
            let isTaken = state.withLock { state in
                guard state.guards[node.key] == nil else { return false }
                state.guards[node.key] = guarding
                return true
            }
            if !isTaken { guarding.end() }
            isInUse.store(true, ordering: .relaxed)
        } catch {
            guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
            server.environment.log("kernel oplocks: this system does not let opens by other programs be held up")
        }
    }

    /// An open has gone, or a client let go. Where nothing is cached any more, nobody needs to wait.
    func end(_ node: FileNode) {
        guard isInUse.load(ordering: .relaxed), !node.isCached else { return }
        let unused = state.withLock { $0.guards.removeValue(forKey: node.key) }
        unused?.end()
    }

    func hold(_ node: FileNode, until deadline: UInt64) { state.withLock { $0.held.append((node, deadline)) } }

    /// Files whose clients have not answered in time.
    func takeOverdue(now: UInt64) -> [FileNode] {
        guard isInUse.load(ordering: .relaxed) else { return [] }
        return state.withLock { state in
            let overdue = state.held.filter { $0.deadline <= now }
            state.held.removeAll { $0.deadline <= now || !$0.node.holdsLocalOpens }
            return overdue.map(\.node)
        }
    }
}

extension FileNode {
    /// Somebody caches something of the file, or has been asked to let go of it.
    var isCached: Bool { state.withLock { $0.grants.contains { !$0.state.isEmpty || $0.breakingTo != nil } } }
    var holdsLocalOpens: Bool { state.withLock { !$0.heldOpens.isEmpty } }

    /// Another program opens the file: who may have changed data that only its cache has writes it back.
    /// - Returns: breaks to be sent; what is to be resumed at once.
    fileprivate func breakForLocalOpen(_ resume: @escaping @Sendable () -> Void) -> ([BreakNotice], isHeld: Bool) {
        state.withLock { state in
            var notices: [BreakNotice] = []
            guard state.breakWriters(&notices) else { return (notices, false) }
            state.heldOpens.append(resume)
            return (notices, true)
        }
    }

    fileprivate func breakReadersForLocalWrite() -> [BreakNotice] {
        state.withLock { state in
            var notices: [BreakNotice] = []
            state.breakReaders(except: nil, &notices)
            return notices
        }
    }
}

extension Server {
    fileprivate func take(_ use: LocalUse, of node: FileNode) {
        switch use {
        case .opens(let resume):
            let (notices, isHeld) = node.breakForLocalOpen(resume)
            if isHeld {
                localGuards.hold(node, until: environment.uptime() + limits.oplockBreakTimeout.nanoseconds)
            } else {
                resume()
            }
            send(notices)
        case .writes: send(node.breakReadersForLocalWrite())
        }
        runReady()
    }
}
