import FileStore
import NTTypes
import Platform
import SMBWire

/// The POSIX extensions of 3.1.1: what goes over the wire. There is no document of Microsoft's; the structures are
/// those that Samba and the Linux client have agreed on.
enum POSIXWire {
    /// 93AD25509CB411E7B42383DE968BCD7C, as negotiate context.
    static let version = GUID(low: 0xE711_B49C_5025_AD93, high: 0x7CCD_8B96_DE83_23B4)
    /// The one information class of the extensions for files, folders' entries and file systems.
    static let informationClass: UInt8 = 100

    /// Permission bits, and in bits 12 to 14 the type: 2 symbolic link, 3 and 4 devices, 5 fifo, 6 socket. Files and
    /// folders, which the attributes tell apart, have 0: clients before Linux 6.13 take the bits of a folder's type for
    /// part of a mode of their own.
    static func mode(_ information: FileInformation) -> UInt32 {
        let type: UInt32 =
            switch information.mode & 0o170000 {
            case 0o120000: 2
            case 0o020000: 3
            case 0o060000: 4
            case 0o010000: 5
            case 0o140000: 6
            default: 0
            }
        return information.mode & 0o7777 | type << 12
    }

    /// S-1-22-1-uid and S-1-22-2-gid: Samba's "Unix users" and "Unix groups".
    static func append(_ information: FileInformation, to reply: PDUBuffer) {
        reply.append(SecurityIdentifier(22, 1, information.userID).bytes)
        reply.append(SecurityIdentifier(22, 2, information.groupID).bytes)
    }

    /// How many links, which tag, what mode, and whose: what the create response carries, and the end of the others.
    static func appendCommon(_ information: FileInformation, to reply: PDUBuffer) {
        reply.append(information.linkCount)
        reply.append(information.reparseTag)
        reply.append(mode(information))
        append(information, to: reply)
    }

    static func append(_ information: FileInformation, attributes: FileAttributes, to reply: PDUBuffer) {
        reply.append(information.creationTime)
        reply.append(information.lastAccessTime)
        reply.append(information.lastWriteTime)
        reply.append(information.changeTime)
        reply.append(information.endOfFile)
        reply.append(information.allocationSize)
        reply.append(attributes.rawValue)
        reply.append(information.identity.index)
        reply.append(UInt32(truncatingIfNeeded: information.identity.device))
        reply.append(0 as UInt32)
        appendCommon(information, to: reply)
    }

    /// The create context of the response.
    static func answer(_ information: FileInformation) -> CreateContext {
        var data: [UInt8] = []
        data.appendLittleEndian(information.linkCount)
        data.appendLittleEndian(information.reparseTag)
        data.appendLittleEndian(mode(information))
        data += SecurityIdentifier(22, 1, information.userID).bytes
        data += SecurityIdentifier(22, 2, information.groupID).bytes
        return CreateContext(name: .posix, data: data)
    }

    /// FS_POSIX_INFORMATION: 56 bytes.
    static func append(_ volume: VolumeInformation, to reply: PDUBuffer) {
        let unit = UInt64(max(512, volume.blockByteCount))
        reply.append(UInt32(1 << 20))
        reply.append(UInt32(unit))
        reply.append(volume.totalByteCount / unit)
        reply.append(volume.freeByteCount / unit)
        reply.append(volume.availableByteCount / unit)
        reply.append(volume.totalFileCount)
        reply.append(volume.freeFileCount)
        reply.append(UInt64(volume.serialNumber))
    }
}

/// What a security descriptor says in the language of Linux clients: a mode, and owners by number, instead of a list.
struct POSIXOwnership {
    var mode: UInt32?
    var userID: UInt32?
    var groupID: UInt32?

    /// nil if the descriptor is an ordinary one.
    init?(_ descriptor: SecurityDescriptor, _ parts: SecurityParts) {
        if parts.contains(.dacl) {
            // S-1-5-88-3-mode: what NFS servers of Windows keep a mode in.
            mode =
                descriptor.discretionaryList?.firstResult { entry in
                    entry.identifier.flatMap { Self.number($0, 5, [88, 3]) }
                }
        }
        if parts.contains(.owner), let owner = descriptor.owner {
            userID = Self.number(owner, 22, [1]) ?? Self.number(owner, 5, [88, 1])
        }
        if parts.contains(.group), let group = descriptor.group {
            groupID = Self.number(group, 22, [2]) ?? Self.number(group, 5, [88, 2])
        }
        if mode == nil, userID == nil, groupID == nil { return nil }
    }

    private static func number(_ sid: SecurityIdentifier, _ authority: UInt64, _ prefix: [UInt32]) -> UInt32? {
        guard sid.authority == authority, sid.subauthorities.count == prefix.count + 1,
            sid.subauthorities.starts(with: prefix)
        else { return nil }
        return sid.relativeIdentifier
    }
}

extension CreateHandler {
    static func isPOSIX(_ input: Input, _ tree: TreeConnect) -> Bool {
        tree.share.allowsPOSIX && input.contexts.isPOSIX
    }

    /// What a POSIX open says of the file that it makes. A descriptor that names owners by number (`idsfromsid` of
    /// Linux) is no list to keep; its mode is that of the context, or says nothing.
    static func describe(_ parameters: inout OpenParameters, by contexts: CreateContexts) {
        parameters.mode = contexts.posixMode
        guard let bytes = contexts.securityDescriptor, let descriptor = try? SecurityDescriptor(bytes[...]),
            let ownership = POSIXOwnership(descriptor, descriptor.parts)
        else { return }
        parameters.securityDescriptor = nil
        parameters.userID = ownership.userID
        parameters.groupID = ownership.groupID
    }

    /// The path in the client's writing.
    static func path(of input: Input, isPOSIX: Bool) throws(NTStatus) -> NTPath {
        isPOSIX ? try NTPath(posixName: input.name) : try NTPath(clientName: input.name)
    }

    /// STATUS_STOPPED_ON_SYMLINK with where the link leads, and how much of the name is behind it: [MS-SMB2] 2.2.2.2.1.
    static func tellLink(
        on path: NTPath, named name: NTName, _ store: any FileStore, isPOSIX: Bool, in context: inout RequestContext
    ) throws(NTStatus) {
        let met = try store.symbolicLink(on: path, as: context.treeConnect.credentials)
        // All of the name that is behind the link's own component, a stream included.
        let parsed = path.components[...met.componentIndex].reduce(met.componentIndex) { count, name in
            count + name.description.utf16.count
        }
        let unparsed = 2 * max(0, name.description.utf16.count - parsed)
        let link =
            switch met.link {
            case .target(let target): ReparseBuffer.linkData(target, isPOSIX: isPOSIX)
            case .buffer(let buffer):
                Array((isPOSIX ? ReparseBuffer.posixSpelling(of: buffer) : buffer).dropFirst(8))
            }
        var data: [UInt8] = []
        // SymLinkLength counts what is behind it.
        data.appendLittleEndian(UInt32(12 + link.count))
        data.appendLittleEndian(0x4C4D_5953 as UInt32)
        data.appendLittleEndian(ReparseBuffer.symbolicLinkTag)
        data.appendLittleEndian(UInt16(link.count))
        data.appendLittleEndian(UInt16(clamping: unparsed))
        data += link
        context.errorResponse = context.dialect == .smb311 ? ErrorResponse(context: data) : ErrorResponse(data: data)
    }
}
