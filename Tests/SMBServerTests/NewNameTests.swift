import EngineHost
import Glibc
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// The flags of FileRenameInformationEx and FileLinkInformationEx, as NTFS obeys them.
@Suite("FileRenameInformationEx [MS-FSCC] 2.4.43") struct NewNameTests {
    private static let classes: [(rename: Bool, code: UInt8)] = [(true, 65), (false, 72)]
    private static let replace: UInt32 = 0x1
    private static let posix: UInt32 = 0x3
    private let host: EngineHost
    private let client: TestClient
    private let other: TestClient

    init() throws {
        host = try EngineHost()
        client = try host.logIn()
        other = try host.logIn()
    }

    private func name(_ file: FileID, _ name: String, _ flags: UInt32, _ code: UInt8 = 65) throws -> NTStatus {
        try client.call(.newName(file, name, class: code, flags: flags)).status
    }

    private func make(_ name: String, _ content: String = "", _ attributes: FileAttributes = []) throws {
        let file = try client.open(name, disposition: .create) { $0.fileAttributes = attributes }
        if !content.isEmpty { #expect(try client.call(.write(file, Array(content.utf8))).status == .success) }
        #expect(try client.call(.close(file)).status == .success)
    }

    private func content(_ name: String) throws -> [UInt8] {
        let file = try client.open(name, access: .readData, disposition: .open)
        let reply = try client.call(.read(file, count: 100))
        return try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data
    }

    /// NumberOfLinks and DeletePending of FileStandardInformation.
    private func standard(_ file: FileID, by client: TestClient) throws -> [UInt8] {
        let reply = try client.call(.query(file, class: 5))
        #expect(reply.status == .success)
        return Array(reply.bytes.suffix(8).prefix(5))
    }

    @Test(arguments: classes) func aReadOnlyFileGivesWayIfAskedTo(isRename: Bool, code: UInt8) throws {
        try make("source", "new")
        try make("target", "old", .readOnly)
        let source = try client.open("source", disposition: .open)
        #expect(try name(source, "target", 0, code) == .objectNameCollision)
        #expect(try name(source, "target", Self.replace, code) == .accessDenied)
        #expect(try name(source, "target", Self.replace | 0x40, code) == .success)
        #expect(try content("target") == Array("new".utf8))
        #expect(access(host.folder.path + "/source", F_OK) == (isRename ? -1 : 0))
    }

    /// Another name of the same file, or a link that no client sees: what is there is no file that somebody could have.
    @Test(arguments: classes, [false, true])
    func whatIsNoOtherFileGivesWay(_ which: (rename: Bool, code: UInt8), isLink: Bool) throws {
        try make("source", "new")
        let folder = host.folder.path
        #expect((isLink ? symlink("nowhere", folder + "/target") : link(folder + "/source", folder + "/target")) == 0)
        let source = try client.open("source", disposition: .open)
        #expect(try name(source, "target", Self.replace, which.code) == .success)
        #expect(try content("target") == Array("new".utf8))
    }

    @Test(arguments: classes) func whoHasTheReplacedFileOpenKeepsIt(isRename: Bool, code: UInt8) throws {
        try make("source", "new")
        try make("Target", "old")
        let kept = try other.open("target", access: [.readData, .writeData, .delete], disposition: .open)
        let source = try client.open("source", disposition: .open)
        #expect(try name(source, "target", Self.replace, code) == .accessDenied)
        #expect(try name(source, "target", Self.posix, code) == .success)
        #expect(try content("target") == Array("new".utf8))
        // It has no name any more.
        #expect(try standard(kept, by: other) == [0, 0, 0, 0, 1])
        #expect(try standard(source, by: client).last == 0)
        for flags: UInt8 in [0, 1] { #expect(try other.call(.set(kept, class: 13, [flags])).status == .fileDeleted) }
        #expect(try other.call(.write(kept, Array("more".utf8))).status == .success)
        let reply = try other.call(.read(kept, count: 10))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == Array("more".utf8))
        #expect(try other.call(.close(kept)).status == .success)
        #expect(try content("target") == Array("new".utf8))
    }

    @Test(arguments: classes) func whoDoesNotShareItForDeletionKeepsItsName(isRename: Bool, code: UInt8) throws {
        try make("source")
        try make("target", "old")
        let kept = try other.open("target", access: .readData, disposition: .open) { $0.shareAccess = [.read, .write] }
        let source = try client.open("source", disposition: .open)
        #expect(try name(source, "target", Self.posix, code) == .sharingViolation)
        #expect(try other.call(.close(kept)).status == .success)
        #expect(try name(source, "target", Self.posix, code) == .success)
    }

    /// A handle that only a cache keeps stands for a name that leads elsewhere now: it is asked for first.
    @Test func cachedHandlesOfTheReplacedFileAreLetGo() throws {
        try make("source")
        try make("target")
        let kept = try other.open("target", disposition: .open) { $0.requestedOplockLevel = 0x09 }
        let source = try client.open("source", disposition: .open)
        client.send([.newName(source, "target", class: 65, flags: Self.posix)])
        #expect(try other.nextReply().header.messageID == .max)
        #expect(throws: TestClientError.self) { try client.nextReply() }
        #expect(try other.call(.close(kept)).status == .success)
        #expect(try client.nextReply().status == .success)
    }

    @Test func anEmptyFolderGivesWayToAFolder() throws {
        for name in ["one", "two", "full"] {
            _ = try client.call(.close(try client.open(name) { $0.createOptions = .directoryFile }))
        }
        try make(#"full\inside"#)
        let folder = try client.open("one") { $0.createOptions = .directoryFile }
        #expect(try name(folder, "two", Self.replace) == .accessDenied)
        #expect(try name(folder, "full", Self.posix) == .directoryNotEmpty)
        #expect(try name(folder, "two", Self.posix) == .success)
        #expect(access(host.folder.path + "/one", F_OK) == -1)
        try make("file")
        let file = try client.open("file", disposition: .open)
        #expect(try name(file, "two", Self.posix) == .accessDenied)
    }

    /// As NTFS has it; rename(2) does not.
    @Test func aFileGivesWayToAFolder() throws {
        try make("Target", "old")
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        #expect(try name(folder, "target", 0) == .objectNameCollision)
        let kept = try other.open("target", access: .readData, disposition: .open)
        #expect(try name(folder, "target", Self.replace) == .accessDenied)
        #expect(try other.call(.close(kept)).status == .success)
        #expect(try name(folder, "target", Self.replace) == .success)
        var status = stat()
        #expect(stat(host.folder.path + "/target", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR)
        for gone in ["folder", "Target"] { #expect(access(host.folder.path + "/" + gone, F_OK) == -1) }
        // Nothing is beneath a file.
        try make("file")
        let source = try client.open("source")
        for code: UInt8 in [65, 72] { #expect(try name(source, #"file\below"#, 0, code) == .invalidParameter) }
    }

    /// Clients take that for a server that is older than the flag, and do without.
    @Test(arguments: classes) func flagsThatNobodyKnowsAreRefused(isRename: Bool, code: UInt8) throws {
        let source = try client.open("source")
        #expect(try name(source, "other", 0x200, code) == .notSupported)
        // Those about reserved areas and about files that are kept elsewhere ask for nothing here.
        #expect(try name(source, "other", 0x1BC, code) == .success)
    }

    /// At no time is there no file of that name, nor if the link cannot be made.
    @Test func aLinkThatReplacesKeepsTheNewSpelling() throws {
        try make("source", "new")
        try make("Target", "old")
        let source = try client.open("source", disposition: .open)
        #expect(try name(source, "TARGET", Self.replace, 72) == .success)
        #expect(access(host.folder.path + "/TARGET", F_OK) == 0 && access(host.folder.path + "/Target", F_OK) == -1)
        var status = stat()
        stat(host.folder.path + "/source", &status)
        #expect(status.st_nlink == 2)
    }
}
