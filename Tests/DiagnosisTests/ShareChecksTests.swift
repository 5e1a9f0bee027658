import Configuration
import Testing

@testable import Diagnosis

@Suite("apus doctor: shares") struct ShareChecksTests {
    private func findings(_ line: String = "", _ change: (inout ShareFacts) -> Void = { _ in }) throws -> [Finding] {
        let configuration = try configured("[media]", "path = /srv/media", "read only = no", line)
        var facts = ShareFacts()
        facts.fileSystem = "ext4"
        change(&facts)
        return ShareChecks.findings(try #require(configuration.shares.first), facts)
    }
    private func finding(_ line: String = "", _ change: (inout ShareFacts) -> Void) throws -> Finding {
        let found = try findings(line, change)
        try #require(found.count == 1, "\(found)")
        #expect(found[0].check == "share [media]")
        return found[0]
    }

    @Test func aGoodShareIsFine() throws {
        #expect(try findings().map(\.severity) == [.fine])
        #expect(try findings { $0.hasLargeAttributes = true }.map(\.severity) == [.fine])
    }

    @Test func aFolderThatIsNotThere() throws {
        let missing = try finding { $0.folder = .missing }
        #expect(
            missing.severity == .broken && missing.seen == "there is no /srv/media" && missing.mend.contains("line 1"))
        #expect(try finding { $0.folder = .noFolder }.severity == .broken)
        #expect(try finding { $0.folder = .unreachable("Permission denied") }.seen.hasSuffix("Permission denied"))
    }

    @Test(arguments: ["nfs", "cifs", "9p", "fuse", "vfat"]) func fileSystemsThatHurt(_ name: String) throws {
        let finding = try finding { $0.fileSystem = name }
        #expect(finding.severity == .warning && !finding.reason.isEmpty && !finding.mend.isEmpty)
    }

    @Test func memoryIsOnlyWorthANote() throws {
        #expect(try finding { $0.fileSystem = "tmpfs" }.severity == .note)
    }

    @Test func aReadOnlyMountMattersToWhoMayWrite() throws {
        #expect(try finding { $0.isMountedReadOnly = true }.severity == .broken)
        let archive = try configured("[old]", "path = /old")
        var facts = ShareFacts()
        facts.isMountedReadOnly = true
        #expect(ShareChecks.findings(archive.shares[0], facts).map(\.severity) == [.fine])
    }

    @Test func missingAttributesMatterUnlessTheShareDoesWithout() throws {
        #expect(try finding { $0.hasUserAttributes = false }.severity == .warning)
        let without = try findings("store dos attributes = no\nstreams = no") { $0.hasUserAttributes = false }
        #expect(without.map(\.severity) == [.fine])
        #expect(try finding { $0.hasLargeAttributes = false }.severity == .note)
        #expect(try findings("streams = no") { $0.hasLargeAttributes = false }.map(\.severity) == [.fine])
    }

    @Test func missingListsAndHandles() throws {
        #expect(try finding { $0.hasAccessLists = false }.seen.contains("POSIX access lists"))
        #expect(try finding { $0.hasFileHandles = false }.seen.contains("file handles"))
        #expect(try findings("kernel change notify = no") { $0.hasFileHandles = false }.map(\.severity) == [.fine])
    }

    @Test func namesThatDifferByCaseAlone() throws {
        let pairs = CollidingNames.pairs(["b", "README", "Readme", "readme"], in: "/srv/media")
        #expect(pairs == ["/srv/media/README and Readme", "/srv/media/README and readme"])
        #expect(CollidingNames.pairs(["a", "b"], in: "/").isEmpty)
        let finding = try finding { $0.namesThatCollide = pairs }
        #expect(finding.severity == .warning && finding.seen.contains("and 1 more like them"))
    }

    @Test func caseSensitiveShares() throws {
        #expect(try finding("case sensitive = yes") { _ in }.severity == .note)
        #expect(try finding("case sensitive = yes") { $0.foldsCase = true }.severity == .warning)
    }

    @Test func aFullFileSystem() throws {
        #expect(try finding { $0.freePercent = 0 }.severity == .broken)
        #expect(try finding { $0.freeFilePercent = 0 }.seen.contains("inodes"))
        #expect(try findings { $0.freePercent = 1 }.map(\.severity) == [.fine])
    }
}
