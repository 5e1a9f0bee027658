import NTTypes

/// Finds the watches that a change may concern by where it is: those of the folder around it, and those of trees that
/// it is in. How many others there are does not matter.
struct WatchIndex {
    struct Place: Hashable {
        var share: String
        /// Spelled as on the disk.
        var folder: ArraySlice<NTName>

        init(_ folder: ArraySlice<NTName>, in share: String) {
            self.share = share
            self.folder = folder
        }
    }
    private var folders: [Place: [UInt64]] = [:]
    private var trees: [Place: [UInt64]] = [:]

    mutating func insert(_ watch: UInt64, at place: Place, isTree: Bool) {
        if isTree { trees[place, default: []].append(watch) } else { folders[place, default: []].append(watch) }
    }

    mutating func remove(_ watch: UInt64, at place: Place, isTree: Bool) {
        if isTree { Self.remove(watch, at: place, from: &trees) } else { Self.remove(watch, at: place, from: &folders) }
    }

    private static func remove(_ watch: UInt64, at place: Place, from watches: inout [Place: [UInt64]]) {
        watches[place]?.removeAll { $0 == watch }
        if watches[place]?.isEmpty == true { watches[place] = nil }
    }

    /// - Parameter path: of what has changed.
    func watches(around path: [NTName], in share: String) -> [UInt64] {
        guard !path.isEmpty else { return [] }
        var found = folders[Place(path.dropLast(), in: share)] ?? []
        guard !trees.isEmpty else { return found }
        for depth in path.indices { found += trees[Place(path[..<depth], in: share)] ?? [] }
        return found
    }
}
