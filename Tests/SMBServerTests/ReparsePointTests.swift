import EngineHost
import Glibc
import LinuxFileStore
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// FSCTL_GET, SET and DELETE_REPARSE_POINT, [MS-FSA] 2.1.5.10.16, .38 and .3, and opens that meet one.
@Suite("Reparse points [MS-FSCC] 2.1.2") struct ReparsePointTests {
    private let host: EngineHost
    private let client: TestClient

    init() throws {
        host = try EngineHost()
        client = try host.logIn()
    }

    /// With or without a GUID, as the tag demands.
    private static func buffer(_ tag: UInt32, guid: UInt8 = 0, _ data: [UInt8] = Array("data".utf8)) -> [UInt8] {
        var buffer: [UInt8] = []
        for shift in [0, 8, 16, 24] { buffer.append(UInt8(tag >> shift & 0xFF)) }
        buffer += [UInt8(data.count & 0xFF), UInt8(data.count >> 8), 0, 0]
        if tag & 0x8000_0000 == 0 { buffer += [UInt8](repeating: guid, count: 16) }
        return buffer + data
    }

    private static func link(_ target: String) -> [UInt8] {
        let name = target.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let length = [UInt8(name.count), 0]
        return buffer(0xA000_000C, [0, 0] + length + [0, 0] + length + [1, 0, 0, 0] + name)
    }

    private func set(_ file: FileID, _ buffer: [UInt8], by client: TestClient? = nil) throws -> NTStatus {
        try (client ?? self.client).call(.control(0x0009_00A4, file, input: buffer)).status
    }
    private func delete(_ file: FileID, _ buffer: [UInt8]) throws -> NTStatus {
        try client.call(.control(0x0009_00AC, file, input: buffer)).status
    }
    private func get(_ file: FileID, by client: TestClient? = nil) throws -> [UInt8] {
        let reply = try (client ?? self.client).call(.control(0x0009_00A8, file))
        #expect(reply.status == .success)
        return try reply.decode { r throws(WireError) in try IoctlResponse(from: &r) }.output
    }
    private func create(
        _ name: String, _ options: CreateOptions = []
    ) throws -> CreateResponse {
        let reply = try client.call(.create(name, disposition: .open) { $0.createOptions = options })
        #expect(reply.status == .success)
        return try reply.decode { r throws(WireError) in try CreateResponse(from: &r) }
    }

    @Test(arguments: [0x8000_0025, 0x0000_1234] as [UInt32]) func isSetShownAndTakenAway(tag: UInt32) throws {
        let file = try client.open("file")
        #expect(try client.call(.write(file, Array("content".utf8))).status == .success)
        #expect(try client.call(.control(0x0009_00A8, file)).status == .notAReparsePoint)
        let buffer = Self.buffer(tag, guid: 7)
        #expect(try set(file, buffer) == .success)
        #expect(try get(file) == buffer)
        #expect(try client.call(.close(file)).status == .success)

        // Nobody comes upon it unawares, [MS-FSA] 2.1.5.1.
        #expect(try client.call(.create("file", disposition: .open)).status == .ioReparseTagNotHandled)
        let opened = try create("file", .openReparsePoint)
        #expect(opened.flags == 1)
        #expect(opened.information.fileAttributes.contains(.reparsePoint))
        let reply = try client.call(.query(opened.fileID, class: 35))
        #expect(reply.bytes.suffix(4) == buffer.prefix(4))

        #expect(try delete(opened.fileID, Self.buffer(tag ^ 1, guid: 7, [])) == .reparseTagMismatch)
        #expect(try delete(opened.fileID, buffer) == .reparseDataInvalid)
        #expect(try delete(opened.fileID, Self.buffer(tag, guid: 7, [])) == .success)
        #expect(try delete(opened.fileID, Self.buffer(tag, guid: 7, [])) == .notAReparsePoint)
        let plain = try create("file")
        #expect(plain.flags == 0 && !plain.information.fileAttributes.contains(.reparsePoint))
        let data = try client.call(.read(plain.fileID, count: 7))
        #expect(try data.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == Array("content".utf8))
    }

