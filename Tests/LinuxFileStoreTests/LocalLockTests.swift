import FileStore
import NTTypes
import Testing

@testable import LinuxFileStore

/// Locks that other programs see are the system's: each open carries its own.
struct LocalLockTests {
    @Test("A lock stands in others' way until it is taken back, or its open closed")
    func conflict() throws {
        let share = try TemporaryShare()
        let one = try share.create("f", "12345")
        let other = try share.open("f").file
        try one.setLocalLock(.exclusive, offset: 0, length: 10)
        #expect(throws: NTStatus.lockNotGranted) { try other.setLocalLock(.shared, offset: 9, length: 1) }
        try other.setLocalLock(.shared, offset: 10, length: 1)
        try one.setLocalLock(.shared, offset: 0, length: 10)
        try other.setLocalLock(.shared, offset: 0, length: 10)
        #expect(throws: NTStatus.lockNotGranted) { try other.setLocalLock(.exclusive, offset: 0, length: 1) }
        try one.setLocalLock(nil, offset: 0, length: 5)
        try other.setLocalLock(.exclusive, offset: 0, length: 5)
        #expect(throws: NTStatus.lockNotGranted) { try other.setLocalLock(.exclusive, offset: 5, length: 1) }
        one.close()
        try other.setLocalLock(.exclusive, offset: 0, length: 0xFFFF)
    }

    @Test("A lock stays when the file's descriptor is replaced for more rights")
    func replacedDescriptor() throws {
        let share = try TemporaryShare()
        let one = try share.create("f")
        let other = try share.open("f").file
        try one.setLocalLock(.exclusive, offset: 0, length: 10)
        try one.setEndOfFile(100)
        #expect(throws: NTStatus.lockNotGranted) { try other.setLocalLock(.shared, offset: 0, length: 1) }
    }

    @Test("What Linux cannot lock is nobody's")
    func beyond() throws {
        let share = try TemporaryShare()
        let file = try share.create("f")
        try file.setLocalLock(.exclusive, offset: 1 << 63, length: 10)
        try file.setLocalLock(.exclusive, offset: 5, length: 0)
        try file.setLocalLock(.exclusive, offset: UInt64(Int64.max), length: .max)
    }
}
