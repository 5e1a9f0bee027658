import NTTypes
import Testing

@testable import SMBServer

private func names(_ path: String) -> [NTName] { path.split(separator: "/").map { NTName(String($0)) } }

@Suite("A change costs what it concerns, however many folders are watched") struct WatchIndexTests {
    private func place(_ path: String, _ share: String = "share") -> WatchIndex.Place {
        WatchIndex.Place(names(path)[...], in: share)
    }

    @Test("Of ten thousand watched folders a change looks at the one that it is in")
    func oneOfMany() {
        var index = WatchIndex()
        for number in 0..<10_000 { index.insert(UInt64(number), at: place("a/\(number)"), isTree: number % 2 == 0) }
        #expect(index.watches(around: names("a/7/file"), in: "share") == [7])
        #expect(index.watches(around: names("a/8/b/c/file"), in: "share") == [8])
        #expect(index.watches(around: names("a/7/b/file"), in: "share") == [])
        #expect(index.watches(around: names("a/7/file"), in: "another") == [])
    }

    @Test("All who watch a folder, or a tree that it is in, are found; who has gone is not")
    func found() {
        var index = WatchIndex()
        index.insert(1, at: place(""), isTree: true)
        index.insert(2, at: place("a"), isTree: false)
        index.insert(3, at: place("a"), isTree: true)
        index.insert(4, at: place("a"), isTree: false)
        #expect(Set(index.watches(around: names("a/file"), in: "share")) == [1, 2, 3, 4])
        #expect(Set(index.watches(around: names("a/b/file"), in: "share")) == [1, 3])
        #expect(index.watches(around: names("file"), in: "share") == [1])
        index.remove(2, at: place("a"), isTree: false)
        index.remove(1, at: place(""), isTree: true)
        #expect(Set(index.watches(around: names("a/file"), in: "share")) == [3, 4])
        #expect(index.watches(around: [], in: "share") == [])
    }

    private func folder(_ path: String) -> FolderPlace {
        var place = FolderPlace(NTPath(), in: "share")
        place.folder = names(path)
        return place
    }

    @Test("A tree of folders tells what is below one, and keeps nothing of what has gone")
    func folders() {
        var tree = FolderTree<Int>()
        for (number, path) in ["a", "a/b", "a/b/c/d", "e"].enumerated() { tree[folder(path)] = number }
        #expect(tree.count == 4)
        #expect(Set(tree.places(from: folder("a"))) == Set(["a", "a/b", "a/b/c/d"].map(folder)))
        #expect(tree.places(from: folder("a/b/c")) == [folder("a/b/c/d")])
        tree[folder("a/b")] = nil
        tree[folder("none")] = nil
        #expect(Set(tree.places(from: folder(""))) == Set(["a", "a/b/c/d", "e"].map(folder)))
        tree[folder("a/b/c/d")]? += 10
        #expect(tree[folder("a/b/c/d")] == 12)
        for path in ["a/b/c/d", "a", "e"] { tree[folder(path)] = nil }
        #expect(tree.count == 0)
        #expect(tree.isEmpty)
    }
}
