import EngineHost
import NTTypes
import Platform
import SMBTestClient
import SMBWire
import Testing

@testable import SMBServer

/// What is over in a moment keeps nobody from anything: see FileNode+Moments.swift.
@Suite("Compounds under way, and names that go [MS-SMB2] 3.3.5.2.7.2, [MS-FSA] 2.1.5.5") struct MomentTests {
    private let host: EngineHost
    private let client: TestClient
    private let other: TestClient
    private let holder: TestClient
    private let kept: FileID

    init() throws {
        host = try EngineHost()
        client = try host.logIn()
        other = try host.logIn()
        holder = try host.logIn()
        kept = try holder.open("target") { $0.requestedOplockLevel = 0x09 }
    }

    /// A message of `client` that opens a file, and then waits in its midst until `holder` lets go of what it caches.
    private func beginCompound(on name: String, folder: Bool = false) throws {
        let opening = TestRequest.create(name, access: [.delete, .readAttributes], disposition: .open) {
            if folder { $0.createOptions = .directoryFile }
        }
        client.send([
            opening, TestRequest.newName(.compoundRelated, "target", flags: 1).related,
            TestRequest.query(.compoundRelated, class: 5).related, TestRequest.close(.compoundRelated).related,
        ])
        #expect(try holder.nextReply().header.messageID == .max)
    }
    /// - Returns: the answers to that message.
    private func endCompound() throws -> [TestReply] {
        #expect(try holder.call(.close(kept)).status == .success)
        return try (0..<4).map { _ in try client.nextReply() }
    }

