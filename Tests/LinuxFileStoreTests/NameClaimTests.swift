import FileStore
import Glibc
import NTTypes
import Platform
import Testing

@testable import LinuxFileStore

/// The kernel takes a name from whatever file has it. A file is not to lose its name to one that had it before.
@Suite("Names that change hands [MS-FSA] 2.1.5.5, 2.1.5.15.11") struct NameClaimTests {
    private static let name = "changes hands"
    private let share: TemporaryShare
    private let file: any StoreFile

    init() throws {
        share = try TemporaryShare()
        file = try share.create(Self.name, "first")
    }

    /// While a thread does something with the first file's name, that is given to another file.
    /// - Returns: the status of what it did.
    private func whileNameChangesHands(_ act: @escaping @Sendable () throws(NTStatus) -> Void) throws(NTStatus)
        -> NTStatus
    {
        let outcome = Mutex(NTStatus.success)
        let isDone = Semaphore()
        var hasWaited = false
        try NameClaims.shared.take(NTName(Self.name)) { () throws(NTStatus) in
            let isStarted = Thread.detach(name: "taker") {
                do throws(NTStatus) { try act() } catch { outcome.withLock { $0 = error } }
                isDone.signal()
            }
            #expect(isStarted)
            hasWaited = !isDone.wait(milliseconds: 100)
            unlink(share.local(Self.name))
            share.writeLocally(Self.name, "second")
        }
        #expect(hasWaited)
        if hasWaited { isDone.wait() }
        #expect(try share.open(Self.name).file.text() == "second")
        return outcome.withLock { $0 }
    }

    @Test func whoRemovesItDoesNotRemoveTheOther() throws {
        let (file, user) = (file, share.user)
        let status = try whileNameChangesHands { () throws(NTStatus) in
            try file.remove(as: user)
        }
        #expect(status == .objectNameNotFound)
    }

    @Test func whoRenamesItDoesNotRenameTheOther() throws {
        let (file, user) = (file, share.user)
        let status = try whileNameChangesHands { () throws(NTStatus) in
            try file.rename(to: NTPath(test: "new"), replacing: [], as: user)
        }
        #expect(status == .objectNameNotFound)
        #expect(!share.exists("new"))
    }

    @Test func whoGivesItAnotherNameDoesNotGiveItToTheOther() throws {
        let (file, user) = (file, share.user)
        let status = try whileNameChangesHands { () throws(NTStatus) in
            _ = try file.link(at: NTPath(test: "new"), replacing: [], as: user)
        }
        #expect(status == .objectNameNotFound)
        #expect(!share.exists("new"))
    }

    /// Who may replace one file may not for that replace another.
    @Test func whoRenamesOverItDoesNotReplaceTheOther() throws {
        let (source, user) = (try share.create("source"), share.user)
        let status = try whileNameChangesHands { () throws(NTStatus) in
            try source.rename(to: NTPath(test: Self.name), replacing: .files, as: user)
        }
        #expect(status == .objectNameCollision)
        #expect(share.exists("source"))
    }
}
