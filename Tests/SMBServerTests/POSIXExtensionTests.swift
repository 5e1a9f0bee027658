import EngineHost
import Glibc
import NTTypes
import Platform
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// What a mount with `-o posix` asks for, without the mount.
@Suite("POSIX extensions of 3.1.1") struct POSIXExtensionTests {
    private let host: EngineHost
    private let client: TestClient
    private static let version = GUID(low: 0xE711_B49C_5025_AD93, high: 0x7CCD_8B96_DE83_23B4)

    init() throws {
        host = try EngineHost()
        client = try host.logIn(contexts: TestClient.contexts() + [.posix(Self.version)])
    }

    private static func request(
        _ name: String, mode: UInt32 = 0o644, access: AccessMask = .fileAllAccess,
        _ disposition: CreateDisposition = .openIf, _ options: CreateOptions = []
    ) -> TestRequest {
        .create(name, access: access, disposition: disposition) {
            $0.createOptions = options
            $0.contexts = [CreateContext(name: .posix, data: [0, 8, 16, 24].map { UInt8(mode >> $0 & 0xFF) })]
        }
    }

    private func open(
        _ name: String, mode: UInt32 = 0o644, access: AccessMask = .fileAllAccess,
        _ disposition: CreateDisposition = .openIf, _ options: CreateOptions = []
    ) throws -> CreateResponse {
        let reply = try client.call(Self.request(name, mode: mode, access: access, disposition, options))
        #expect(reply.status == .success)
        return try reply.decode { r throws(WireError) in try CreateResponse(from: &r) }
    }

    private func status(_ name: String) -> stat {
        var status = stat()
        lstat(host.folder.path + "/" + name, &status)
        return status
    }

    /// The output of a QUERY_INFO or QUERY_DIRECTORY response.
    private func output(_ reply: TestReply) throws -> [UInt8] {
        #expect(reply.status == .success)
        return try reply.decode { r throws(WireError) in
            try r.skip(2)
            let offset = try r.read(UInt16.self)
            let count = try r.read(UInt32.self)
            return try r.slice(offset: Int(offset), length: Int(count)).array
        }
    }

    private func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    private func rename(_ file: FileID, to name: String, flags: UInt8) throws -> NTStatus {
        try client.call(.newName(file, name, class: 65, flags: UInt32(flags))).status
    }

    @Test func aFileIsMadeWithItsModeAndTellsIt() throws {
        let made = try open("file", mode: 0o6751)
        #expect(status("file").st_mode & 0o7777 == 0o6751)
        let context = try #require(made.contexts.first { $0.name == .posix })
        #expect([0, 4, 8].map { number(context.data, $0, 4) } == [1, 0, 0o6751])
        // S-1-22-1-uid.
        #expect(Array(context.data[12..<24]) == [1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0])
        #expect(number(context.data, 24, 4) == UInt64(geteuid()))

        #expect(try client.call(.write(made.fileID, [1, 2, 3])).status == .success)
        let information = try output(try client.call(.query(made.fileID, class: 100)))
        #expect(number(information, 32, 8) == 3)
        #expect(number(information, 52, 8) == UInt64(status("file").st_ino))
        #expect([68, 72, 76].map { number(information, $0, 4) } == [1, 0, 0o6751])
        let volume = try output(try client.call(.query(made.fileID, type: 2, class: 100)))
        #expect(volume.count == 56 && number(volume, 8, 8) > 0)
    }

