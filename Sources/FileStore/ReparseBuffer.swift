import NTTypes

/// Reparse buffers of the kinds that stand for files of Linux, [MS-FSCC] 2.1.2.4 and 2.1.2.6.
public enum ReparseBuffer: Equatable {
    public static var symbolicLinkTag: UInt32 { 0xA000_000C }
    /// IO_REPARSE_TAG_NFS: what is neither data, folder nor link.
    public static var nfsTag: UInt32 { 0x8000_0014 }
    /// IO_REPARSE_TAG_MOUNT_POINT: folders only.
    public static var mountPointTag: UInt32 { 0xA000_0003 }

    /// Bytes before a buffer's data, [MS-FSCC] 2.1.2.1: Microsoft's tags have the highest bit, all others a GUID behind
    /// the length.
    public static func headerByteCount(_ tag: UInt32) -> Int { tag & 0x8000_0000 != 0 ? 8 : 24 }

    /// Target as on the disk, with "/".
    case symbolicLink([UInt8])
    /// - mode: S_IFIFO and its likes, without permission bits.
    case special(mode: UInt32, major: UInt32, minor: UInt32)

    /// NFS_SPECFILE_*: the letters of the type, read as a number.
    private static let types: [(name: UInt64, mode: UInt32)] = [
        (0x0052_4843, 0o020000), (0x004B_4C42, 0o060000), (0x4F46_4946, 0o010000), (0x4B43_4F53, 0o140000),
    ]
    private static var nfsLink: UInt64 { 0x014B_4E4C }

    /// - Parameter isPOSIX: the client writes paths with "/"; otherwise with "\".
    /// - Returns: nil for other kinds.
    /// - Throws: reparseDataInvalid where the data is not what its tag says.
    public init?(_ buffer: [UInt8], isPOSIX: Bool) throws(NTStatus) {
        guard buffer.count >= 8 else { throw .reparseDataInvalid }
        let data = Array(buffer[8...])
        switch data.isEmpty ? 0 : Self.number(buffer, 0, 4) {
        case UInt64(Self.symbolicLinkTag):
            guard data.count >= 12 else { throw .reparseDataInvalid }
            let start = 12 + Int(Self.number(data, 0, 2))
            let end = start + Int(Self.number(data, 2, 2))
            guard end <= data.count, start < end else { throw .reparseDataInvalid }
            self = .symbolicLink(try Self.target(data[start..<end], isPOSIX))
        case UInt64(Self.nfsTag):
            guard data.count >= 8 else { throw .reparseDataInvalid }
            let type = Self.number(data, 0, 8)
            if type == Self.nfsLink {
                self = .symbolicLink(try Self.target(data[8...], true))
            } else if let known = Self.types.first(where: { $0.name == type }) {
                let hasNumbers = data.count >= 16
                self = .special(
                    mode: known.mode, major: hasNumbers ? UInt32(Self.number(data, 8, 4)) : 0,
                    minor: hasNumbers ? UInt32(Self.number(data, 12, 4)) : 0)
            } else {
                throw .reparseDataInvalid
            }
        default: return nil
        }
    }

    private static func target(_ utf16: ArraySlice<UInt8>, _ isPOSIX: Bool) throws(NTStatus) -> [UInt8] {
        guard utf16.count % 2 == 0 else { throw .reparseDataInvalid }
        let units = stride(from: utf16.startIndex, to: utf16.endIndex, by: 2).map {
            UInt16(utf16[$0]) | UInt16(utf16[$0 + 1]) << 8
        }
        var target = Array(String(decoding: units, as: UTF16.self).utf8)
        if !isPOSIX { target = target.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 } }
        guard !target.isEmpty, target.count < 4096, !target.contains(0) else { throw .reparseDataInvalid }
        return target
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    /// The whole buffer.
    public func encoded(isPOSIX: Bool) -> [UInt8] {
        func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
        switch self {
        case .symbolicLink(let target):
            let data = Self.linkData(target, isPOSIX: isPOSIX)
            return bytes(UInt64(Self.symbolicLinkTag), 4) + bytes(UInt64(data.count), 2) + bytes(0, 2) + data
        case .special(let mode, let major, let minor):
            let name = Self.types.first { $0.mode == mode }?.name ?? 0
            var data = bytes(name, 8)
            if mode == 0o020000 || mode == 0o060000 { data += bytes(UInt64(major), 4) + bytes(UInt64(minor), 4) }
            return bytes(UInt64(Self.nfsTag), 4) + bytes(UInt64(data.count), 2) + bytes(0, 2) + data
        }
    }

    /// A link that a client of NT's rules has set, as one with the POSIX extensions is to see it: with "/". What is no
    /// such link stays as it is.
    public static func posixSpelling(of buffer: [UInt8]) -> [UInt8] {
        guard case .symbolicLink(let target)? = try? ReparseBuffer(buffer, isPOSIX: false) else { return buffer }
        return ReparseBuffer.symbolicLink(target).encoded(isPOSIX: true)
    }

    /// What is behind tag and length, [MS-FSCC] 2.1.2.4: two names, here the same one, and whether it is relative.
    public static func linkData(_ target: [UInt8], isPOSIX: Bool) -> [UInt8] {
        let shown = isPOSIX ? target : target.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "\\") : $0 }
        let name = String(decoding: shown, as: UTF8.self).utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let length = UInt16(name.count)
        var data: [UInt8] = []
        for value in [0, length, 0, length] { data += [UInt8(value & 0xFF), UInt8(value >> 8)] }
        // SYMLINK_FLAG_RELATIVE.
        data += [target.first == UInt8(ascii: "/") ? 0 : 1, 0, 0, 0]
        return data + name
    }
}
