import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// FileRenameInformation, [MS-FSA] 2.1.5.15.11.
@Suite struct RenameTests {
    private func renaming(_ file: FileID, to name: String) -> TestRequest {
        .newName(file, name, flags: 1)
    }

    private func rename(_ file: FileID, to name: String, by client: TestClient) throws -> NTStatus {
        try client.call(renaming(file, to: name)).status
    }

    /// As Linux's client replaces a file that another has open: it is refused, deletes it, and tries again.
    @Test func aNameThatIsToGoGivesWay() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let reader = try host.logIn()
        let old = try client.open("target")
        #expect(try client.call(.write(old, Array("old".utf8))).status == .success)
        #expect(try client.call(.close(old)).status == .success)
        let kept = try reader.open("target", access: .readData, disposition: .open)
        let source = try client.open("source", access: [.readData, .writeData, .delete])
        #expect(try client.call(.write(source, Array("new".utf8))).status == .success)

        #expect(try rename(source, to: "target", by: client) == .accessDenied)
        let deleted = try client.open("target", access: .delete, disposition: .open) {
            $0.createOptions = .deleteOnClose
        }
        #expect(try client.call(.close(deleted)).status == .success)
        #expect(try client.call(.create("target", access: .readData, disposition: .open)).status == .deletePending)
        #expect(try rename(source, to: "target", by: client) == .success)

        // Who has the one of before open keeps that, and takes nothing along when he closes it.
        #expect(try reader.call(.read(kept, count: 1)).status == .success)
        #expect(try reader.call(.close(kept)).status == .success)
        #expect(try client.call(.close(source)).status == .success)
        let found = try reader.open("target", access: .readData, disposition: .open)
        let reply = try reader.call(.read(found, count: 3))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == Array("new".utf8))
    }

    /// A cached handle that is closed only after its break was acknowledged, as Linux's client does it.
    private func renameOverCachedHandle(
        _ then: (_ host: EngineHost, _ reader: TestClient, _ kept: FileID) throws -> Void
    ) throws -> NTStatus {
        let host = try EngineHost()
        let client = try host.logIn()
        let reader = try host.logIn()
        let kept = try reader.open("target") { $0.requestedOplockLevel = 0x09 }
        let source = try client.open("source", access: [.readData, .writeData, .delete])
        client.send([renaming(source, to: "target")])
        #expect(try reader.nextReply().header.messageID == .max)
        #expect(try reader.call(.acknowledge(level: 1, kept)).status == .success)
        host.pass(seconds: 1)
        #expect(throws: TestClientError.self) { try client.nextReply() }
        try then(host, reader, kept)
        return try client.nextReply().status
    }

    @Test func aHandleThatIsNoLongerCachedMayBeClosedALittleLater() throws {
        let status = try renameOverCachedHandle { _, reader, kept in
            let closed = try reader.call(.close(kept)).status
            #expect(closed == .success)
        }
        #expect(status == .success)
    }

    @Test func aHandleThatStaysOpenIsInTheWay() throws {
        let status = try renameOverCachedHandle { host, _, _ in host.pass(seconds: 1) }
        #expect(status == .accessDenied)
    }

    /// Who has it open himself can close it.
    @Test func aNameThatIsToGoIsNotReplacedBeneathOnesOwnHandle() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let kept = try client.open("target", access: [.readData, .delete])
        let deleted = try client.open("target", access: .delete, disposition: .open) {
            $0.createOptions = .deleteOnClose
        }
        #expect(try client.call(.close(deleted)).status == .success)
        let source = try client.open("source", access: .delete)
        #expect(try rename(source, to: "target", by: client) == .accessDenied)
        #expect(try client.call(.close(kept)).status == .success)
        #expect(try rename(source, to: "target", by: client) == .success)
    }

    /// Whoever has the file open has it by one name, however the one who renamed it has spelled the folder.
    @Test func theNewNameIsSpelledAsOnTheDisk() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let other = try host.logIn()
        let folder = try client.open("Folder") { $0.createOptions = .directoryFile }
        #expect(try client.call(.close(folder)).status == .success)
        let renamed = try client.open("Folder\\file")
        let deleted = try other.open("Folder\\file")
        #expect(try rename(renamed, to: "FOLDER\\new", by: client) == .success)
        // Asked to go, the name goes with its last handle and no earlier.
        #expect(try other.call(.set(deleted, class: 13, [1])).status == .success)
        #expect(try other.call(.close(deleted)).status == .success)
        #expect(try other.call(.create("Folder\\new", disposition: .open)).status == .deletePending)
        #expect(try client.call(.close(renamed)).status == .success)
        #expect(try other.call(.create("Folder\\new", disposition: .open)).status == .objectNameNotFound)
    }

    /// Who watches is told of one name, however the one who made it has spelled the folder.
    @Test func aNewLinkIsToldAsItsFolderIsSpelledOnTheDisk() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let watcher = try host.logIn()
        let folder = try client.open("Folder") { $0.createOptions = .directoryFile }
        #expect(try client.call(.close(folder)).status == .success)
        let file = try client.open("file")
        let root = try watcher.open("", access: [.readData, .readAttributes], disposition: .open)
        #expect(try watcher.call(.notify(root, filter: 1, watchesTree: true)).isInterim)
        #expect(try client.call(.newName(file, "FOLDER\\Link", class: 11)).status == .success)
        let told = try watcher.repliesAtHand()
        #expect(told.map(\.status) == [.success])
        let name = Array("Folder\\Link".utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(told.first?.bytes.suffix(name.count) == name[...])
    }
}