    @Test func caseMattersAndEveryCharacterIsGood() throws {
        let names = ["name", "NAME", "colon:here", "star*", #"back\slash"#, "ends with.", "tab\t", #"<">|?"#]
        for name in names { _ = try open(name, .create) }
        let folder = try open("", .open, .directoryFile)
        let list = try output(try client.call(.list(folder.fileID, class: 100)))
        var found: [String] = []
        var position = 0
        while true {
            // Owner and group stand before the name's length.
            var end = position + 88
            for _ in 0..<2 { end += 8 + 4 * Int(list[end + 1]) }
            let count = Int(number(list, end, 4))
            let units = stride(from: end + 4, to: end + 4 + count, by: 2).map { UInt16(number(list, $0, 2)) }
            found.append(String(decoding: units, as: UTF16.self))
            let next = Int(number(list, position, 4))
            if next == 0 { break }
            position += next
        }
        #expect(Set(found) == Set(names + [".", ".."]))
        for name in names { #expect(status(name).st_nlink == 1) }
        // Who has not asked for the extensions sees the rules of NT.
        #expect(try client.call(.create("colon:here", disposition: .open)).status == .objectNameNotFound)
    }

    @Test func anOpenFileIsDeletedAndItsNameUsedAnew() throws {
        let kept = try open("file")
        #expect(try client.call(.write(kept.fileID, [7])).status == .success)
        let deleter = try open("file", .open)
        // FILE_DISPOSITION_DELETE and _POSIX_SEMANTICS.
        #expect(try client.call(.set(deleter.fileID, class: 64, [3, 0, 0, 0])).status == .success)
        #expect(try client.call(.close(deleter.fileID)).status == .success)
        #expect(try open("file", .create).createAction == .created)
        let reply = try client.call(.read(kept.fileID, count: 1))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == [7])
    }

    /// However its name came to be doomed: the last handle that needs it takes it along.
    @Test(arguments: [true, false]) func anOpenOfLinuxKeepsNoName(isDoomedByBoth: Bool) throws {
        let plain = try client.open("file")
        let kept = try open("file", .open)
        #expect(try client.call(.write(kept.fileID, [7])).status == .success)
        #expect(try client.call(.set(plain, class: 13, [1])).status == .success)
        if isDoomedByBoth { #expect(try client.call(.set(kept.fileID, class: 13, [1])).status == .success) }
        #expect(try client.call(.close(plain)).status == .success)
        #expect(access(host.folder.path + "/file", F_OK) == -1)
        #expect(try open("file", .create).createAction == .created)
        let reply = try client.call(.read(kept.fileID, count: 1))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == [7])
        #expect(try client.call(.close(kept.fileID)).status == .success)
        #expect(access(host.folder.path + "/file", F_OK) == 0)
    }

    /// FILE_ATTRIBUTE_READONLY is NT's: other clients need FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE.
    @Test func aReadOnlyFileIsDeletedAsOnLinux() throws {
        for name in ["one", "two"] {
            _ = try client.call(.create(name) { $0.fileAttributes = .readOnly })
        }
        let plain = try client.open("one", access: .delete, disposition: .open)
        #expect(try client.call(.set(plain, class: 64, [1, 0, 0, 0])).status == .cannotDelete)
        #expect(try client.call(.set(plain, class: 64, [0x11, 0, 0, 0])).status == .success)
        let posix = try open("two", access: .delete, .open)
        #expect(try client.call(.set(posix.fileID, class: 13, [1])).status == .success)
    }

    @Test func contextsOfAnotherLengthAreRefused() throws {
        let request = TestRequest.create("file") { $0.contexts = [CreateContext(name: .posix, data: [0, 0, 0, 0, 0])] }
        #expect(try client.call(request).status == .invalidParameter)
        let other = host.connect()
        let short = TestClient.contexts() + [.other(type: 0x100, data: [1, 2, 3, 4, 5])]
        #expect(throws: TestClientError.self) { try other.negotiate(contexts: short) }
    }

    @Test func aRenameReplacesAFileThatIsOpen() throws {
        let kept = try open("target")
        #expect(try client.call(.write(kept.fileID, [7])).status == .success)
        let source = try open("source")
        #expect(try rename(source.fileID, to: "target", flags: 2) == .objectNameCollision)
        #expect(try rename(source.fileID, to: "target", flags: 3) == .success)
        #expect(status("target").st_size == 0)
        let reply = try client.call(.read(kept.fileID, count: 1))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == [7])
        let folder = try open("folder", .create, .directoryFile)
        _ = try open("empty", .create, .directoryFile)
        #expect(try rename(folder.fileID, to: "empty", flags: 3) == .success)
        _ = try open("empty/inside", .create)
        let another = try open("another", .create, .directoryFile)
        #expect(try rename(another.fileID, to: "empty", flags: 3) == .directoryNotEmpty)
    }

    /// O_APPEND: FILE_APPEND_DATA without FILE_WRITE_DATA, and an offset of all ones, as Samba has it.
    @Test func aHandleThatMayOnlyAppendWritesAtTheEnd() throws {
        let log = try open("log", access: [.appendData, .readData], .create)
        let writer = try client.open("log")
        #expect(try client.call(.write(writer, Array("hello".utf8))).status == .success)
        #expect(try client.call(.write(log.fileID, Array("world".utf8), at: 0)).status == .invalidParameter)
        #expect(try client.call(.write(log.fileID, Array(" world".utf8), at: .max)).status == .success)
        #expect(try client.call(.write(writer, Array("J".utf8))).status == .success)
        let reply = try client.call(.read(log.fileID, count: 100))
        let data = try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data
        #expect(data == Array("Jello world".utf8))
        // What is locked there stays as it is.
        let end = LockRequest.Element(offset: 11, length: 5, flags: [.exclusive, .failImmediately])
        #expect(try client.call(.lock(writer, [end])).status == .success)
        #expect(try client.call(.write(log.fileID, [1], at: .max)).status == .fileLockConflict)
        // Who may write elsewhere says where, and so does whoever knows nothing of the extensions.
        let both = try open("log", access: [.appendData, .writeData], .open)
        #expect(try client.call(.write(both.fileID, [1], at: .max)).status == .invalidParameter)
        let plain = try client.open("log", access: .appendData, disposition: .open)
        #expect(try client.call(.write(plain, [1], at: .max)).status == .invalidParameter)
        #expect(try client.call(.write(plain, [0x48], at: 0)).status == .success)
    }

