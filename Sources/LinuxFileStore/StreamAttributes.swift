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

    static func name(_ stream: NTName, extent: Int = 0) throws(NTStatus) -> SystemPath {
        let prefix = extent == 0 ? AttributeName.streamPrefix : Array("user.DosStreamExt.\(extent).".utf8)
        let bytes = prefix + stream.utf8 + AttributeName.streamSuffix
        guard bytes.count <= SystemPath.nameByteCountMax else { throw .objectNameInvalid }
        return try SystemPath(attribute: bytes)
    }

    /// - Throws: fileDeleted if there is no such stream.
    func load(_ stream: NTName) throws(NTStatus) -> [UInt8] {
        guard var bytes = try file.attributeValue(descriptor, try Self.name(stream)) else { throw .fileDeleted }
        guard let extentCount = Self.takeMark(&bytes), extentCount > 0 else { return bytes }
        for extent in 1...extentCount {
            // A piece that is missing is one that somebody could not write: what is there counts.
            guard let piece = try file.attributeValue(descriptor, try Self.name(stream, extent: extent)) else { break }
            bytes += piece
        }
        return bytes
    }

    /// Takes the byte off that is not the stream's.
    /// - Returns: how many attributes follow; nil if there was no such byte.
    private static func takeMark(_ bytes: inout [UInt8]) -> Int? {
        guard let mark = bytes.last else { return nil }
        // Only a full attribute is followed by others.
        guard mark == 0 || (Int(mark) <= extentCountMax && bytes.count == AttributeName.valueByteCountMax) else {
            return nil
        }
        bytes.removeLast()
        return Int(mark)
    }

    /// Writes the whole stream. - Parameter mustBeNew: it must not be there yet; objectNameCollision if it is.
    func store(_ bytes: [UInt8], as stream: NTName, mustBeNew: Bool = false) throws(NTStatus) {
        guard bytes.count <= Self.byteCountMax else { throw .diskFull }
        let pieceByteCount = AttributeName.valueByteCountMax
        let firstByteCount = min(bytes.count, pieceByteCount - 1)
        let rest = bytes[firstByteCount...]
        let extentCount = (rest.count + pieceByteCount - 1) / pieceByteCount
        try set(
            try Self.name(stream), bytes[..<firstByteCount] + [UInt8(extentCount)], mustBeNew: mustBeNew)
        for extent in 0..<extentCount {
            let start = rest.startIndex + extent * pieceByteCount
            let end = min(rest.endIndex, start + pieceByteCount)
            try set(try Self.name(stream, extent: extent + 1), rest[start..<end])
        }
        removeExtents(of: stream, from: extentCount + 1)
    }

    private func set(
        _ name: SystemPath, _ value: ArraySlice<UInt8>, mustBeNew: Bool = false
    ) throws(NTStatus) {
        let result = file.store.identity.insisting {
            Linux.setAttribute(descriptor, name, Array(value), mustBeNew: mustBeNew)
        }
        try LinuxFile.checkRoom(result, otherwise: .diskFull)
    }

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
