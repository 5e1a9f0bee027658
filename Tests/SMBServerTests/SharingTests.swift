import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

/// Many opens of one file, that come and go in any order.
@Suite("Opens of one file [MS-FSA] 2.1.5.1.2.2") struct SharingTests {
    private struct Listed {
        let file: FileID
        let access: AccessMask
        let share: ShareAccess
    }

    /// The rule, said once more.
    private func agree(_ access: AccessMask, _ share: ShareAccess, _ other: Listed) -> Bool {
        let kinds: [(AccessMask, ShareAccess)] = [
            ([.readData, .execute], .read), ([.writeData, .appendData], .write), (.delete, .delete),
        ]
        func counts(_ access: AccessMask) -> Bool { kinds.contains { !access.isDisjoint(with: $0.0) } }
        guard counts(access), counts(other.access) else { return true }
        return kinds.allSatisfy { bits, sharing in
            (access.isDisjoint(with: bits) || other.share.contains(sharing))
                && (other.access.isDisjoint(with: bits) || share.contains(sharing))
        }
    }

    @Test func whoeverAgreesWithAllIsLetInAndNobodyElse() throws {
        let host = try EngineHost()
        let clients = [try host.logIn(), try host.logIn()]
        try clients[0].call(.close(clients[0].open("file")))
        let rights: [AccessMask] = [.readData, .execute, .writeData, .appendData, .delete]
        var random = SystemRandomNumberGenerator()
        var listed: [[Listed]] = [[], []]
        var refusedCount = 0
        for _ in 0..<3000 {
            let which = Int.random(in: 0..<2, using: &random)
            // Few enough for each to matter.
            if Int.random(in: 0..<12, using: &random) < listed.joined().count,
                let index = listed[which].indices.randomElement(using: &random)
            {
                #expect(try clients[which].call(.close(listed[which].remove(at: index).file)).status == .success)
                continue
            }
            // Mostly what others can agree with.
            var access: AccessMask = .readAttributes
            for right in rights where Int.random(in: 0..<6, using: &random) == 0 { access.insert(right) }
            var share: ShareAccess = []
            for kind in [.read, .write, .delete] as [ShareAccess] where Int.random(in: 0..<20, using: &random) > 0 {
                share.insert(kind)
            }
            let agrees = listed.joined().allSatisfy { agree(access, share, $0) }
            let reply = try clients[which].call(
                .create("file", access: access, disposition: .open) { $0.shareAccess = share })
            #expect(reply.status == (agrees ? .success : .sharingViolation))
            guard reply.status == .success else {
                refusedCount += 1
                continue
            }
            let file = try reply.decode { reader throws(WireError) in try CreateResponse(from: &reader) }.fileID
            listed[which].append(Listed(file: file, access: access, share: share))
        }
        #expect(refusedCount > 100 && refusedCount < 2900)
    }

    /// Each goes with its own open, and whoever is left hears of a change.
    @Test func leasesOfManyGoOneByOne() throws {
        let host = try EngineHost()
        let holder = try host.logIn()
        let writer = try host.logIn(as: EngineHost.otherUser)
        func open(_ key: UInt8) throws -> FileID {
            try holder.open("file", access: [.readData, .delete]) {
                $0.requestedOplockLevel = 0xFF
                let key = [UInt8](repeating: key, count: 16)
                $0.contexts = [
                    CreateContext(name: .lease, data: key + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
                ]
            }
        }
        // Two of each lease.
        var files: [(key: UInt8, file: FileID)] = []
        for key in (1...50 as ClosedRange<UInt8>) { files.append((key, try open(key))) }
        for key in (1...50 as ClosedRange<UInt8>) { files.append((key, try open(key))) }
        var random = SystemRandomNumberGenerator()
        files.shuffle(using: &random)
        for (_, file) in files.prefix(70) { #expect(try holder.call(.close(file)).status == .success) }
        let file = try writer.open("file", access: .writeData)
        #expect(try writer.call(.write(file, [1])).status == .success)
        let breaks = try holder.repliesAtHand().filter { $0.header.command == SMB2Command.oplockBreak.rawValue }
        #expect(breaks.count == Set(files.suffix(30).map(\.key)).count)
    }
}
