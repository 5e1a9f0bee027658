import Platform

/// What the engine holds for its clients: all zero once everybody has gone and nobody can come back.
public struct Occupancy: Equatable, Sendable {
    public var sessions = 0
    /// Opens of all files.
    public var opens = 0
    /// What `Limits.openCountMax` counts.
    public var countedOpens = 0
    public init() {}
}

extension Server {
    public var occupancy: Occupancy {
        var occupancy = Occupancy()
        occupancy.sessions = sessions.count
        occupancy.opens = files.openCount
        occupancy.countedOpens = openCount.load(ordering: .relaxed)
        return occupancy
    }
}
