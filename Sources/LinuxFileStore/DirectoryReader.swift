import CLinux
import Glibc
import NTTypes

/// Reads a folder's entries in large gulps: struct linux_dirent64 after linux_dirent64, as getdents64 gives them.
struct DirectoryReader: ~Copyable {
    private let descriptor: OwnedDescriptor
    /// Empty before the first gulp, and after the last.
    private var buffer: [UInt8] = []
    private var filled = 0
    private var position = 0
    private var isAtEnd = false

    // The entry that `advance` has come to.
    private(set) var inode: UInt64 = 0
    private(set) var type: EntryType = .unknown
    private var nameStart = 0
    private var nameEnd = 0

    /// DT_* of readdir(3).
    enum EntryType {
        case unknown, directory, regular, symbolicLink, other
    }

    /// Small folders are read in one gulp of this size; a larger buffer takes longer to clear than they to read.
    private static var firstByteCount: Int { 4 << 10 }
    private static var laterByteCount: Int { 64 << 10 }

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    var rawDescriptor: CInt { descriptor.raw }

    /// Without terminator.
    var nameBytes: ArraySlice<UInt8> { buffer[nameStart..<nameEnd] }
    var name: NTName { NTName(utf8: Array(nameBytes)) }
    /// "." and "..".
    var isDotEntry: Bool {
        let dot = UInt8(ascii: ".")
        let length = nameEnd - nameStart
        return length <= 2 && buffer[nameStart] == dot && buffer[nameEnd - 1] == dot
    }

    var foldedName: FoldedName { FoldedName(buffer.span.extracting(nameStart..<nameEnd)) }

    func matches(_ folded: FoldedName) -> Bool { folded.matches(buffer.span.extracting(nameStart..<nameEnd)) }

    /// Goes to the next entry; false at the end.
    mutating func advance() throws(NTStatus) -> Bool {
        while true {
            if position >= filled {
                guard !isAtEnd, try fill() else { return false }
            }
            guard parse() else { throw .unexpectedIOError }
            // An entry without an inode is a deleted one on some file systems.
            if inode != 0 { return true }
        }
    }

    mutating func rewind() throws(NTStatus) {
        try Linux.rewind(descriptor.raw).orThrow()
        filled = 0
        position = 0
        isAtEnd = false
    }

    private mutating func fill() throws(NTStatus) -> Bool {
        if buffer.isEmpty {
            buffer = [UInt8](repeating: 0, count: Self.firstByteCount)
        } else if filled > Self.firstByteCount / 2, buffer.count < Self.laterByteCount {
            buffer = [UInt8](repeating: 0, count: Self.laterByteCount)
        }
        let descriptor = descriptor.raw
        // SAFETY: the buffer is not touched by anything else during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe Linux.readEntries(descriptor, into: $0) }
        // The folder was removed while it was being read: it has no entries any more.
        if count.failed(ENOENT) || count == 0 {
            isAtEnd = true
            buffer = []
            filled = 0
            position = 0
            return false
        }
        filled = try count.orThrow()
        position = 0
        return true
    }

    /// u64 inode, s64 offset, u16 record length, u8 type, name with terminator.
    private mutating func parse() -> Bool {
        let start = position
        guard filled - start > 19 else { return false }
        var inode: UInt64 = 0
        for index in (0..<8).reversed() {
            inode = inode << 8 | UInt64(buffer[start + (1.littleEndian == 1 ? index : 7 - index)])
        }
        let first = Int(buffer[start + 16])
        let second = Int(buffer[start + 17])
        let length = 1.littleEndian == 1 ? first | second << 8 : first << 8 | second
        guard length > 19, length <= filled - start else { return false }
        nameStart = start + 19
        var end = nameStart
        while end < start + length, buffer[end] != 0 { end += 1 }
        guard end > nameStart else { return false }
        nameEnd = end
        self.inode = inode
        type =
            switch buffer[start + 18] {
            case 0: .unknown
            case 4: .directory
            case 8: .regular
            case 10: .symbolicLink
            default: .other
            }
        position = start + length
        return true
    }
}
