import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// FileStreamRename: what others who have a stream open see of its new name.
@Suite("Renaming streams [MS-FSA] 2.1.5.15.12") struct StreamRenameTests {
    private let host: EngineHost
    private let client: TestClient
    private let other: TestClient

    init() throws {
        host = try EngineHost()
        client = try host.logIn()
        other = try host.logIn()
    }

    private func rename(_ file: FileID, to name: String, replaces: Bool = false) throws -> NTStatus {
        try client.call(.newName(file, name, flags: replaces ? 1 : 0)).status
    }

    @Test func otherHandlesFollow() throws {
        let kept = try other.open("file:one")
        #expect(try other.call(.write(kept, [1, 2])).status == .success)
        let stream = try client.open("file:one")
        #expect(try rename(stream, to: ":two") == .success)
        let reply = try other.call(.read(kept, count: 2))
        #expect(reply.status == .success)
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == [1, 2])
        #expect(try other.call(.create("file:one", disposition: .open)).status == .objectNameNotFound)
    }

    @Test func sharingHoldsUnderTheNewName() throws {
        let stream = try client.open("file:one") { $0.shareAccess = [] }
        #expect(try rename(stream, to: ":Two") == .success)
        #expect(try other.call(.create("file:two", disposition: .open)).status == .sharingViolation)
        // The old one is free.
        let new = try other.open("file:one", disposition: .create)
        #expect(try other.call(.close(new)).status == .success)
        #expect(try client.call(.close(stream)).status == .success)
        #expect(try other.call(.create("file:two", disposition: .open)).status == .success)
    }

    /// With the statuses of NTFS.
    @Test func whatCannotBeTheNewName() throws {
        let stream = try client.open("file:one")
        #expect(try client.call(.write(stream, [1])).status == .success)
        for name in [":" + String(repeating: "x", count: 256), ":a/b", "file:two"] {
            #expect(try rename(stream, to: name) == .invalidParameter)
        }
        // The file's own data is there, although it is empty.
        #expect(try rename(stream, to: "::$DATA") == .objectNameCollision)
        #expect(try rename(stream, to: "::$DATA", replaces: true) == .success)
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        #expect(try client.call(.close(folder)).status == .success)
        let other = try client.open("folder:one")
        #expect(try rename(other, to: "::$DATA", replaces: true) == .invalidParameter)
    }

    @Test func aStreamThatIsOpenDoesNotGiveWay() throws {
        let target = try other.open("file:two")
        let stream = try client.open("file:one")
        #expect(try rename(stream, to: ":two") == .objectNameCollision)
        #expect(try rename(stream, to: ":two", replaces: true) == .accessDenied)
        #expect(try other.call(.close(target)).status == .success)
        #expect(try rename(stream, to: ":two", replaces: true) == .success)
    }
}
