import NTTypes

/// Values by folder, which tell what is in one folder and below it without a look at the others.
struct FolderTree<Value> {
    private struct Entry {
        var value: Value?
        /// Folders in this one that have a value, or lead to one.
        var names: Set<NTName> = []
    }
    private var entries: [FolderPlace: Entry] = [:]
    /// Of values.
    private(set) var count = 0
    /// Nothing is kept, not even ways to values.
    var isEmpty: Bool { entries.isEmpty }

    subscript(place: FolderPlace) -> Value? {
        get { entries[place]?.value }
        _modify {
            let wasThere = entries[place]?.value != nil
            yield &entries[place, default: Entry()].value
            let isThere = entries[place]?.value != nil
            count += (isThere ? 1 : 0) - (wasThere ? 1 : 0)
            if isThere, !wasThere { link(place) }
            if !isThere { prune(place) }
        }
    }

    /// Folders with a value: this one, and all below it.
    func places(from top: FolderPlace) -> [FolderPlace] {
        var found: [FolderPlace] = []
        var pending = [top]
        while let place = pending.popLast() {
            guard let entry = entries[place] else { continue }
            if entry.value != nil { found.append(place) }
            for name in entry.names {
                var child = place
                child.folder.append(name)
                pending.append(child)
            }
        }
        return found
    }

    /// The folders above know that it is there.
    private mutating func link(_ place: FolderPlace) {
        var child = place
        while let name = child.folder.popLast(), entries[child, default: Entry()].names.insert(name).inserted {}
    }

    /// What has no value and leads to none goes.
    private mutating func prune(_ place: FolderPlace) {
        var place = place
        while let entry = entries[place], entry.value == nil, entry.names.isEmpty {
            entries[place] = nil
            guard let name = place.folder.popLast() else { return }
            entries[place]?.names.remove(name)
        }
    }
}
