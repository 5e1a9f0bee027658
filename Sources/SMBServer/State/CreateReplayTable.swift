import NTTypes
import Platform
import SMBWire

/// CREATEs that a client may send again because it never saw the answer: Open.IsReplayEligible and the look-up of
/// [MS-SMB2] 3.3.5.9.10. One entry for each open that was made with a create GUID and has not been used since, and for
/// each such CREATE that is under way.
final class CreateReplayTable: Sendable {
    struct Key: Hashable {
        var clientGUID: GUID
        var createGUID: GUID

        init?(_ identity: CreateIdentity) {
            guard identity.createGUID != .zero else { return nil }
            clientGUID = identity.clientGUID
            createGUID = identity.createGUID
        }
    }
    private enum Entry {
        case underWay
        case made(Open, CreateAction)
    }
    enum Verdict {
        /// Not seen before: it is under way now, until `finish`.
        case new
        /// The answer was lost; this is what it was about.
        case made(Open, CreateAction)
        case refused(NTStatus)
    }
    private let entries = Mutex<[Key: Entry]>([:])

    /// - Parameter isReplay: SMB2_FLAGS_REPLAY_OPERATION is set.
    func begin(_ key: Key, isReplay: Bool) -> Verdict {
        entries.withLock { entries in
            switch entries[key] {
            case nil:
                entries[key] = .underWay
                return .new
            case _ where !isReplay: return .refused(.duplicateObjectID)
            // The client asks again later. Windows says STATUS_ACCESS_DENIED, which an application would get to see.
            case .underWay?: return .refused(.fileNotAvailable)
            case .made(let open, let action)?: return .made(open, action)
            }
        }
    }

    /// The CREATE that `begin` called new is over. - Parameter open: nil if it failed.
    func finish(_ key: Key, _ open: Open?, _ action: CreateAction = .opened) {
        entries.withLock { $0[key] = open.map { .made($0, action) } }
    }

    /// Another open stands for the same file now: it was reconnected.
    func replace(_ old: Open, by new: Open) {
        guard let oldKey = Key(old.identity), let newKey = Key(new.identity) else { return }
        entries.withLock { entries in
            guard case .made(let open, let action)? = entries[oldKey], open === old else { return }
            entries[oldKey] = nil
            entries[newKey] = .made(new, action)
        }
    }

    /// The open was used, or is no more: the client has seen the answer.
    func remove(_ open: Open) {
        guard let key = Key(open.identity) else { return }
        entries.withLock { entries in
            if case .made(let made, _)? = entries[key], made === open { entries[key] = nil }
        }
    }

    var count: Int { entries.withLock { $0.count } }
}