    private func make(_ name: String, folder: Bool = false) throws {
        try close(try other.open(name) { if folder { $0.createOptions = .directoryFile } })
    }
    private func close(_ file: FileID) throws { #expect(try other.call(.close(file)).status == .success) }
    private func delete(_ name: String) throws {
        let replies = try other.call(Self.deletion(name))
        #expect(replies.map(\.status) == [.success, .success, .success])
    }
    private static func deletion(_ name: String) -> [TestRequest] {
        [
            .create(name, access: .delete, disposition: .open),
            TestRequest.set(.compoundRelated, class: 13, [1]).related, TestRequest.close(.compoundRelated).related,
        ]
    }
    /// DeletePending of FileStandardInformation, [MS-FSCC] 2.4.47.
    private static func isDeletePending(_ reply: TestReply) -> Bool { reply.bytes[72 + 20] != 0 }

    @Test func aNameIsMadeAnewOnceTheLastMessageThatHasItIsDone() throws {
        try make("file")
        try beginCompound(on: "file")
        try delete("file")
        other.send([.create("file", disposition: .create)])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        let replies = try endCompound()
        // What was asked for meanwhile is not told to who came first.
        #expect(replies.map(\.status) == [.success, .accessDenied, .success, .success])
        #expect(!Self.isDeletePending(replies[2]))
        #expect(try other.nextReply().status == .success)
    }

    @Test func aNameIsOpenedOnceItIsKnownWhetherItStays() throws {
        try make("file")
        try beginCompound(on: "file")
        try delete("file")
        other.send([.create("file", disposition: .open)])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        _ = try endCompound()
        #expect(try other.nextReply().status == .objectNameNotFound)
    }

    @Test func aFolderIsEmptyOnceTheLastMessageAboutWhatWasInItIsDone() throws {
        try make("folder", folder: true)
        try make("folder\\file")
        try beginCompound(on: "folder\\file")
        try delete("folder\\file")
        other.send(Self.deletion("folder"))
        #expect(throws: TestClientError.self) { try other.nextReply() }
        _ = try endCompound()
        #expect(try (0..<3).map { _ in try other.nextReply().status } == [.success, .success, .success])
    }

    @Test func aRenameWaitsForAMessageThatHasTheTargetOpen() throws {
        try make("file")
        try make("source")
        try beginCompound(on: "file")
        let source = try other.open("source")
        other.send([.newName(source, "file", flags: 1)])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        _ = try endCompound()
        #expect(try other.nextReply().status == .success)
        try close(source)
    }

    /// Sharing is not refused for the sake of a message that is about to close its file.
    @Test func anOpenWaitsForAMessageThatSharesForLess() throws {
        try make("file")
        try beginCompound(on: "file")
        // It shares for nothing, and the other has the right to delete.
        other.send([.create("file", access: .readData, disposition: .open) { $0.shareAccess = [] }])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        _ = try endCompound()
        #expect(try other.nextReply().status == .objectNameNotFound)
    }

    /// A client that says more about a file once it has it open gets no time that others have not.
    @Test func whoStaysAfterTheMessageIsInTheWayLikeAnyHandle() throws {
        try make("file")
        let replies = try client.call([
            .create("file", disposition: .open), TestRequest.query(.compoundRelated, class: 5).related,
        ])
        #expect(replies.map(\.status) == [.success, .success])
        try delete("file")
        #expect(try other.call(.create("file", disposition: .open)).status == .deletePending)
        #expect(try other.call(.create("file", disposition: .create)).status == .deletePending)
    }

    @Test func itWaitsForALimitedTime() throws {
        try make("file")
        try beginCompound(on: "file")
        try delete("file")
        other.send([.create("file", disposition: .create)])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        host.pass(seconds: 2)
        #expect(try other.nextReply().status == .deletePending)
    }

    /// Of two who take one name away, the second would take it from whatever file has it by then.
    @Test func aNameIsTakenAwayByOneAtATime() throws {
        try make("source")
        let file = try other.open("file")
        let path = try NTPath(clientName: NTName("file"))
        let files = host.server.files
        let node = try #require(files.all.first { $0.opens.contains { $0.file.path == path } })
        try close(file)
        let departing = try #require(files.depart(path, of: node.identity, unless: { _ in true }))
        #expect(files.depart(path, of: node.identity, unless: { _ in true }) == nil)
        let source = try other.open("source")
        other.send([.newName(source, "file", flags: 1)])
        #expect(throws: TestClientError.self) { try other.nextReply() }
        host.server.hasDeparted(path, from: departing)
        host.server.runReady()
        #expect(try other.nextReply().status == .success)
        try close(source)
    }

    /// What was woken and takes long, because its file system is slow, keeps nobody waiting who was woken with it.
    @Test func whoIsWokenWithASlowOneDoesNotWaitForHim() throws {
        let hook = Hook()
        let host = try EngineHost(wrap: { RecordingStore($0, Users(), hook) })
        let (slow, quick, holder) = (try host.logIn(), Caller(try host.logIn()), try host.logIn())
        let kept = try holder.open("file") { $0.requestedOplockLevel = 0x09 }
        for client in [slow, quick.client] {
            client.send([.create("file", disposition: .open)])
            #expect(try client.nextReply().isInterim)
        }
        let status = Mutex<NTStatus?>(nil)
        hook.set {
            host.server.tick()
            let reply = try? quick.client.nextReply()
            status.withLock { $0 = reply?.status }
        }
        #expect(try holder.nextReply().header.messageID == .max)
        #expect(try holder.call(.close(kept)).status == .success)
        #expect(status.withLock { $0 } == .success)
        #expect(try slow.nextReply().status == .success)
    }

    /// A request keeps its connection, and that its server: one that is done is to be let go of.
    @Test func whoWasWokenIsLetGoOf() throws {
        weak var server: Server?
        do {
            let host = try EngineHost()
            server = host.server
            let (first, second, holder) = (try host.logIn(), try host.logIn(), try host.logIn())
            let kept = try holder.open("file") { $0.requestedOplockLevel = 0x09 }
            for client in [first, second] { client.send([.create("file", disposition: .open)]) }
            #expect(try holder.nextReply().header.messageID == .max)
            #expect(try holder.call(.close(kept)).status == .success)
        }
        #expect(server == nil)
    }

    /// Of two messages that change two names for each other's one is refused, and the other done.
    @Test func twoThatAreInEachOthersWayDoNotWaitForEachOther() throws {
        try make("one")
        try make("two")
        try beginCompound(on: "two")
        func swapping(_ name: String, _ target: String) -> [TestRequest] {
            [
                .create(name, access: .delete, disposition: .open),
                TestRequest.newName(.compoundRelated, target, flags: 1).related,
                TestRequest.close(.compoundRelated).related,
            ]
        }
        other.send(swapping("one", "two"))
        #expect(throws: TestClientError.self) { try other.nextReply() }
        let third = try host.logIn()
        #expect(try third.call(swapping("two", "one")).map(\.status) == [.success, .accessDenied, .success])
        _ = try endCompound()
        #expect(try (0..<3).map { _ in try other.nextReply().status } == [.success, .success, .success])
    }

    // MARK: at the same time

    /// Runs both for a third of a second, or until one returns false. - Returns: how often each ran.
    private func compete(_ first: @escaping () -> Bool, _ second: @escaping () -> Bool) async -> [Int] {
        await Race([first, second]).run(seconds: 0.3)
    }

    /// As SQLite's dotfile locks use it from two mounts, and Linux looks at it.
    @Test func aFolderIsMadeAndDeletedWhileItIsLookedAt() async throws {
        let (maker, looker) = (Caller(other), Caller(client))
        let counts = await compete({ Self.makeAndDelete(maker) }, { Self.look(looker) })
        #expect(counts.allSatisfy { $0 > 10 })
    }

    private static func makeAndDelete(_ maker: Caller) -> Bool {
        let made = maker.call([
            TestRequest.create("lock", disposition: .create) { $0.createOptions = .directoryFile },
            TestRequest.close(.compoundRelated).related,
        ])
        let statuses = (made + maker.call(deletion("lock"))).map(\.status)
        #expect(statuses == Array(repeating: .success, count: 5))
        return statuses.allSatisfy { $0 == .success }
    }

    private static func look(_ looker: Caller) -> Bool {
        let replies = looker.call([
            .create("lock", access: .readAttributes, disposition: .open),
            TestRequest.query(.compoundRelated, class: 5).related, TestRequest.close(.compoundRelated).related,
        ])
        guard replies.count == 3 else { return false }
        #expect(replies[0].status == .success || replies[0].status == .objectNameNotFound)
        if replies[0].status == .success { #expect(!isDeletePending(replies[1])) }
        return true
    }

    /// Whoever has been given a file has the one that the name stands for: else what he writes is lost.
    @Test func whoOpensANameThatIsBeingDeletedHasTheFileThatHasIt() async throws {
        let (deleter, user) = (Caller(other), Caller(client))
        let deletion = [.create("file", access: .delete, disposition: .openIf)] + Self.deletion("file").dropFirst()
        let counts = await compete(
            {
                _ = deleter.call(deletion)
                return true
            }, { Self.openTwice(user) })
        #expect(counts.allSatisfy { $0 > 10 })
    }

    /// The same of one that is renamed over.
    @Test func whoOpensANameThatIsBeingReplacedHasTheFileThatHasIt() async throws {
        let (replacer, user) = (Caller(other), Caller(client))
        let request = TestRequest.create("new", access: .delete)
        let counts = await compete({ Self.replace(replacer, request) }, { Self.openTwice(user) })
        #expect(counts.allSatisfy { $0 > 10 })
    }

    private static func replace(_ replacer: Caller, _ request: TestRequest) -> Bool {
        let replies = replacer.call([
            request, TestRequest.newName(.compoundRelated, "file", flags: 1).related,
            TestRequest.close(.compoundRelated).related,
        ])
        let statuses = replies.map(\.status)
        #expect(statuses.first == .success && statuses.last == .success)
        #expect([NTStatus.success, .accessDenied].contains(statuses.dropFirst().first))
        return true
    }

    /// What was read under an oplock is what the file holds, or a break is on its way before the writer knows that he
    /// has written.
    @Test func whoCachesWhatIsBeingWrittenIsTold() async throws {
        let (writer, reader) = (Caller(other), Caller(client))
        let file = try other.open("file")
        let written = Atomic<UInt64>(0)
        let counts = await compete(
            {
                let value = written.load(ordering: .relaxed) + 1
                let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
                let status = writer.call(.write(file, bytes))?.status
                #expect(status == .success)
                written.store(value, ordering: .releasing)
                return status == .success
            }, { Self.readAndCache(reader, written) })
        try close(file)
        #expect(counts.allSatisfy { $0 > 10 })
    }

    private static func readAndCache(_ reader: Caller, _ written: borrowing Atomic<UInt64>) -> Bool {
        let request = TestRequest.create("file", access: .readData, disposition: .open) {
            $0.requestedOplockLevel = 0x01
        }
        guard let reply = reader.call(request),
            let opened = try? reply.decode({ r throws(WireError) in try CreateResponse(from: &r) }),
            let answer = reader.call(.read(opened.fileID, count: 8))
        else { return false }
        // Not yet written: the end of the file.
        let data = (try? answer.decode { r throws(WireError) in try ReadResponse(from: &r) }.data) ?? []
        let read = data.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        if opened.oplockLevel == 0x01, !reader.hasHadBreak {
            let end = ContinuousClock.now + .milliseconds(1)
            while written.load(ordering: .acquiring) <= read, ContinuousClock.now < end {}
            let isStale = written.load(ordering: .acquiring) > read
            #expect(!isStale || reader.hasBreakAtHand)
        }
        return reader.call(.close(opened.fileID))?.status == .success
    }

    /// What was made for an open that is then refused is not taken from who has it open by now.
    @Test func whatAnotherHasMadeAndWasRefusedStays() async throws {
        let callers = [Caller(other), Caller(holder), Caller(client)]
        let counts = await Race([
            {
                let request = TestRequest.create("file", access: .readData) { $0.shareAccess = [] }
                let replies = callers[0].call([request, TestRequest.close(.compoundRelated).related])
                return replies.count == 2
            },
            { callers[1].call(Self.deletion("file")).count == 3 },
            { Self.openTwice(callers[2]) },
        ]).run(seconds: 0.3)
        #expect(counts.allSatisfy { $0 > 10 })
    }

    /// Nor is what was made and cannot have all that its maker asked for.
    @Test func whatCouldNotBeFinishedStaysIfAnotherHasWrittenToIt() async throws {
        let (maker, user) = (Caller(other), Caller(client))
        let counts = await compete(
            {
                // Found out in the end only.
                let reply = maker.call(.create("file", access: [.readData, .accessSystemSecurity]))
                #expect(reply?.status == .privilegeNotHeld)
                return reply?.status == .privilegeNotHeld
            }, { Self.writeAndLookAgain(user) })
        #expect(counts.allSatisfy { $0 > 10 })
        #expect(user.call(.create("file", disposition: .create))?.status == .success)
    }

    private static func writeAndLookAgain(_ user: Caller) -> Bool {
        let written = user.call([
            .create("file"), TestRequest.write(.compoundRelated, [1]).related,
            TestRequest.close(.compoundRelated).related,
        ])
        let found = user.call([
            .create("file", access: [.readData, .delete], disposition: .open),
            TestRequest.read(.compoundRelated, count: 1).related,
            TestRequest.set(.compoundRelated, class: 13, [1]).related, TestRequest.close(.compoundRelated).related,
        ])
        let statuses = (written + found).map(\.status)
        #expect(statuses == Array(repeating: .success, count: 7))
        return statuses.allSatisfy { $0 == .success }
    }

    /// A stream that another is renamed over is one with that, or somebody has it open and it does not give way.
    @Test func aStreamThatIsBeingReplacedIsOne() async throws {
        let (replacer, user) = (Caller(other), Caller(client))
        let counts = await compete(
            {
                replacer.call([
                    .create("file:new"), TestRequest.newName(.compoundRelated, ":stream", flags: 1).related,
                    TestRequest.close(.compoundRelated).related,
                ]).count == 3
            },
            {
                let first = user.call(.create("file:stream"))
                #expect(first?.status == .success)
                // It shares for nothing, and the first can write.
                let second = user.call(.create("file:stream", disposition: .open) { $0.shareAccess = [] })
                #expect(second?.status == .sharingViolation)
                for file in [first, second].compactMap(Self.fileID) { _ = user.call(.close(file)) }
                return second?.status == .sharingViolation
            })
        #expect(counts.allSatisfy { $0 > 10 })
    }

    /// Made at the same time in other letters, a name is one all the same: else one of two files would hide the other.
    @Test func namesThatDifferInCaseOnlyAreOne() async throws {
        let callers = [Caller(other), Caller(holder), Caller(client)]
        let counts = await Race([
            { Self.openTwice(callers[0], "file", "FILE") },
            { callers[1].call(Self.deletion("File")).count == 3 },
            { Self.openTwice(callers[2], "FILE", "file") },
        ]).run(seconds: 0.3)
        #expect(counts.allSatisfy { $0 > 10 })
    }

    /// Of a file that was opened.
    private static func fileID(_ reply: TestReply?) -> FileID? {
        guard let reply, reply.status == .success else { return nil }
        return try? reply.decode { r throws(WireError) in try CreateResponse(from: &r) }.fileID
    }

    private static func openTwice(_ user: Caller, _ name: String = "file", _ second: String = "file") -> Bool {
        guard let file = fileID(user.call([.create(name)]).first) else { return true }
        let again = user.call([.create(second, disposition: .open)]).first
        // With the file open it may be asked to go, but not be gone.
        #expect(again?.status == .success || again?.status == .deletePending)
        if let second = fileID(again) {
            // FileInternalInformation: the number of the file.
            let numbers = [file, second].map { id in user.call([.query(id, class: 6)]).first?.bytes[72..<80] }
            #expect(numbers[0] == numbers[1])
            _ = user.call([.close(second)])
        }
        _ = user.call([.close(file)])
        return true
    }
}
