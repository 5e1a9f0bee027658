import FileStore
import NTTypes
import Testing

@testable import LinuxFileStore

@Suite("8.3 names of files, for who asks for them") struct MangledNameTests {
    private let name = "a name longer than eight.text"

    @Test func aFileIsFoundByItsShortName() throws {
        let share = try TemporaryShare { $0.findsShortNames = true }
        let short = try #require(ShortName.make(for: NTName(name))).description
        try share.create(name)
        #expect(try share.open(short).file.path == NTPath(test: name))
        try share.makeFolder("folder with a long name")
        let folder = try #require(ShortName.make(for: NTName("folder with a long name"))).description
        try share.create("\(folder)/f")
        #expect(share.exists("folder with a long name/f"))
    }

    @Test func replacingAFileByItsShortNameKeepsTheLongOne() throws {
        let share = try TemporaryShare { $0.findsShortNames = true }
        let short = try #require(ShortName.make(for: NTName(name))).description
        try share.create(name).close()
        try share.open(short).file.remove(as: share.user)
        try share.create(short)
        #expect(share.exists(name))
    }

    @Test func otherwiseNot() throws {
        let share = try TemporaryShare()
        let short = try #require(ShortName.make(for: NTName(name))).description
        try share.create(name)
        #expect(share.status { () throws(NTStatus) in _ = try share.open(short) } == .objectNameNotFound)
    }
}
