import FileStore
import NTTypes
import Platform
import SMBWire

/// The information classes for files, [MS-FSCC] 2.4.
struct FileInformationClass: RawRepresentable, Equatable {
    let rawValue: UInt8
    static var basic: Self { .init(rawValue: 4) }
    static var standard: Self { .init(rawValue: 5) }
    static var `internal`: Self { .init(rawValue: 6) }
    static var extendedAttributeSize: Self { .init(rawValue: 7) }
    static var access: Self { .init(rawValue: 8) }
    static var rename: Self { .init(rawValue: 10) }
    static var link: Self { .init(rawValue: 11) }
    static var disposition: Self { .init(rawValue: 13) }
    static var position: Self { .init(rawValue: 14) }
    static var fullExtendedAttributes: Self { .init(rawValue: 15) }
    static var mode: Self { .init(rawValue: 16) }
    static var alignment: Self { .init(rawValue: 17) }
    static var all: Self { .init(rawValue: 18) }
    static var allocation: Self { .init(rawValue: 19) }
    static var endOfFile: Self { .init(rawValue: 20) }
    static var alternateName: Self { .init(rawValue: 21) }
    static var stream: Self { .init(rawValue: 22) }
    static var compression: Self { .init(rawValue: 28) }
    static var networkOpen: Self { .init(rawValue: 34) }
    static var attributeTag: Self { .init(rawValue: 35) }
    static var validDataLength: Self { .init(rawValue: 39) }
    static var normalizedName: Self { .init(rawValue: 48) }
    static var id: Self { .init(rawValue: 59) }
    static var dispositionExtended: Self { .init(rawValue: 64) }
    static var renameExtended: Self { .init(rawValue: 65) }
    static var linkExtended: Self { .init(rawValue: 72) }
    static var posix: Self { .init(rawValue: POSIXWire.informationClass) }

    /// [MS-SMB2] 3.3.5.20.1: those of [MS-FSCC] 2.4 that cannot be queried over SMB2 are STATUS_NOT_SUPPORTED,
    /// numbers that mean nothing there STATUS_INVALID_INFO_CLASS.
    var queryRefusal: NTStatus {
        switch rawValue {
        case 1...3, 9...13, 19, 20, 23...27, 29...33, 36...40, 44...47, 50, 54, 60, 63...65, 71, 75...81: .notSupported
        default: .invalidInfoClass
        }
    }
    /// [MS-SMB2] 3.3.5.21.1 likewise: those that can be set, but not over SMB2, and the rest.
    var setRefusal: NTStatus {
        switch rawValue {
        case 23, 25, 27, 29, 31, 32, 33, 36, 40, 44, 61: .notSupported
        default: .invalidInfoClass
        }
    }
}

extension QueryInfoHandler {
    /// [MS-SMB2] 3.3.5.20.1 and [MS-FSA] 2.1.5.12.
    static func encodeFileInformation(
        _ query: InformationQuery, of open: Open, into output: OutputBuffer, in context: inout RequestContext
    ) throws(NTStatus) {
        let reply = output.reply
        let informationClass = FileInformationClass(rawValue: query.informationClass)
        switch informationClass {
        case .basic, .standard, .internal, .extendedAttributeSize, .all, .networkOpen, .attributeTag, .compression:
            try encodeMetadata(informationClass, of: open, into: output)
        case .access:
            try output.requireRoom(for: 4)
            reply.append(open.grantedAccess.rawValue)
        case .position:
            try output.requireRoom(for: 8)
            reply.append(open.currentByteOffset.load(ordering: .relaxed))
        case .mode:
            try output.requireRoom(for: 4)
            reply.append(open.state.withLock { $0.mode })
        case .alignment:
            // FILE_BYTE_ALIGNMENT: any buffer will do, [MS-FSCC] 2.4.3.
            try output.requireRoom(for: 4)
            reply.append(0 as UInt32)
        case .alternateName:
            try output.requireRoom(for: 8)
            guard open.treeConnect.share.shortNames != .none, let name = open.file.path.components.last,
                let short = ShortName.orItself(name)
            else {
                throw .objectNameNotFound
            }
            reply.appendCounted(short)
        case .normalizedName:
            // 3.3.5.20.1: 3.1.1 brought it.
            guard context.dialect == .smb311 else { throw .notSupported }
            try output.requireRoom(for: 8)
            reply.appendCounted(open.file.path.normalizedName)
        case .id:
            try output.requireRoom(for: 24)
            let volume = try open.file.volumeInformation(as: open.credentials)
            reply.append(UInt64(volume.serialNumber))
            reply.append(open.file.identity.index)
            reply.append(0 as UInt64)
        case .posix where open.file.isPOSIX:
            try output.requireRoom(for: 80)
            let information = try open.file.information()
            POSIXWire.append(information, attributes: open.shownAttributes(information), to: reply)
        case .stream: try encodeStreams(of: open, into: output)
        case .fullExtendedAttributes: try encodeExtendedAttributes(query, of: open, into: output, in: &context)
        default: throw informationClass.queryRefusal
        }
    }

