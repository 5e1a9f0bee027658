import NTTypes

/// All names in a folder, to be found without regard to case in the same time however many there are. A copy of what
/// the disk has, for as long as somebody tells it of every change.
struct FoldedNameList: Sendable {
    private struct Entry {
        var start: UInt32
        var byteCount: UInt16
        /// The next entry of the same hash; -1 at the end.
        var next: Int32
    }

    /// By the hash of the folded name: the first of its entries.
    private var heads: [Int: Int32] = [:]
    private var entries: [Entry] = []
    /// The names, one after the other, and what is left of names that have gone.
    private var bytes: [UInt8] = []
    private var freeEntries: [Int32] = []
    private var wastedByteCount = 0

    var count: Int { entries.count - freeEntries.count }
    var byteCount: Int { bytes.count + entries.count * 40 }

    private func name(_ entry: Entry) -> ArraySlice<UInt8> {
        bytes[Int(entry.start)..<Int(entry.start) + Int(entry.byteCount)]
    }

    /// A name that is there already stays.
    /// - Returns: false if there is no room for more.
    mutating func insert(_ name: ArraySlice<UInt8>, _ folded: FoldedName) -> Bool {
        guard bytes.count + name.count < Int(Int32.max), entries.count < Int(Int32.max),
            name.count <= Int(UInt16.max)
        else { return false }
        let hash = folded.hash
        let head = heads[hash]
        var index = head ?? -1
        while index >= 0 {
            if self.name(entries[Int(index)]) == name { return true }
            index = entries[Int(index)].next
        }
        let entry = Entry(start: UInt32(bytes.count), byteCount: UInt16(name.count), next: head ?? -1)
        bytes += name
        if let free = freeEntries.popLast() {
            entries[Int(free)] = entry
            heads[hash] = free
        } else {
            heads[hash] = Int32(entries.count)
            entries.append(entry)
        }
        return true
    }

    mutating func remove(_ name: ArraySlice<UInt8>, _ folded: FoldedName) {
        let hash = folded.hash
        var previous: Int32 = -1
        var index = heads[hash] ?? -1
        while index >= 0, self.name(entries[Int(index)]) != name {
            previous = index
            index = entries[Int(index)].next
        }
        guard index >= 0 else { return }
        let gone = entries[Int(index)]
        if previous >= 0 {
            entries[Int(previous)].next = gone.next
        } else {
            heads[hash] = gone.next >= 0 ? gone.next : nil
        }
        freeEntries.append(index)
        wastedByteCount += Int(gone.byteCount)
        entries[Int(index)].byteCount = 0
        if wastedByteCount > 64 << 10, wastedByteCount > bytes.count / 2 { compact() }
    }

    /// Gives back the room of names that have gone.
    private mutating func compact() {
        var packed: [UInt8] = []
        packed.reserveCapacity(bytes.count - wastedByteCount)
        for index in entries.indices where entries[index].byteCount > 0 {
            let start = UInt32(packed.count)
            packed += name(entries[index])
            entries[index].start = start
        }
        bytes = packed
        wastedByteCount = 0
    }

    /// The spelling of the entry that `name` means: exactly this one first, else one that differs in case only.
    func spelling(of name: NTName, _ folded: FoldedName) -> NTName? {
        var index = heads[folded.hash] ?? -1
        var found: NTName?
        while index >= 0 {
            let entry = entries[Int(index)]
            let candidate = NTName(utf8: Array(self.name(entry)))
            if candidate == name { return candidate }
            if found == nil, folded.matches(candidate) { found = candidate }
            index = entry.next
        }
        return found
    }
}
