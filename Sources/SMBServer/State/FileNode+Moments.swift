import FileStore
import NTTypes
import Platform
import SMBWire

/// What is over in a moment: an open whose compound is still under way, and a name that is just being taken out of its
/// folder. Whoever finds only such in the way waits, rather than be refused for something that nobody could have seen.
///
/// Linux's stat() opens, queries and closes a file in one message. Were that a handle like any other, it would now and
/// then keep a file from going that another client deletes: for some microseconds its name could be neither opened nor
/// made anew, a rename over it or of its folder would be refused, and its folder would not be empty. A program whose
/// lock is a name (SQLite's dotfile, git) takes that for an error.
extension FileNode {
    enum Obstacle { case none, passing, lasting }
}

extension FileNode.State {
    func isDeparting(_ name: NTPath) -> Bool { departingNames.contains { isSame($0, name) } }

    /// What keeps this name from being opened: that it is to go, or going.
    func obstacle(to name: NTPath) -> FileNode.Obstacle {
        if pendingRemovals.isEmpty, departingNames.isEmpty { return .none }
        if isDeparting(name) { return .passing }
        guard pendingRemovals.contains(where: { isSame($0.name, name) }) else { return .none }
        return isHeldForMoments(name) ? .passing : .lasting
    }

    /// All that is open by this name is momentary.
    func isHeldForMoments(_ name: NTPath) -> Bool {
        !hasStreamOpens(of: name)
            && opens.allSatisfy { !isSame($0.file.path, name) || $0.isMomentary.load(ordering: .relaxed) }
    }
}

extension FileNode {
    /// What keeps this name from being made anew.
    /// - Parameter parked: woken once what passes has passed.
    func obstacle(to name: NTPath, _ parked: ParkedRequest?) -> Obstacle {
        state.withLock { state in
            let obstacle = state.obstacle(to: name)
            if obstacle == .passing, let parked { state.breakWaiters.append(parked) }
            return obstacle
        }
    }

    /// Whether a name below this folder keeps it from being empty, and passes.
    /// - Parameter parked: as above.
    func obstacle(beneath folder: NTPath, _ parked: ParkedRequest?) -> Obstacle {
        state.withLock { state in
            func isBeneath(_ name: NTPath) -> Bool {
                name.components.count > folder.components.count
                    && zip(folder.components, name.components).allSatisfy { $0.folded == $1.folded }
            }
            let passes =
                state.departingNames.contains(where: isBeneath)
                || state.pendingRemovals.contains { isBeneath($0.name) && state.isHeldForMoments($0.name) }
            if passes, let parked { state.breakWaiters.append(parked) }
            return passes ? .passing : .none
        }
    }

    /// Whether opens that count are in the way, and whether all of those pass.
    /// - Parameter parked: as above.
    func obstacle(_ parked: ParkedRequest?, where isInTheWay: (Open) -> Bool) -> Obstacle {
        state.withLock { state in
            var obstacle = Obstacle.none
            for open in state.opens where isInTheWay(open) {
                guard open.isMomentary.load(ordering: .relaxed) else { return .lasting }
                obstacle = .passing
            }
            if obstacle == .passing, let parked { state.breakWaiters.append(parked) }
            return obstacle
        }
    }

    /// Somebody else may be writing.
    func isWritten(besides open: Open) -> Bool {
        state.withLock { state in state.opens.contains { $0 !== open && $0.mayWrite } }
    }

    /// The compound that has made the open is done with. If it is still open, it is a handle like any other now.
    func endMoment(of open: Open) {
        let woken = state.withLock { state in
            guard open.isMomentary.exchange(false, ordering: .relaxed) else { return [] as [ParkedRequest] }
            return state.takeBreakWaiters()
        }
        for waiting in woken { waiting.wake(.event) }
    }

    /// Whether this name is being taken away at this moment.
    /// - Parameter parked: as above.
    func departure(of name: NTPath, _ parked: ParkedRequest?) -> Obstacle {
        state.withLock { state in
            guard state.isDeparting(name) else { return .none }
            if let parked { state.breakWaiters.append(parked) }
            return .passing
        }
    }

    /// A name is about to be taken away by other means than the close of its last open: nobody opens it from now on
    /// until `nameHasGone`.
    /// - Returns: false, and nothing is done, if an open is in the way, or somebody else is taking it away: once he
    ///   has, the name may be another file's.
    func depart(_ name: NTPath, unless isInTheWay: (Open) -> Bool) -> Bool {
        state.withLock { state in
            guard !state.opens.contains(where: isInTheWay), !state.streamOpens.contains(where: isInTheWay),
                !state.isDeparting(name)
            else { return false }
            state.departingNames.append(name)
            return true
        }
    }

    /// A name that departed is out of its folder, or has stayed after all.
    func nameHasGone(_ name: NTPath) {
        let woken = state.withLock { state in
            if let index = state.departingNames.firstIndex(of: name) { state.departingNames.remove(at: index) }
            return state.takeBreakWaiters()
        }
        for waiting in woken { waiting.wake(.event) }
    }

    /// Whether the open is told that its name is to go, or gone. A request of the compound that has opened it is not
    /// told what others have asked for since: both were under way together, and then it came first. Linux (7.2) never
    /// again asks about a name that it was once told of, and takes it to be there for good.
    func isDeletionShown(to open: Open) -> Bool {
        let isMomentary = open.isMomentary.load(ordering: .relaxed)
        if open.hasLostName.load(ordering: .relaxed) { return !isMomentary }
        guard isMomentary else { return isDeletePending(for: open) }
        return state.withLock { $0.removal(of: open)?.deleterID == open.fileID.volatile }
    }
}