    @Test func neitherTagNorGUIDChanges() throws {
        let file = try client.open("file")
        #expect(try set(file, Self.buffer(0x1234, guid: 1)) == .success)
        #expect(try set(file, Self.buffer(0x8000_0026)) == .reparseTagMismatch)
        #expect(try set(file, Self.buffer(0x1234, guid: 2)) == .reparseAttributeConflict)
        #expect(try set(file, Self.buffer(0x1234, guid: 1, [9])) == .success)
        #expect(try get(file) == Self.buffer(0x1234, guid: 1, [9]))
        #expect(try delete(file, Self.buffer(0x1234, guid: 2, [])) == .reparseAttributeConflict)
    }

    @Test func whatIsNoBufferIsRefused() throws {
        let file = try client.open("file")
        #expect(try set(file, []) == NTStatus(rawValue: 0xC000_0206))
        let good = Self.buffer(0x8000_0025)
        for bad in [Array(good.dropLast()), good + [0], Array(good.prefix(7))] {
            #expect(try set(file, bad) == .reparseDataInvalid)
        }
        #expect(try set(file, Self.buffer(0x8000_0025, [UInt8](repeating: 1, count: 16_384))) == .reparseDataInvalid)
        #expect(try set(file, Self.buffer(1)) == NTStatus(rawValue: 0xC000_0276))
        #expect(try set(file, Self.buffer(0xA000_0003)) == .notADirectory)
        let reader = try client.open("file", access: .readData)
        #expect(try set(reader, good) == .accessDenied)
    }

