import CLinux
import Glibc
import NTTypes

/// What `user.DOSATTRIB` keeps of a file, in Samba's format: an NDR structure, little-endian. Samba has written five
/// versions; all are read, the fifth is written: an empty string, version and level 5, flags that say which fields
/// hold, the attributes, the creation time.
///
/// Behind it, where Samba does not look, may stand a change time that a client has set: Linux cannot set its own. It
/// holds until the file changes again, which shows in the times that the file had then (`KeptChangeTime`).
struct DOSAttributes: Equatable {
    /// Without `.directory` and `.normal`.
    var attributes: FileAttributes
    /// nil: the file system's own.
    var creationTime: FileTime?
    var keptChangeTime: KeptChangeTime?

    struct KeptChangeTime: Equatable {
        var changeTime: FileTime
        /// The file system's change time, just after the attribute was written, is not later than this.
        var validUntil: FileTime
        /// The file's write time then; another one means that data was written since.
        var lastWriteTime: FileTime
    }

    static let attributeName = SystemPath(literal: "user.DOSATTRIB")
    /// A list of names with nothing else in it.
    static let attributeList = Array("user.DOSATTRIB".utf8) + [0]
    /// More than any version needs; what is longer is not ours.
    static var byteCountMax: Int { 512 }
    /// What is kept. The others follow from what the file is.
    static let keptAttributes: FileAttributes = [
        .readOnly, .hidden, .system, .archive, .temporary, .sparseFile, .reparsePoint, .offline, .notContentIndexed,
    ]
    /// What a client may set, [MS-FSCC] 2.6; sparse has an FSCTL of its own.
    static let settableAttributes: FileAttributes = keptAttributes.subtracting([
        .sparseFile, .reparsePoint,
    ])

    private static let hasAttributes: UInt32 = 0x1
    private static let hasCreationTime: UInt32 = 0x10
    private static let trailerMark: UInt32 = 0x5355_5041  // "APUS"

    init(attributes: FileAttributes, creationTime: FileTime?, keptChangeTime: KeptChangeTime? = nil) {
        self.attributes = attributes
        self.creationTime = creationTime
        self.keptChangeTime = keptChangeTime
    }

    /// nil for what is none of the five versions.
    init?(_ bytes: Span<UInt8>) {
        // The string is empty, or, of old, the attributes as "0x20".
        guard let terminator = (0..<min(bytes.count, 32)).first(where: { bytes[$0] == 0 }) else { return nil }
        var offset = (terminator + 2) & ~1
        guard let version: UInt16 = Self.read(bytes, &offset) else {
            // Only the string: the oldest form.
            self.init(text: bytes, count: terminator)
            return
        }
        guard let level: UInt16 = Self.read(bytes, &offset), level == version else { return nil }
        offset = (offset + 3) & ~3
        var flags = Self.hasAttributes | Self.hasCreationTime
        if version != 1, !Self.read(bytes, &offset, &flags) { return nil }
        guard let attributes: UInt32 = Self.read(bytes, &offset) else { return nil }
        // Between attributes and creation time: EA size, size and allocated size; in the fourth a 64-bit identifier.
        switch version {
        case 1, 2, 3: offset += 4 + 8 + 8
        case 4: offset += 8
        case 5: break
        default: return nil
        }
        guard let creation: UInt64 = Self.read(bytes, &offset) else { return nil }
        if version == 2 { flags = Self.hasAttributes | Self.hasCreationTime }
        let holds = flags & Self.hasCreationTime != 0 && creation != 0 && creation <= UInt64(Int64.max)
        self.init(
            attributes: flags & Self.hasAttributes == 0
                ? [] : FileAttributes(rawValue: attributes).intersection(Self.keptAttributes),
            creationTime: holds ? FileTime(rawValue: creation) : nil,
            keptChangeTime: version == 5 ? Self.readTrailer(bytes, offset) : nil)
    }

    private init?(text bytes: Span<UInt8>, count: Int) {
        guard count > 2, count <= 10, bytes[0] == UInt8(ascii: "0"), bytes[1] == UInt8(ascii: "x") else { return nil }
        var value: UInt32 = 0
        for index in 2..<count {
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        self.init(attributes: FileAttributes(rawValue: value).intersection(Self.keptAttributes), creationTime: nil)
    }

    private static func readTrailer(_ bytes: Span<UInt8>, _ start: Int) -> KeptChangeTime? {
        var offset = start
        guard let mark: UInt32 = read(bytes, &offset), mark == trailerMark, let _: UInt32 = read(bytes, &offset),
            let change: UInt64 = read(bytes, &offset), let until: UInt64 = read(bytes, &offset),
            let write: UInt64 = read(bytes, &offset), change <= UInt64(Int64.max)
        else { return nil }
        return KeptChangeTime(
            changeTime: FileTime(rawValue: change), validUntil: FileTime(rawValue: until),
            lastWriteTime: FileTime(rawValue: write))
    }

    private static func read<Value: FixedWidthInteger>(_ bytes: Span<UInt8>, _ offset: inout Int) -> Value? {
        let end = offset + Value.bitWidth / 8
        guard end <= bytes.count else { return nil }
        var value: Value = 0
        for index in (offset..<end).reversed() { value = value << 8 | Value(truncatingIfNeeded: bytes[index]) }
        offset = end
        return value
    }

    private static func read(_ bytes: Span<UInt8>, _ offset: inout Int, _ value: inout UInt32) -> Bool {
        guard let read: UInt32 = read(bytes, &offset) else { return false }
        value = read
        return true
    }

    /// The attribute's value, version 5.
    var encoded: [UInt8] {
        var bytes: [UInt8] = [0, 0, 5, 0, 5, 0, 0, 0]
        bytes.reserveCapacity(64)
        func append(_ value: some FixedWidthInteger) {
            for shift in stride(from: 0, to: value.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        append(Self.hasAttributes | (creationTime == nil ? 0 : Self.hasCreationTime))
        append(attributes.rawValue)
        append(creationTime?.rawValue ?? 0)
        if let kept = keptChangeTime {
            append(Self.trailerMark)
            append(UInt32(0))
            append(kept.changeTime.rawValue)
            append(kept.validUntil.rawValue)
            append(kept.lastWriteTime.rawValue)
        }
        return bytes
    }

    /// The change time that a client has set, as long as nothing has changed since.
    func changeTime(for status: apus_statx) -> FileTime? {
        guard let kept = keptChangeTime, FileTime(status.change_time) <= kept.validUntil,
            FileTime(status.write_time) == kept.lastWriteTime
        else { return nil }
        return kept.changeTime
    }
}
