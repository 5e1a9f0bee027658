import EngineHost
import Glibc
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

// Further classes of attacks of docs/security.md, see AttackTests.swift.

@Suite("Attacks: caches, handles that survive, locks") struct HandleAttackTests {
    /// CVE-2025-37776: who does not answer a break does not stop the others for ever.
    @Test func anAcknowledgementThatIsWithheldIsNotWaitedForLong() throws {
        let host = try EngineHost()
        let holder = try host.logIn()
        _ = try holder.open("file") { $0.requestedOplockLevel = 9 }
        let other = try host.logIn()
        other.send([.create("file", access: .fileGenericRead)])
        let interim = try other.repliesAtHand()
        #expect(interim.map(\.status) == [.pending])
        host.pass(seconds: 34)
        #expect(try other.repliesAtHand().isEmpty)
        host.pass(seconds: 2)
        #expect(try other.repliesAtHand().map(\.status) == [.success])
        #expect(try holder.repliesAtHand().count == 1)
    }

    private static let guid = [UInt8](repeating: 0x77, count: 16)
    private static let request = CreateContext(
        name: .durableHandleRequestV2, data: [UInt8](repeating: 0, count: 16) + guid)

    private func openDurably(_ client: TestClient) throws -> FileID {
        try client.open("file") {
            $0.requestedOplockLevel = 9
            $0.contexts = [Self.request]
        }
    }

