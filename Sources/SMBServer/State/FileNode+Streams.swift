import FileStore
import NTTypes
import Platform

/// What a file and its named streams have to do with each other: [MS-FSA] 2.1.5.1.2.2 and 2.1.5.5. A file is deleted
/// with its streams, so a stream that is open has a say in that.
extension FileNode.State {
    /// A stream is open that is not shared for deletion.
    var streamsForbidDeletion: Bool {
        streamOpens.contains { $0.forbidsDeletion }
    }

    func hasStreamOpens(of name: NTPath) -> Bool {
        streamOpens.contains { $0.file.path.components == name.components }
    }

    func streamOpensFollow(from old: NTPath, to new: NTPath) {
        for open in streamOpens where open.file.path.components == old.components {
            open.file.follow(NTPath(components: new.components, stream: open.file.path.stream))
        }
    }
}

extension FileNode {
    /// A named stream of this file is about to be opened.
    /// - Returns: why it must not; nil once it is listed.
    func enterStream(_ open: Open) -> NTStatus? {
        state.withLock { state in
            let name = open.file.path.components
            if state.pendingRemovals.contains(where: { $0.name.components == name })
                || state.departingNames.contains(where: { $0.components == name })
            {
                return .deletePending.because(.deletePending)
            }
            if open.forbidsDeletion, state.opens.mayDelete {
                return .sharingViolation.because(.shareMode(holder: 0))
            }
            state.streamOpens.append(open)
            return nil
        }
    }

    /// A named stream of this file is another open's: its client is back.
    func streamIsResumed(_ old: Open, as new: Open) {
        state.withLock { state in
            guard let index = state.streamOpens.firstIndex(where: { $0 === old }) else { return }
            state.streamOpens[index] = new
        }
    }

    /// A named stream of this file is closed.
    /// - Returns: as whom to remove the file now.
    func leaveStream(_ open: Open) -> Credentials? {
        state.withLock { state in
            state.streamOpens.removeAll { $0 === open }
            let name = open.file.path.components
            guard let index = state.pendingRemovals.firstIndex(where: { $0.name.components == name }),
                !state.opens.contains(where: { $0.file.path.components == name }),
                !state.hasStreamOpens(of: NTPath(components: name))
            else { return nil }
            state.departingNames.append(NTPath(components: name))
            return state.pendingRemovals.remove(at: index).deleter
        }
    }
}