    /// The classes that one look at the file answers.
    private static func encodeMetadata(
        _ informationClass: FileInformationClass, of open: Open, into output: OutputBuffer
    ) throws(NTStatus) {
        switch informationClass {
        case .basic, .all, .networkOpen, .attributeTag: try open.require(.readAttributes)
        default: break
        }
        try output.requireRoom(for: fixedByteCount(informationClass))
        var information = try open.file.information()
        information.attributes = open.shownAttributes(information)
        let reply = output.reply
        switch informationClass {
        case .basic: information.encodeBasic(into: reply)
        case .standard: information.encodeStandard(open, into: reply)
        case .internal: reply.append(information.identity.index)
        case .extendedAttributeSize: reply.append(information.extendedAttributeSize)
        case .networkOpen:
            information.networkOpen.encode(into: reply)
            reply.append(0 as UInt32)
        case .attributeTag:
            reply.append(information.attributes.rawValue)
            reply.append(information.reparseTag)
        case .compression:
            // CompressedFileSize, COMPRESSION_FORMAT_NONE and no shifts, [MS-FSCC] 2.4.9.
            reply.append(information.endOfFile)
            reply.append(0 as UInt64)
        default: encodeAll(information, of: open, into: reply)
        }
    }

    private static func fixedByteCount(_ informationClass: FileInformationClass) -> Int {
        switch informationClass {
        case .basic: 40
        case .standard: 24
        case .internal, .attributeTag: 8
        case .extendedAttributeSize: 4
        case .networkOpen: 56
        case .compression: 16
        // The structure with the first character of its name, rounded up to 8.
        default: 104
        }
    }

    /// FileAllInformation, [MS-FSCC] 2.4.2.
    private static func encodeAll(_ information: FileInformation, of open: Open, into reply: PDUBuffer) {
        let position = open.currentByteOffset.load(ordering: .relaxed)
        let mode = open.state.withLock { $0.mode }
        information.encodeBasic(into: reply)
        information.encodeStandard(open, into: reply)
        reply.append(information.identity.index)
        reply.append(information.extendedAttributeSize)
        reply.append(open.grantedAccess.rawValue)
        reply.append(position)
        reply.append(mode)
        reply.append(0 as UInt32)
        reply.appendCounted(NTName("\\"), open.file.path.normalizedName)
    }

    /// FileStreamInformation, [MS-FSCC] 2.4.49: as many whole entries as fit, but the first in any case.
    private static func encodeStreams(of open: Open, into output: OutputBuffer) throws(NTStatus) {
        try output.requireRoom(for: 32)
        let reply = output.reply
        var last: Int?
        for stream in try open.file.streams() {
            reply.align(to: 8, from: output.start)
            let at = reply.count
            reply.append(0 as UInt32)
            reply.append(0 as UInt32)
            reply.append(stream.endOfFile)
            reply.append(stream.allocationSize)
            reply.append(utf16: NTName(":"))
            reply.append(utf16: stream.name)
            reply.append(utf16: NTName(":$DATA"))
            reply.patch(UInt32(reply.count - at - 24), at: at + 4)
            if let last { reply.patch(UInt32(at - last), at: last) }
            last = at
        }
    }
}

extension FileInformation {
    /// FileBasicInformation, [MS-FSCC] 2.4.7.
    func encodeBasic(into reply: PDUBuffer) {
        reply.append(creationTime)
        reply.append(lastAccessTime)
        reply.append(lastWriteTime)
        reply.append(changeTime)
        reply.append(attributes.rawValue)
        reply.append(0 as UInt32)
    }

    /// FileStandardInformation, [MS-FSCC] 2.4.47. [MS-FSA] 2.1.5.12.27: a link about to go no longer counts.
    func encodeStandard(_ open: Open, into reply: PDUBuffer) {
        let isShown = open.node.isDeletionShown(to: open)
        reply.append(allocationSize)
        reply.append(endOfFile)
        // A name that is to go counts no more; one that is gone the file system does not count.
        let isGone = open.hasLostName.load(ordering: .relaxed)
        reply.append(isShown ? isGone ? linkCount : linkCount - min(1, linkCount) : max(1, linkCount))
        reply.append(isShown ? 1 : 0 as UInt8)
        reply.append(isDirectory ? 1 : 0 as UInt8)
        reply.append(0 as UInt16)
    }

    /// FileNetworkOpenInformation, [MS-FSCC] 2.4.34.
    var networkOpen: NetworkOpenInformation {
        var found = NetworkOpenInformation()
        found.creationTime = creationTime
        found.lastAccessTime = lastAccessTime
        found.lastWriteTime = lastWriteTime
        found.changeTime = changeTime
        found.allocationSize = allocationSize
        found.endOfFile = endOfFile
        found.fileAttributes = attributes
        return found
    }
}

extension NTPath {
    /// Components joined by "\", and the stream: FileNormalizedNameInformation, [MS-FSCC] 2.4.36.
    var normalizedName: NTName {
        var name = Array(components.map(\.utf8).joined(separator: [UInt8(ascii: "\\")]))
        if let stream {
            name.append(UInt8(ascii: ":"))
            name.append(contentsOf: stream.utf8)
        }
        return NTName(utf8: name)
    }
}

extension Open {
    /// The attributes that this share shows: `hide dot files` adds one.
    func shownAttributes(_ information: FileInformation) -> FileAttributes {
        guard let name = file.path.components.last else { return information.attributes }
        return treeConnect.share.shownAttributes(information.attributes, of: name)
    }
}

extension Share {
    func shownAttributes(_ attributes: FileAttributes, of name: NTName) -> FileAttributes {
        guard marksHidden(name) else { return attributes }
        return attributes.union(.hidden).subtracting(.normal)
    }
}