    private func reconnect(_ id: FileID, level: UInt8 = 9, _ others: [CreateContext] = []) -> TestRequest {
        var data: [UInt8] = []
        for number in [id.persistent, id.volatile] {
            data += (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        return .create("file") {
            $0.requestedOplockLevel = level
            $0.contexts =
                [CreateContext(name: .durableHandleReconnectV2, data: data + Self.guid + [0, 0, 0, 0])] + others
        }
    }

    /// CVE-2026-31717.
    @Test func aHandleThatSurvivedIsItsOwnersAlone() throws {
        let host = try EngineHost()
        let owner = try host.logIn()
        let id = try openDurably(owner)
        (owner.wire as? EngineWire)?.close()
        #expect(host.server.occupancy.opens == 1)
        #expect(try host.logIn(as: EngineHost.otherUser).call(reconnect(id)).status == .accessDenied)
        #expect(try host.logIn().call(reconnect(id)).status == .success)
    }

    /// CVE-2026-89635: what comes back is what there was.
    @Test func aLeaseDoesNotComeBackForAnOplock() throws {
        let host = try EngineHost()
        let owner = try host.logIn()
        let id = try openDurably(owner)
        (owner.wire as? EngineWire)?.close()
        let lease = CreateContext(
            name: .lease, data: Self.guid + [7, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
        #expect(try host.logIn().call(reconnect(id, level: 0xFF, [lease])).status == .objectNameNotFound)
        #expect(host.server.occupancy.opens == 1)
    }

    /// CVE-2026-23427: a replay gives nobody the handle of a session that still has it.
    @Test func aReplayFromAnotherSessionGetsNothing() throws {
        let host = try EngineHost()
        let owner = try host.logIn()
        _ = try openDurably(owner)
        let replay = TestRequest.create("file") {
            $0.requestedOplockLevel = 9
            $0.contexts = [Self.request]
        }.with { $0.flags.insert(SMB2Header.Flags(rawValue: 0x2000_0000)) }
        #expect(try host.logIn().call(replay).status == .duplicateObjectID)
        #expect(try owner.call(replay).status == .success)
    }

    /// CVE-2025-21945.
    @Test func locksOfNoLengthAndBeyondTheEnd() throws {
        let client = try EngineHost().logIn()
        let file = try client.open("file")
        let now: LockRequest.Element.Flags = [.exclusive, .failImmediately]
        for (offset, length, status) in [
            (0, 0, NTStatus.success), (.max, 1, .success), (.max, 0, .success), (.max, 2, .invalidLockRange),
            (2, .max, .invalidLockRange),
        ] as [(UInt64, UInt64, NTStatus)] {
            let request = TestRequest.lock(file, [.init(offset: offset, length: length, flags: now)])
            #expect(try client.call(request).status == status)
        }
        #expect(try client.call(.lock(file, [.init(offset: 0, length: 0, flags: .unlock)])).status == .success)
        #expect(try client.call(.lock(file, [])).status == .invalidParameter)
        #expect(try client.call(.close(file)).status == .success)
    }
}

@Suite("Attacks: lengths, lists, streams") struct ContentAttackTests {
    /// CVE-2025-22042 and its likes: contexts that lie about where their data is.
    @Test(
        "create contexts", arguments: [(10, 0), (10, 0xFFFF), (12, 0xFFFF), (4, 0xFFFF), (0, 0xFFF8), (0, 8), (0, 4)])
    func createContext(field: Int, value: UInt16) throws {
        let client = try EngineHost().logIn()
        let whole = TestRequest.create("file") {
            $0.requestedOplockLevel = 0xFF
            $0.contexts = [CreateContext(name: .lease, data: [UInt8](repeating: 7, count: 32))]
        }
        // The chain begins at the next multiple of eight behind the name.
        let start = whole.body.count - 24 - 32
        let changed = whole.with {
            $0.body[start + field] = UInt8(truncatingIfNeeded: value)
            $0.body[start + field + 1] = UInt8(truncatingIfNeeded: value >> 8)
        }
        let reply = try client.call(changed)
        #expect(ReplyCheck.problem(in: reply) == nil)
        #expect(reply.status == .invalidParameter)
    }

    /// CVE-2013-4124 and ksmbd's: lists of attributes whose entries overlap, lead out, or never end.
    @Test func attributeLists() throws {
        let client = try EngineHost().logIn()
        let file = try client.open("file")
        let entry: [UInt8] = [0, 0, 0, 0, 0, 1, 1, 0, 0x61, 0, 0x62, 0]
        for (index, value) in [(0, 0xFF), (3, 0xFF), (0, 1), (0, 4), (5, 0xFF), (6, 0xFF), (7, 0xFF)] {
            var list = entry
            list[index] = UInt8(value)
            #expect(try client.call(.set(file, class: 15, list)).status != .success)
        }
        #expect(try client.call(.set(file, class: 15, entry)).status == .success)
    }

    /// CVE-2025-21946, CVE-2026-31712, CVE-2026-31706.
    @Test func securityDescriptors() throws {
        let client = try EngineHost().logIn()
        let file = try client.open("file")
        let everyone: [UInt8] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
        let entry: [UInt8] = [0, 0, 20, 0, 0xFF, 1, 0x1F, 0] + everyone
        let list: [UInt8] = [2, 0, 28, 0, 1, 0, 0, 0] + entry
        let good: [UInt8] = [1, 0, 4, 0x80] + [UInt8](repeating: 0, count: 12) + [20, 0, 0, 0] + list
        func status(_ change: (inout [UInt8]) -> Void) throws -> NTStatus {
            var bytes = good
            change(&bytes)
            return try client.call(.set(file, type: 3, class: 0, additional: 4, bytes)).status
        }
        #expect(try status { _ in } == .success)
        #expect(try status { $0[16] = 0xF0 } == .invalidSecurityDescriptor)
        #expect(try status { $0[30] = 4 } == .invalidACL)
        // The same of a type that nobody knows.
        #expect(try status { $0.replaceSubrange(28..<32, with: [0x50, 0, 4, 0]) } == .invalidACL)
        #expect(try status { $0.replaceSubrange(24..<26, with: [0xFF, 0xFF]) } == .invalidACL)
        #expect(try status { $0[22] = 0xFF } == .invalidACL)
        #expect(try status { $0[37] = 200 } == .invalidACL)
    }

    /// ksmbd's streams of 2024 and 2025; CVE-2025-9640: what is skipped is zeros.
    @Test func streamsEndWhereTheyCan() throws {
        let client = try EngineHost().logIn()
        let stream = try client.open("file:s")
        #expect(try client.call(.write(stream, [1], at: 3000)).status == .success)
        let read = try client.call(.read(stream, count: 3001))
        let data = try read.decode { r throws(WireError) in try ReadResponse(from: &r) }.data
        #expect(data == [UInt8](repeating: 0, count: 3000) + [1])
        for offset in [64 << 20, 1 << 62, UInt64(Int64.max) - 1] {
            #expect(try client.call(.write(stream, [1], at: offset)).status == .diskFull)
        }
        #expect(try client.call(.write(stream, [1, 2], at: .max)).status == .invalidParameter)
        #expect(try client.call(.read(stream, count: 100, at: 1 << 62)).status == .endOfFile)
    }

    /// An empty pattern stands for all, and the search ends, however little of it is asked for at a time.
    @Test func anEmptyPatternEnds() throws {
        let client = try EngineHost().logIn()
        _ = try client.open("file")
        let root = try client.open("") { $0.createOptions = .directoryFile }
        #expect(try client.call(.list(root, "")).status == .success)
        #expect(try client.call(.list(root, "")).status == .noMoreFiles)
        let other = try client.open("") { $0.createOptions = .directoryFile }
        var names = 0
        while names < 10, try client.call(.list(other, "", flags: .returnSingleEntry)).status == .success { names += 1 }
        // Itself, its parent, and the file.
        #expect(names == 3)
    }

    /// ksmbd's FileFsObjectIdInformation, and in older versions FSCTL_CREATE_OR_GET_OBJECT_ID, told the hash of the
    /// user's password. Whoever asks gets the same, and each file has its own.
    @Test func objectIdentifiersAreOfTheFile() throws {
        let host = try EngineHost()
        func identifiers(_ user: String, _ name: String) throws -> (file: [UInt8], volume: [UInt8]) {
            // With a key of its own, which `EngineHost.logIn` does not give.
            let client = host.connect()
            try client.negotiate()
            try client.logIn(user: user, password: EngineHost.password)
            try client.connectTree("share")
            let file = try client.open(name)
            let reply = try client.call(.control(0x0009_00C0, file))
            let output = try reply.decode { r throws(WireError) in try IoctlResponse(from: &r) }.output
            #expect(output.count == 64)
            #expect(output.dropFirst(16).allSatisfy { $0 == 0 })
            let told = try client.call(.query(file, type: 2, class: 8))
            let volume = try told.decode { r throws(WireError) in try BufferResponse(from: &r) }.buffer
            #expect(volume.count == 64)
            #expect(volume.dropFirst(16).allSatisfy { $0 == 0 })
            return (output, volume)
        }
        let own = try identifiers(EngineHost.user, "file")
        #expect(try own == identifiers(EngineHost.otherUser, "file"))
        let other = try identifiers(EngineHost.user, "other")
        #expect(own.file != other.file && own.volume == other.volume)
    }
}

@Suite("Attacks: what the share or the session does not allow") struct PermissionAttackTests {
    /// CVE-2023-4091, CVE-2026-1933: no command changes anything through a share that is read-only.
    @Test func aReadOnlyShareStaysAsItIs() throws {
        let folder = try ScratchFolder()
        let writer = try EngineHost(folder: folder).logIn()
        _ = try writer.call(.write(try writer.open("file"), [1, 2, 3]))
        let client = try EngineHost(folder: folder, isWritable: false).logIn()
        for disposition in [CreateDisposition.supersede, .overwrite, .overwriteIf, .create] {
            #expect(try client.call(.create("file", disposition: disposition)).status == .accessDenied)
        }
        #expect(try client.call(.create("new", access: .readData)).status == .objectNameNotFound)
        let deleting = TestRequest.create("file", access: [.readData, .delete], disposition: .open) {
            $0.createOptions = .deleteOnClose
        }
        #expect(try client.call(deleting).status == .accessDenied)
        let file = try client.open("file", access: .maximumAllowed, disposition: .open)
        let link: [UInt8] = [0x0C, 0, 0, 0xA0, 12, 0, 0, 0] + [UInt8](repeating: 0, count: 12)
        let zeros = [UInt8](repeating: 0, count: 40)
        let lying = [
            TestRequest.write(file, [9]), .set(file, class: 20, [UInt8](repeating: 0, count: 8)),
            .set(file, class: 19, [UInt8](repeating: 0, count: 8)), .set(file, class: 4, zeros),
            .set(file, class: 13, [1]), .set(file, class: 64, [1, 0, 0, 0]),
            .set(file, class: 10, [UInt8](repeating: 0, count: 16) + [2, 0, 0, 0, 0x78, 0, 0, 0]),
            .set(file, class: 15, [0, 0, 0, 0, 0, 1, 1, 0, 0x61, 0, 0x62]),
            .set(file, type: 3, class: 0, additional: 4, [1, 0, 4, 0x80] + [UInt8](repeating: 0, count: 16)),
            .control(0x0009_00A4, file, input: link), .control(0x0009_00AC, file, input: Array(link.prefix(8))),
            .control(0x0009_00C4, file), .control(0x0009_80C8, file, input: Array(zeros.prefix(16))),
            .control(0x0009_C040, file, input: [1, 0]),
            .control(0x0009_8208, file, input: [0, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 16)),
        ]
        for request in lying { #expect(try client.call(request).status.isError, "command \(request.command)") }
        #expect(try client.call(.create("file:s", access: .writeData)).status == .accessDenied)
        let data = try client.call(.read(file, count: 10)).decode { r throws(WireError) in try ReadResponse(from: &r) }
        #expect(data.data == [1, 2, 3])
    }

    /// A handle from before does not write either.
    @Test func aShareThatHasBecomeReadOnlyIsSoForHandlesThatAreOpen() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let file = try client.open("file")
        #expect(try client.call(.write(file, [1])).status == .success)
        host.access.setWritable(false)
        try client.logInAgain(user: EngineHost.user, password: EngineHost.password)
        #expect(try client.call(.write(file, [2])).status == .accessDenied)
        #expect(try client.call(.set(file, class: 20, [UInt8](repeating: 0, count: 8))).status == .accessDenied)
    }

    /// 7.2-rc4: where signing is demanded, everything is signed; and a wrong seal is no seal.
    @Test func whoMustSignSigns() throws {
        let host = try EngineHost { $0.signing = .required }
        let client = try host.logIn([.smb302])
        client.signs = false
        for request in [TestRequest.create("file"), TestClient.treeConnect("share"), .logoff] {
            #expect(try client.call(request).status == .accessDenied)
        }
        let choosy = try EngineHost().logIn([.smb302], requiresSigning: true)
        choosy.signs = false
        #expect(try choosy.call(.create("file")).status == .accessDenied)
    }

    @Test func whatMustBeSealedIsNotServedInTheClear() throws {
        let host = try EngineHost(shareRequiresEncryption: true)
        let client = try host.logIn()
        #expect(try client.call(.create("file")).status == .accessDenied)
        client.seals = true
        #expect(try client.call(.create("file")).status == .success)
        let everything = try EngineHost { $0.encryption = .required }.logIn(share: "")
        #expect(try everything.call(TestClient.treeConnect("share")).status == .accessDenied)
    }

    /// ksmbd's compression of 2026: what was not negotiated ends the connection before it is looked at.
    @Test func compressionThatWasNotNegotiatedIsNotLookedAt() throws {
        let client = try EngineHost().logIn()
        client.wire.send([0xFC, 0x53, 0x4D, 0x42, 0xFF, 0xFF, 0xFF, 0x7F] + [UInt8](repeating: 0, count: 64))
        #expect(!client.wire.isOpen)
    }

    /// No message is sealed with a nonce that has been used.
    @Test func noncesDoNotRepeat() throws {
        let client = try EngineHost().logIn()
        client.seals = true
        var nonces: Set<[UInt8]> = []
        for _ in 0..<200 {
            client.wire.send(client.encode([.echo]))
            let message = try #require(client.wire.receive())
            #expect(nonces.insert(Array(message[20..<36])).inserted)
        }
    }

    /// CVE-2025-0620: who has logged in again has the groups of now; what is open stays its opener's.
    @Test func anotherLoginBringsTheGroupsOfNow() throws {
        let users = Users()
        let host = try EngineHost(wrap: { RecordingStore($0, users) })
        let client = try host.logIn()
        _ = try client.open("file")
        host.access.setGroups([4711])
        try client.logInAgain(user: EngineHost.user, password: EngineHost.password)
        _ = try client.open("file")
        #expect(users.groups == [[], [4711]])
    }

    /// CVE-2026-68083 and all of the class, through every command that takes a name.
    @Test func noNameLeavesTheShare() throws {
        let host = try EngineHost()
        let outside = try ScratchFolder()
        close(open(outside.path + "/passwd", O_CREAT | O_WRONLY, 0o666))
        symlink(outside.path, host.folder.path + "/out")
        symlink("..", host.folder.path + "/up")
        let client = try host.logIn()
        let file = try client.open("file")
        let names = [
            "..\\apus-x", "..", "d\\..\\..\\apus-x", "out\\passwd", "out\\apus-x", "up\\apus-x", "../apus-x", "out",
            "\\apus-x", "..:s", "up:s",
        ]
        for name in names {
            for disposition in [CreateDisposition.open, .create, .openIf, .overwriteIf] {
                #expect(try client.call(.create(name, disposition: disposition)).status.isError, "\(name)")
            }
            for informationClass in [10, 11, 65] as [UInt8] where name != "out" {
                let request = TestRequest.newName(file, name, class: informationClass, flags: 1)
                #expect(try client.call(request).status.isError, "\(name)")
            }
        }
        for folder in [outside.path, host.folder.path + "/.."] {
            #expect(access(folder + "/apus-x", F_OK) != 0)
            unlink(folder + "/apus-x")
        }
        let stream = try client.open("file:s")
        for name in [":..\\x", ":/x", ":a:b:c"] {
            let status = try client.call(.newName(stream, name, flags: 1)).status
            #expect(name == ":..\\x" || status.isError)
        }
    }
}