    /// NFS_SPECFILE_FIFO and _SOCK in a reparse buffer with IO_REPARSE_TAG_NFS, as Linux's client makes them.
    @Test(arguments: [("FIFO", S_IFIFO, 5), ("SOCK", S_IFSOCK, 6)] as [(String, mode_t, UInt32)])
    func specialFiles(name: String, type: mode_t, code: UInt32) throws {
        let made = try open("special", mode: 0o640, .create)
        let buffer: [UInt8] = [0x14, 0, 0, 0x80, 8, 0, 0, 0] + Array(name.utf8) + [0, 0, 0, 0]
        #expect(try client.call(.control(0x0009_00A4, made.fileID, input: buffer)).status == .success)
        #expect(status("special").st_mode == type | 0o640)
        #expect(try client.call(.close(made.fileID)).status == .success)
        let opened = try open("special", access: .readAttributes, .open, .openReparsePoint)
        let context = try #require(opened.contexts.first { $0.name == .posix })
        #expect(number(context.data, 4, 4) == 0x8000_0014)
        #expect(number(context.data, 8, 4) == UInt64(code << 12 | 0o640))
        let reply = try client.call(.control(0x0009_00A8, opened.fileID))
        #expect(try reply.decode { r throws(WireError) in try IoctlResponse(from: &r) }.output == buffer)
    }

    @Test func aLinkTellsWhereItLeads() throws {
        #expect(symlink("../some/where else", host.folder.path + "/link") == 0)
        let refused = try client.call(Self.request("link/below", access: .readData, .open))
        #expect(refused.status == .stoppedOnSymlink)
        let error = try refused.decode { r throws(WireError) in try ErrorResponse(from: &r) }
        // Behind the context's header: unparsed "/below", and the target as it is on the disk.
        #expect(number(error.data, 22, 2) == UInt64(2 * "/below".utf16.count))
        let target = "../some/where else".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(Array(error.data[36..<36 + target.count]) == target)
        let opened = try open("link", access: .readAttributes, .open, .openReparsePoint)
        #expect(opened.information.fileAttributes.contains(.reparsePoint))
    }

    /// It is a file without content on the disk; "\" and "/" are each client's own.
    @Test func aLinkOfWindowsIsOneForLinuxToo() throws {
        let file = try client.open("link")
        let name = #"some\where"#.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let lengths = [0, 0, UInt8(name.count), 0, 0, 0, UInt8(name.count), 0, 1, 0, 0, 0]
        let buffer = [0x0C, 0, 0, 0xA0, UInt8(12 + name.count), 0, 0, 0] + lengths + name
        #expect(try client.call(.control(0x0009_00A4, file, input: buffer)).status == .success)
        #expect(try client.call(.close(file)).status == .success)

        let target = "some/where".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let refused = try client.call(Self.request("link", access: .readData, .open))
        #expect(refused.status == .stoppedOnSymlink)
        let error = try refused.decode { r throws(WireError) in try ErrorResponse(from: &r) }
        #expect(Array(error.data[36..<36 + target.count]) == target)
        let opened = try open("link", access: .readAttributes, .open, .openReparsePoint)
        let reply = try client.call(.control(0x0009_00A8, opened.fileID))
        let output = try reply.decode { r throws(WireError) in try IoctlResponse(from: &r) }.output
        #expect(output.count == buffer.count && Array(output[20..<20 + target.count]) == target)
    }

    @Test func modesAreSetAsInADescriptor() throws {
        let file = try open("file")
        // S-1-5-88-3-mode in a discretionary list: what Linux's chmod sends.
        let sid: [UInt8] = [1, 3, 0, 0, 0, 0, 0, 5, 88, 0, 0, 0, 3, 0, 0, 0, 0xC0, 0x01, 0, 0]
        let entry: [UInt8] = [0, 0, 28, 0, 0, 0, 0, 0] + sid
        let list: [UInt8] = [2, 0, UInt8(8 + entry.count), 0, 1, 0, 0, 0] + entry
        let descriptor: [UInt8] = [1, 0, 4, 0x80] + [UInt8](repeating: 0, count: 12) + [20, 0, 0, 0] + list
        #expect(try client.call(.set(file.fileID, type: 3, class: 0, additional: 4, descriptor)).status == .success)
        #expect(status("file").st_mode & 0o7777 == 0o700)
    }
}
