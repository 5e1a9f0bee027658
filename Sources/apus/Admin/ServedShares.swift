import Configuration
import Platform

/// Which shares are served now, for verbs that are given a path.
final class ServedShares: Sendable {
    struct Place {
        let share: String
        /// As opens have it: with backslashes, from the share's root.
        let path: String

        func matches(share: String, path: String, beneath: Bool) -> Bool {
            guard share.lowercased() == self.share.lowercased() else { return false }
            let (mine, other) = (self.path.lowercased(), path.lowercased())
            return mine == other || beneath && (mine.isEmpty || other.hasPrefix(mine + "\\"))
        }
    }
    struct Share {
        var name: String
        /// From the root of the file system.
        var folder: String
        var comment: String
    }
    private let shares: Mutex<[Share]>

    init(_ configuration: ServerConfiguration) { shares = Mutex(Self.list(configuration)) }

    /// After a reload.
    func replace(with configuration: ServerConfiguration) {
        let new = Self.list(configuration)
        shares.withLock { $0 = new }
    }

    var list: [Share] { shares.withLock { $0 } }

    private static func list(_ configuration: ServerConfiguration) -> [Share] {
        configuration.shares.map { Share(name: $0.name, folder: $0.path, comment: $0.comment) }
    }

    /// - Parameter path: of the file system, from the root; or `SHARE/…`, `//SERVER/SHARE/…`, `\\SERVER\SHARE\…`.
    /// - Returns: nil if it is in no share.
    func places(of path: String) -> [Place]? {
        let slashed = String(path.map { $0 == "\\" ? "/" : $0 })
        var places: [Place] = []
        if slashed.hasPrefix("//") {
            let parts = slashed.split(separator: "/", omittingEmptySubsequences: true).dropFirst()
            places = place(inShare: parts)
        } else if path.hasPrefix("/") {
            let parts = path.split(separator: "/")
            for share in list {
                let root = share.folder.split(separator: "/")
                guard parts.starts(with: root) else { continue }
                places.append(Place(share: share.name, path: parts.dropFirst(root.count).joined(separator: "\\")))
            }
        } else {
            places = place(inShare: slashed.split(separator: "/")[...])
        }
        return places.isEmpty ? nil : places
    }

    private func place(inShare parts: ArraySlice<Substring>) -> [Place] {
        guard let name = parts.first, let share = list.first(where: { $0.name.lowercased() == name.lowercased() })
        else { return [] }
        return [Place(share: share.name, path: parts.dropFirst().joined(separator: "\\"))]
    }
}
