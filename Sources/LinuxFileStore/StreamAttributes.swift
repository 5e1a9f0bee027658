import CLinux
import FileStore
import Glibc
import NTTypes

/// A named stream as attributes of its file, in the format of Samba's vfs_streams_xattr: the data, and behind it one
/// byte that says how many more attributes the stream goes on in; each of these holds data only. ksmbd writes the data
/// without that byte; it is read too.
struct StreamAttributes {
    let file: LinuxFile
    let descriptor: CInt

    /// Attributes that one stream may take beyond the first, as in Samba.
    static var extentCountMax: Int { 15 }
    /// Bytes in a stream at most.
    static var byteCountMax: Int { AttributeName.valueByteCountMax * (1 + extentCountMax) - 1 }
    /// What one attribute takes: all that Linux allows, or what fits a node of Btrfs (16 KiB) beside the longest name.
    private static let pieceByteCounts = [AttributeName.valueByteCountMax, 15_872]

    static func name(_ stream: NTName, extent: Int = 0) throws(NTStatus) -> SystemPath {
        let prefix = extent == 0 ? AttributeName.streamPrefix : Array("user.DosStreamExt.\(extent).".utf8)
        let bytes = prefix + stream.utf8 + AttributeName.streamSuffix
        guard bytes.count <= SystemPath.nameByteCountMax else { throw .objectNameInvalid }
        return try SystemPath(attribute: bytes)
    }

    /// - Throws: fileDeleted if there is no such stream.
    func load(_ stream: NTName) throws(NTStatus) -> [UInt8] {
        guard var bytes = try file.attributeValue(descriptor, try Self.name(stream)) else { throw .fileDeleted }
        guard let mark = bytes.last, Int(mark) <= Self.extentCountMax else { return bytes }
        if mark == 0 {
            bytes.removeLast()
            return bytes
        }
        var pieces: [UInt8] = []
        for extent in 1...Int(mark) {
            // A piece that is missing is one that somebody could not write: what is there counts.
            guard let piece = try file.attributeValue(descriptor, try Self.name(stream, extent: extent)) else { break }
            pieces += piece
        }
        // With none of them the byte is the stream's last, which ksmbd wrote; but in a full attribute only Samba did.
        if pieces.isEmpty, bytes.count < AttributeName.valueByteCountMax { return bytes }
        bytes.removeLast()
        return bytes + pieces
    }

    /// Writes the whole stream. - Parameter mustBeNew: it must not be there yet; objectNameCollision if it is.
    func store(_ bytes: [UInt8], as stream: NTName, mustBeNew: Bool = false) throws(NTStatus) {
        for (index, pieceByteCount) in Self.pieceByteCounts.enumerated() {
            do throws(NTStatus) {
                return try store(bytes, as: stream, inPiecesOf: pieceByteCount, mustBeNew: mustBeNew)
            } catch .diskFull {
                let isLast = index == Self.pieceByteCounts.count - 1
                if isLast || bytes.count < Self.pieceByteCounts[index + 1] { throw .diskFull }
            }
        }
    }

    private func store(
        _ bytes: [UInt8], as stream: NTName, inPiecesOf pieceByteCount: Int, mustBeNew: Bool
    ) throws(NTStatus) {
        guard bytes.count < pieceByteCount * (1 + Self.extentCountMax) else { throw .diskFull }
        let firstByteCount = min(bytes.count, pieceByteCount - 1)
        let rest = bytes[firstByteCount...]
        let extentCount = (rest.count + pieceByteCount - 1) / pieceByteCount
        // The first comes last: until then nobody looks at the others.
        for extent in 0..<extentCount {
            let start = rest.startIndex + extent * pieceByteCount
            let end = min(rest.endIndex, start + pieceByteCount)
            try set(try Self.name(stream, extent: extent + 1), rest[start..<end])
        }
        try set(
            try Self.name(stream), bytes[..<firstByteCount] + [UInt8(extentCount)], mustBeNew: mustBeNew)
        removeExtents(of: stream, from: extentCount + 1)
    }

    private func set(
        _ name: SystemPath, _ value: ArraySlice<UInt8>, mustBeNew: Bool = false
    ) throws(NTStatus) {
        func attempt() -> Int {
            file.store.identity.insisting {
                Linux.setAttribute(descriptor, name, Array(value), mustBeNew: mustBeNew)
            }
        }
        var result = attempt()
        if result.failed(ENOSPC), value.count <= Self.pieceByteCounts[1], !mustBeNew, isOnBtrfs {
            // An attribute does not grow there beyond what is free beside it in its node; a new one may be anywhere.
            _ = file.store.identity.insisting { Linux.removeAttribute(descriptor, name) }
            result = attempt()
        }
        try LinuxFile.checkRoom(result, otherwise: .diskFull)
    }

    private var isOnBtrfs: Bool { apus_file_system_type(descriptor) == 0x9123_683E }

    /// What a longer stream has left behind; without gaps.
    private func removeExtents(of stream: NTName, from first: Int) {
        for extent in first...max(first, Self.extentCountMax) {
            guard let name = try? Self.name(stream, extent: extent),
                file.store.identity.insisting({ Linux.removeAttribute(descriptor, name) }) >= 0
            else { return }
        }
    }

    func remove(_ stream: NTName) throws(NTStatus) {
        let name = try Self.name(stream)
        let result = file.store.identity.insisting { Linux.removeAttribute(descriptor, name) }
        if result.failed(ENODATA) { throw .objectNameNotFound }
        try result.orThrow()
        removeExtents(of: stream, from: 1)
    }
}
