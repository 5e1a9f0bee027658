/// Who is at the other end of a pipe: the session that opened it.
public struct Caller: Equatable, Sendable {
    public var user: String
    public var domain: String
    public var isGuest: Bool
    public var isAnonymous: Bool
    /// May manage shares, sessions and open files, and see what only those may see who do.
    public var isAdministrator: Bool
    /// The client's computer as it is known here.
    public var address: String

    public init(
        user: String, domain: String, isGuest: Bool = false, isAnonymous: Bool = false, isAdministrator: Bool = false,
        address: String
    ) {
        self.user = user
        self.domain = domain
        self.isGuest = isGuest
        self.isAnonymous = isAnonymous
        self.isAdministrator = isAdministrator
        self.address = address
    }

    /// It has proved who it is.
    var isAuthenticated: Bool { !isGuest && !isAnonymous }
}

/// What a client holds a place in the server by, C706 appendix N; known on the pipe that gave it and nowhere else.
struct ContextHandle: Hashable, Sendable {
    var low: UInt64
    var high: UInt64
    static let null = ContextHandle(low: 0, high: 0)
}
