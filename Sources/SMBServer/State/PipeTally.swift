import NTTypes
import Platform

/// How many pipes each user has open, in all of its sessions together: the control plane has room for so many, and one
/// user's must not be all of them. Guests and anonymous users are one.
final class PipeTally: Sendable {
    /// Whose pipes are counted together; nil for those who have not proved who they are.
    typealias Owner = Durability.Owner?
    private let counts = Mutex<[Owner: Int]>([:])

    static func owner(_ user: AuthenticatedUser) -> Owner { user.isAuthenticated ? Durability.Owner(user) : nil }

    /// Counts one in. - Throws: `.insufficientResources` at the limit.
    func add(_ owner: Owner, _ limits: Limits) throws(NTStatus) {
        let limit = owner == nil ? limits.pipeCountOfGuestsMax : limits.pipeCountPerUserMax
        let isFull = counts.withLock { counts in
            let count = counts[owner, default: 0]
            if count < limit { counts[owner] = count + 1 }
            return count >= limit
        }
        if isFull { throw .insufficientResources }
    }

    /// One that was counted in is gone.
    func remove(_ owner: Owner) {
        counts.withLock { counts in
            let left = counts[owner, default: 1] - 1
            counts[owner] = left > 0 ? left : nil
        }
    }
}
