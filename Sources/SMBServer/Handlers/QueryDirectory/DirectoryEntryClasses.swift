import FileStore
import NTTypes
import Platform
import SMBWire

/// The information classes that QUERY_DIRECTORY knows, [MS-SMB2] 2.2.33.
enum DirectoryEntryClass: UInt8 {
    case directory = 1
    case fullDirectory = 2
    case bothDirectory = 3
    case names = 12
    case idBothDirectory = 37
    case idFullDirectory = 38
    case idExtdDirectory = 60
    case idExtdBothDirectory = 63
    /// With the POSIX extensions only.
    case posix = 100

    /// Bytes before the name.
    var fixedByteCount: Int {
        switch self {
        case .directory: 64
        case .fullDirectory: 68
        case .bothDirectory: 94
        case .names: 12
        case .idBothDirectory: 104
        case .idFullDirectory: 80
        case .idExtdDirectory: 88
        case .idExtdBothDirectory: 114
        case .posix: 92
        }
    }
}

extension DirectoryEntry {
    /// One entry, its NextEntryOffset left at 0; aligning it is the caller's.
    func encode(as entryClass: DirectoryEntryClass, _ share: Share, into reply: PDUBuffer) {
        // NextEntryOffset; FileIndex, which means nothing to a file system without fixed positions.
        reply.append(0 as UInt64)
        if entryClass == .posix {
            POSIXWire.append(information, attributes: shownAttributes(share), to: reply)
        } else if entryClass != .names {
            encodeTimesAndSizes(share, into: reply)
        }
        let lengthAt = reply.count
        reply.append(0 as UInt32)
        switch entryClass {
        case .directory, .names, .posix: break
        case .fullDirectory: reply.append(sizeOrTag)
        case .bothDirectory:
            reply.append(sizeOrTag)
            encodeShortName(share, into: reply)
        case .idBothDirectory:
            reply.append(sizeOrTag)
            encodeShortName(share, into: reply)
            reply.append(0 as UInt16)
            reply.append(information.identity.index)
        case .idFullDirectory:
            reply.append(sizeOrTag)
            reply.append(0 as UInt32)
            reply.append(information.identity.index)
        case .idExtdDirectory: encodeExtended(into: reply)
        case .idExtdBothDirectory:
            encodeExtended(into: reply)
            encodeShortName(share, into: reply)
        }
        let nameAt = reply.count
        reply.append(utf16: name)
        reply.patch(UInt32(reply.count - nameAt), at: lengthAt)
    }

    private func encodeTimesAndSizes(_ share: Share, into reply: PDUBuffer) {
        reply.append(information.creationTime)
        reply.append(information.lastAccessTime)
        reply.append(information.lastWriteTime)
        reply.append(information.changeTime)
        reply.append(information.endOfFile)
        reply.append(information.allocationSize)
        reply.append(shownAttributes(share).rawValue)
    }

    /// "." and ".." begin with a period too, but are no hidden files.
    private func shownAttributes(_ share: Share) -> FileAttributes {
        name.isDotOrDotDot ? information.attributes : share.shownAttributes(information.attributes, of: name)
    }

    /// EaSize, [MS-FSCC] 2.4.8: of a reparse point its tag.
    private var sizeOrTag: UInt32 {
        information.attributes.contains(.reparsePoint) ? information.reparseTag : information.extendedAttributeSize
    }

    /// EaSize, ReparsePointTag, FileId of 128 bits: [MS-FSCC] 2.4.22 and its like.
    private func encodeExtended(into reply: PDUBuffer) {
        reply.append(information.extendedAttributeSize)
        reply.append(information.reparseTag)
        reply.append(information.identity.index)
        reply.append(0 as UInt64)
    }

    /// ShortNameLength, Reserved, ShortName of 12 characters: [MS-FSCC] 2.4.8.
    private func encodeShortName(_ share: Share, into reply: PDUBuffer) {
        guard share.shortNames == .listed, !name.isDotOrDotDot, let short = ShortName.make(for: name) else {
            return reply.appendZeros(26)
        }
        let at = reply.count
        reply.append(0 as UInt16)
        reply.append(utf16: short)
        let byteCount = reply.count - at - 2
        reply.patch(UInt8(byteCount), at: at)
        reply.appendZeros(24 - byteCount)
    }
}

extension NTName {
    var isDotOrDotDot: Bool {
        utf8.count <= 2 && !utf8.isEmpty && utf8.allSatisfy { $0 == UInt8(ascii: ".") }
    }
}
