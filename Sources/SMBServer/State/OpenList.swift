import NTTypes
import Platform
import SMBWire

/// The opens of one file or stream. To list one, to take one out, and to ask whether one more agrees with all of them
/// on sharing cost the same however many there are: a program that a whole office runs is open a thousand times.
struct OpenList: RandomAccessCollection {
    /// In no order.
    private var members: [Open] = []
    private var sharing = Sharing()

    var startIndex: Int { 0 }
    var endIndex: Int { members.count }
    subscript(index: Int) -> Open { members[index] }

    func contains(_ open: Open) -> Bool { place(of: open) != nil }

    mutating func add(_ open: Open) {
        precondition(place(of: open) == nil, "an open is listed once")
        open.place.store(members.count, ordering: .relaxed)
        members.append(open)
        sharing.add(open, 1)
    }

    /// Takes it out, if it is listed; the last one takes its place.
    mutating func remove(_ open: Open) {
        guard let place = place(of: open) else { return }
        let last = members.removeLast()
        if last !== open { put(last, at: place) }
        sharing.add(open, -1)
    }

    /// - Returns: false if `old` is not listed.
    mutating func replace(_ old: Open, by new: Open) -> Bool {
        guard let place = place(of: old) else { return false }
        put(new, at: place)
        sharing.add(old, -1)
        sharing.add(new, 1)
        return true
    }

    private mutating func put(_ open: Open, at place: Int) {
        members[place] = open
        open.place.store(place, ordering: .relaxed)
    }

    private func place(of open: Open) -> Int? {
        let place = open.place.load(ordering: .relaxed)
        guard place < members.count, members[place] === open else { return nil }
        return place
    }

    // MARK: sharing

    /// Whether all agree with an open that asks for `access` and grants others `share`: [MS-FSA] 2.1.5.1.2.2.
    func agree(to access: AccessMask, _ share: ShareAccess) -> Bool {
        !access.takesPartInSharing || sharing.agrees(to: access, share)
    }

    /// One of them does not share it for deletion.
    var forbidDeletion: Bool { sharing.deleteCount.sharing < sharing.count }
    /// One of them may delete it.
    var mayDelete: Bool { sharing.deleteCount.having > 0 }

    /// Of the opens that take part in sharing, how many may read, write and delete, and how many let others.
    private struct Sharing {
        typealias Count = (having: Int, sharing: Int)
        var count = 0
        var readCount: Count = (0, 0)
        var writeCount: Count = (0, 0)
        var deleteCount: Count = (0, 0)

        mutating func add(_ open: Open, _ change: Int) {
            let (access, share) = (open.grantedAccess, open.shareAccess)
            guard access.takesPartInSharing else { return }
            count += change
            if access.reads { readCount.having += change }
            if share.contains(.read) { readCount.sharing += change }
            if access.writes { writeCount.having += change }
            if share.contains(.write) { writeCount.sharing += change }
            if access.deletes { deleteCount.having += change }
            if share.contains(.delete) { deleteCount.sharing += change }
        }

        func agrees(to access: AccessMask, _ share: ShareAccess) -> Bool {
            func agrees(_ wants: Bool, _ shares: Bool, _ others: Count) -> Bool {
                (!wants || others.sharing == count) && (shares || others.having == 0)
            }
            return agrees(access.reads, share.contains(.read), readCount)
                && agrees(access.writes, share.contains(.write), writeCount)
                && agrees(access.deletes, share.contains(.delete), deleteCount)
        }
    }
}

/// What counts in sharing, [MS-FSA] 2.1.5.1.2.2.
extension AccessMask {
    var reads: Bool { !isDisjoint(with: [.readData, .execute]) }
    var writes: Bool { !isDisjoint(with: [.writeData, .appendData]) }
    var deletes: Bool { contains(.delete) }
    /// Without any of these rights an open never conflicts.
    var takesPartInSharing: Bool { reads || writes || deletes }
}

extension Open {
    /// Whether the two agree on sharing: each lets the other do what it may.
    func agrees(to access: AccessMask, _ share: ShareAccess) -> Bool {
        guard access.takesPartInSharing, grantedAccess.takesPartInSharing else { return true }
        return shareAccess.allows(access) && share.allows(grantedAccess)
    }
    /// It takes part in sharing, and does not share for deletion.
    var forbidsDeletion: Bool { grantedAccess.takesPartInSharing && !shareAccess.contains(.delete) }
}

extension ShareAccess {
    fileprivate func allows(_ access: AccessMask) -> Bool {
        (!access.reads || contains(.read)) && (!access.writes || contains(.write))
            && (!access.deletes || contains(.delete))
    }
}