    @Test func aFolderHasOneAsLongAsItIsEmpty() throws {
        let folder = try client.open("folder") { $0.createOptions = .directoryFile }
        let inside = try client.open(#"folder\inside"#)
        #expect(try set(folder, Self.buffer(0xA000_0003)) == .directoryNotEmpty)
        let deleted = try client.call(.set(inside, class: 13, [1]))
        #expect(deleted.status == .success)
        #expect(try client.call(.close(inside)).status == .success)
        #expect(try set(folder, Self.buffer(0xA000_0003)) == .success)
        let shown = try create("folder", .openReparsePoint)
        #expect(shown.information.fileAttributes == [.directory, .reparsePoint])
        #expect(try delete(shown.fileID, Self.buffer(0xA000_0003, [])) == .success)
        #expect(try create("folder").information.fileAttributes == .directory)
    }

    // MARK: symbolic links

    /// A server that shows links: `show symlinks`.
    private func showing() throws -> (EngineHost, TestClient) {
        let folder = try ScratchFolder()
        var options = LinuxFileStoreOptions()
        options.switchesIdentity = false
        options.showsSymbolicLinks = true
        let store = try LinuxFileStore(root: folder.path, options: options)
        let host = try EngineHost(folder: folder, wrap: { _ in store })
        return (host, try host.logIn())
    }

    /// Data of SYMBOLIC_LINK_ERROR_RESPONSE, [MS-SMB2] 2.2.2.2.1, without the context that 3.1.1 wraps it in.
    private func met(_ reply: TestReply) throws -> (unparsed: Int, target: String) {
        #expect(reply.status == .stoppedOnSymlink)
        let error = try reply.decode { r throws(WireError) in try ErrorResponse(from: &r) }
        #expect(error.contextCount == 1)
        let data = Array(error.data.dropFirst(8))
        #expect(Array(data[4..<8]) == Array("SYML".utf8) && Array(data[8..<12]) == [0x0C, 0, 0, 0xA0])
        let count = Int(data[22]) | Int(data[23]) << 8
        let units = stride(from: 28, to: 28 + count, by: 2).map { UInt16(data[$0]) | UInt16(data[$0 + 1]) << 8 }
        return (Int(data[14]) | Int(data[15]) << 8, String(decoding: units, as: UTF16.self))
    }

    @Test func aLinkThatIsMadeIsOneOnTheDiskAndStopsWhoMeetsIt() throws {
        let (host, client) = try showing()
        let file = try client.open("link")
        #expect(try set(file, Self.link(#"some\where"#), by: client) == .success)
        #expect(try client.call(.close(file)).status == .success)
        var target = [CChar](repeating: 0, count: 64)
        let count = readlink(host.folder.path + "/link", &target, 63)
        #expect(target.prefix(max(0, count)).map { UInt8(bitPattern: $0) } == Array("some/where".utf8))

        #expect(try met(try client.call(.create("link", disposition: .open))) == (0, #"some\where"#))
        let beyond = try met(try client.call(.create(#"LINK\below\x"#, disposition: .open)))
        #expect(beyond == (2 * #"\below\x"#.utf16.count, #"some\where"#))
        let opened = try client.open("link", disposition: .open) { $0.createOptions = .openReparsePoint }
        #expect(try get(opened, by: client) == Self.link(#"some\where"#))
    }

    /// Local programs are not led anywhere, and clients are told as by Windows.
    @Test func whereLinksAreNotShownOneIsKeptForClientsOnly() throws {
        let file = try client.open("Link")
        #expect(try set(file, Self.link(#"some\where"#)) == .success)
        #expect(try client.call(.close(file)).status == .success)
        var status = stat()
        #expect(lstat(host.folder.path + "/Link", &status) == 0 && status.st_mode & S_IFMT == S_IFREG)

        #expect(try met(try client.call(.create("link", disposition: .open))) == (0, #"some\where"#))
        let below = try client.call(.create(#"LINK\below:stream"#, disposition: .create))
        #expect(try met(below) == (2 * #"\below:stream"#.utf16.count, #"some\where"#))
        // Whatever kind of file its target is.
        let folder = try client.call(.create("link", disposition: .open) { $0.createOptions = .directoryFile })
        #expect(folder.status == .stoppedOnSymlink)
        let opened = try create("link", .openReparsePoint)
        #expect(try get(opened.fileID) == Self.link(#"some\where"#))
        #expect(try delete(opened.fileID, Self.buffer(0xA000_000C, [])) == .success)
        _ = try create("link")

        let full = try client.open("full")
        #expect(try client.call(.write(full, [1])).status == .success)
        #expect(try set(full, Self.link("where")) == .reparseDataInvalid)
    }

    @Test func namesBeneathAFolderThatStandsForSomethingElse() throws {
        let (mount, link) = (Self.buffer(0xA000_0003), Self.link(#"some\where"#))
        for (name, buffer) in [("Mount", mount), ("Link", link)] {
            let folder = try client.open(name) { $0.createOptions = .directoryFile }
            #expect(try set(folder, buffer) == .success)
            #expect(try client.call(.close(folder)).status == .success)
        }
        for disposition in [.open, .create, .openIf, .supersede] as [CreateDisposition] {
            for name in [#"mount\file"#, #"Mount\deeper\file"#] {
                let reply = try client.call(.create(name, disposition: disposition))
                #expect(reply.status == .ioReparseTagNotHandled)
            }
            for name in [#"link\file"#, #"Link\deeper\file"#] {
                let reply = try client.call(.create(name, disposition: disposition) { $0.createOptions = [] })
                #expect(try met(reply) == (2 * (name.utf16.count - 4), #"some\where"#))
            }
        }
        // FILE_OPEN_REPARSE_POINT is about the last name only.
        let request = TestRequest.create(#"Mount\file"#, disposition: .open) { $0.createOptions = .openReparsePoint }
        let beyond = try client.call(request)
        #expect(beyond.status == .ioReparseTagNotHandled)
        // Nothing gets in by a new name either.
        let file = try client.open("file")
        let name = #"Mount\file"#.utf8.flatMap { byte -> [UInt8] in [byte, 0] }
        let input = [UInt8](repeating: 0, count: 16) + [UInt8(name.count), 0, 0, 0] + name
        for code: UInt8 in [10, 11] {
            #expect(try client.call(.set(file, class: code, input)).status == .ioReparseTagNotHandled)
        }
        #expect(access(host.folder.path + "/Mount/file", F_OK) == -1)
    }

    @Test func whatIsOverwrittenStandsForItselfAgain() throws {
        let file = try client.open("file")
        #expect(try set(file, Self.link("where")) == .success)
        #expect(try client.call(.close(file)).status == .success)
        let reply = try client.call(
            .create("file", disposition: .overwrite) { $0.createOptions = .openReparsePoint })
        #expect(reply.status == .success)
        #expect(try client.call(.close(try create("file").fileID)).status == .success)
        #expect(try !create("file", .openReparsePoint).information.fileAttributes.contains(.reparsePoint))
    }

    @Test func linksOfLinuxThatAreNotShownAreNotThere() throws {
        #expect(symlink("/etc/passwd", host.folder.path + "/hidden") == 0)
        #expect(try client.call(.create("hidden", disposition: .open)).status == .objectNameNotFound)
    }
}
