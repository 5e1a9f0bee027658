import EngineHost
import Glibc
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// What the flags say, and when the name goes: with the handle that asked for it, or with the last one.
@Suite("FileDispositionInformationEx [MS-FSCC] 2.4.12") struct DispositionTests {
    private let host: EngineHost
    private let client: TestClient
    private let other: TestClient

    init() throws {
        host = try EngineHost()
        client = try host.logIn()
        other = try host.logIn()
    }

    private var isThere: Bool { access(host.folder.path + "/file", F_OK) == 0 }

    private func dispose(_ file: FileID, _ flags: UInt8) throws -> NTStatus {
        try client.call(.set(file, class: 64, [flags, 0, 0, 0])).status
    }
    private func close(_ file: FileID) throws { #expect(try client.call(.close(file)).status == .success) }

    @Test func withPOSIXSemanticsTheNameGoesWithTheHandleThatAsked() throws {
        let kept = try other.open("file")
        #expect(try other.call(.write(kept, Array("data".utf8))).status == .success)
        let before = try client.open("file")
        let asking = try client.open("file")
        #expect(try dispose(asking, 0x3) == .success)
        // Until then it is there, and nobody may open it.
        #expect(try other.call(.create("file", disposition: .open)).status == .deletePending)
        try close(before)
        #expect(isThere)
        try close(asking)
        #expect(!isThere)

        // The file lives on, and its name is free.
        #expect(try other.call(.set(kept, class: 13, [0])).status == .fileDeleted)
        let reply = try other.call(.read(kept, count: 4))
        #expect(try reply.decode { r throws(WireError) in try ReadResponse(from: &r) }.data == Array("data".utf8))
        let new = try client.open("file", disposition: .create)
        try close(new)
        #expect(try other.call(.close(kept)).status == .success)
        #expect(isThere)
    }

    /// What one handle asked for, another has taken back: then the first one's close does not delete.
    @Test func whatAnotherHandleTookBackIsNotDone() throws {
        let first = try client.open("file")
        let second = try client.open("file")
        #expect(try dispose(first, 0x3) == .success)
        #expect(try dispose(second, 0) == .success)
        #expect(try dispose(second, 0x1) == .success)
        // Ordinary semantics now: the name stays until the last handle is closed, whichever that is.
        try close(first)
        #expect(isThere)
        try close(second)
        #expect(!isThere)
    }

    @Test func withoutThemItGoesWithTheLast() throws {
        let first = try client.open("file")
        let second = try client.open("file")
        #expect(try dispose(first, 0x5) == .success)
        try close(first)
        #expect(isThere)
        try close(second)
        #expect(!isThere)
    }

    @Test func deletionOnCloseIsTakenBackAndAskedForAgain() throws {
        for (flags, remains): (UInt8, Bool) in [(0x8, true), (0x9, false)] {
            let file = try client.open("file") { $0.createOptions = .deleteOnClose }
            #expect(try dispose(file, 0x8) == .success)
            #expect(try dispose(file, flags) == .success)
            try close(file)
            #expect(isThere == remains)
        }
    }

    @Test func onCloseIsForThoseWhoOpenedSo() throws {
        let file = try client.open("file")
        for flags: UInt8 in [0x8, 0x9] { #expect(try dispose(file, flags) == .notSupported) }
        #expect(try dispose(file, 0x21) == .notSupported)
        try close(file)
        #expect(isThere)
    }

    /// As on NTFS, and smbd says so of the name too.
    @Test func aNameThatIsToGoIsNotFree() throws {
        let file = try client.open("File")
        #expect(try dispose(file, 1) == .success)
        for disposition in [.create, .open, .openIf, .supersede] as [CreateDisposition] {
            #expect(try other.call(.create("file", disposition: disposition)).status == .deletePending)
        }
        #expect(try dispose(file, 0) == .success)
        #expect(try other.call(.create("file", disposition: .create)).status == .objectNameCollision)
    }

    /// It would have to stay, although who deleted it was told that it goes.
    @Test func nothingIsMadeInAFolderThatIsToGo() throws {
        let folder = try client.open("Folder") { $0.createOptions = .directoryFile }
        #expect(try dispose(folder, 1) == .success)
        for options in [.nonDirectoryFile, .directoryFile] as [CreateOptions] {
            let reply = try other.call(.create(#"folder\new"#, disposition: .openIf) { $0.createOptions = options })
            #expect(reply.status == .deletePending)
        }
        #expect(try other.call(.create(#"folder\new"#, disposition: .open)).status == .objectNameNotFound)
        try close(folder)
        #expect(access(host.folder.path + "/Folder", F_OK) == -1)
        #expect(try other.call(.create(#"folder\new"#)).status == .objectPathNotFound)
    }

    /// A stream that its client has left and come back to keeps its file from going as long as it is open, no longer.
    @Test func aStreamThatWasHadBackLetsItsFileGo() throws {
        let guid = [UInt8](repeating: 0x77, count: 16)
        let request = CreateContext(name: .durableHandleRequestV2, data: [UInt8](repeating: 0, count: 16) + guid)
        let left = try client.open("file:stream") {
            $0.requestedOplockLevel = 9
            $0.contexts = [request]
        }
        (client.wire as? EngineWire)?.close()
        var data: [UInt8] = []
        for number in [left.persistent, left.volatile] {
            data += (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        let returned = try host.logIn()
        let back = try returned.open("file:stream") {
            $0.requestedOplockLevel = 9
            $0.contexts = [CreateContext(name: .durableHandleReconnectV2, data: data + guid + [0, 0, 0, 0])]
        }
        let file = try returned.open("file", access: .delete)
        #expect(try returned.call(.set(file, class: 13, [1])).status == .success)
        #expect(try returned.call(.close(file)).status == .success)
        #expect(isThere)
        #expect(try returned.call(.close(back)).status == .success)
        #expect(!isThere)
    }

    /// As NTFS shows it: the stream is on its way too, and what is said of it alone changes nothing.
    @Test func aStreamIsOnItsWayWithItsFile() throws {
        let stream = try client.open("file:stream")
        let file = try client.open("file")
        #expect(try dispose(file, 1) == .success)
        for flags: UInt8 in [0, 0] {
            let reply = try client.call(.query(stream, class: 5))
            #expect(reply.bytes.suffix(8).prefix(5) == [0, 0, 0, 0, 1])
            #expect(try dispose(stream, flags) == .success)
        }
        try close(file)
        #expect(isThere)
        try close(stream)
        #expect(!isThere)
    }

    @Test func aStreamGoesWithItsLastHandle() throws {
        let kept = try other.open("file:stream")
        #expect(try other.call(.write(kept, [1])).status == .success)
        let asking = try client.open("file:stream")
        #expect(try dispose(asking, 0x3) == .success)
        try close(asking)
        #expect(try other.call(.read(kept, count: 1)).status == .success)
        #expect(try other.call(.close(kept)).status == .success)
        #expect(try client.call(.create("file:stream", disposition: .open)).status == .objectNameNotFound)
    }
}
