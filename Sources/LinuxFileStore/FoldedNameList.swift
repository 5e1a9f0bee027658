import NTTypes

/// All names in a folder, to be found without regard to case in the same time however many there are. A copy of what
/// the disk has, for as long as somebody tells it of every change.
struct FoldedNameList: Sendable {
    private struct Entry {
        var start: UInt32
        var byteCount: UInt16
        /// Of the folded name: its bucket, and most of what tells it from others there.
        var hash: UInt32
        /// The next entry of the same bucket; -1 at the end.
        var next: Int32
    }

    /// The first entry of each bucket; -1 where there is none. As many as a power of two, and no fewer than entries.
    private var buckets = [Int32](repeating: -1, count: 16)
    private var entries: [Entry] = []
    /// The names, one after the other, and what is left of names that have gone.
    private var bytes: [UInt8] = []
    private var freeEntries: [Int32] = []
    private var wastedByteCount = 0

    var count: Int { entries.count - freeEntries.count }
    /// Of memory.
    var byteCount: Int {
        bytes.capacity + entries.capacity * MemoryLayout<Entry>.stride + (buckets.count + freeEntries.capacity) * 4
    }

    private func name(_ entry: Entry) -> ArraySlice<UInt8> {
        bytes[Int(entry.start)..<Int(entry.start) + Int(entry.byteCount)]
    }

    private func bucket(_ hash: UInt32) -> Int { Int(hash) & (buckets.count - 1) }

    /// A name that is there already stays.
    /// - Returns: false if there is no room for more.
    mutating func insert(_ name: ArraySlice<UInt8>, _ folded: FoldedName) -> Bool {
        guard bytes.count + name.count < Int(Int32.max), entries.count < Int(Int32.max),
            name.count <= Int(UInt16.max)
        else { return false }
        let hash = UInt32(truncatingIfNeeded: folded.hash)
        var index = buckets[bucket(hash)]
        while index >= 0 {
            let entry = entries[Int(index)]
            if entry.hash == hash, self.name(entry) == name { return true }
            index = entry.next
        }
        if count == buckets.count { addBuckets() }
        let entry = Entry(
            start: UInt32(bytes.count), byteCount: UInt16(name.count), hash: hash, next: buckets[bucket(hash)])
        bytes += name
        if let free = freeEntries.popLast() {
            entries[Int(free)] = entry
            buckets[bucket(hash)] = free
        } else {
            buckets[bucket(hash)] = Int32(entries.count)
            entries.append(entry)
        }
        return true
    }

    private mutating func addBuckets() {
        buckets = [Int32](repeating: -1, count: buckets.count * 2)
        for index in entries.indices where entries[index].byteCount > 0 {
            let bucket = bucket(entries[index].hash)
            entries[index].next = buckets[bucket]
            buckets[bucket] = Int32(index)
        }
    }

    mutating func remove(_ name: ArraySlice<UInt8>, _ folded: FoldedName) {
        let hash = UInt32(truncatingIfNeeded: folded.hash)
        var previous: Int32 = -1
        var index = buckets[bucket(hash)]
        while index >= 0, entries[Int(index)].hash != hash || self.name(entries[Int(index)]) != name {
            previous = index
            index = entries[Int(index)].next
        }
        guard index >= 0 else { return }
        let gone = entries[Int(index)]
        if previous >= 0 {
            entries[Int(previous)].next = gone.next
        } else {
            buckets[bucket(hash)] = gone.next
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
        let hash = UInt32(truncatingIfNeeded: folded.hash)
        var index = buckets[bucket(hash)]
        var found: NTName?
        while index >= 0 {
            let entry = entries[Int(index)]
            index = entry.next
            guard entry.hash == hash else { continue }
            let candidate = NTName(utf8: Array(self.name(entry)))
            if candidate == name { return candidate }
            if found == nil, folded.matches(candidate) { found = candidate }
        }
        return found
    }
}
