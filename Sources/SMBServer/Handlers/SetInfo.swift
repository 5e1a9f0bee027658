import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 SET_INFO Request, [MS-SMB2] 3.3.5.21.
enum SetInfoHandler {
    struct Change {
        /// InfoType: 1 file, 2 file system, 3 security, 4 quota.
        var type: UInt8
        var informationClass: UInt8
        var additionalInformation: UInt32
        var input: [UInt8]
    }

    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let open: Open
        let change: Change
        do {
            let request = try SetInfoRequest(from: &reader)
            try context.requireTransactSize(request.buffer.byteCount)
            open = try context.openToChange(request.fileID)
            change = Change(
                type: request.infoType, informationClass: request.informationClass,
                additionalInformation: request.additionalInformation, input: request.buffer.array)
        } catch let status as NTStatus { throw status } catch { throw .invalidParameter }
        try handle(change, on: open, in: &context)
        // 2.2.40: StructureSize and nothing else.
        context.reply.append(2 as UInt16)
    }

    static func handle(_ change: Change, on open: Open, in context: inout RequestContext) throws(NTStatus) {
        if let pipe = open.pipe { return try set(change, of: pipe, open) }
        switch change.type {
        case 1: try setFileInformation(change, on: open, in: &context)
        case 2: try setFileSystemInformation(change, on: open, in: &context)
        case 3: try setSecurity(change, on: open, in: &context)
        case 4: throw .notSupported
        default: throw .invalidParameter
        }
    }

    /// [MS-SMB2] 3.3.5.21.1.
    private static func setFileInformation(
        _ change: Change, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let informationClass = FileInformationClass(rawValue: change.informationClass)
        switch informationClass {
        // What concerns the handle alone changes nothing in the share.
        case .position: return try setPosition(change.input, on: open)
        case .mode: return try setMode(change.input, on: open)
        default: break
        }
        try context.requireWritable()
        switch informationClass {
        case .basic: try setBasic(change.input, on: open, in: &context)
        case .allocation: try setAllocation(change.input, on: open, in: &context)
        case .endOfFile: try setEndOfFile(change.input, on: open, in: &context)
        case .validDataLength: try setValidDataLength(change.input, on: open)
        case .rename, .renameExtended:
            try rename(change.input, isExtended: informationClass == .renameExtended, open, in: &context)
        case .link, .linkExtended:
            try link(change.input, isExtended: informationClass == .linkExtended, open, in: &context)
        case .disposition, .dispositionExtended:
            try setDisposition(
                change.input, isExtended: informationClass == .dispositionExtended, on: open, in: &context)
        case .fullExtendedAttributes: try setExtendedAttributes(change.input, on: open, in: &context)
        default: throw informationClass.setRefusal
        }
        if let filter = informationClass.changeFilter { context.server.reportChange(open, filter) }
    }

    /// [MS-SMB2] 3.3.5.21.2: no quotas, no object identifiers to change; a label is the administrator's.
    private static func setFileSystemInformation(
        _ change: Change, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        switch change.informationClass {
        case 6, 8:
            try context.requireWritable()
            try open.require(.writeData)
            throw .notSupported
        case 2, 9, 10: throw .notSupported
        default: throw .invalidInfoClass
        }
    }

    /// [MS-SMB2] 3.3.5.21.3 and [MS-FSA] 2.1.5.17.
    private static func setSecurity(
        _ change: Change, on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        let parts = SecurityParts(rawValue: change.additionalInformation)
        try context.requireWritable()
        try open.require(parts.accessToSet)
        let descriptor = try SecurityDescriptor(change.input[...])
        if open.file.isPOSIX, let ownership = POSIXOwnership(descriptor, parts) {
            try open.file.setMode(
                ownership.mode, userID: ownership.userID, groupID: ownership.groupID, as: open.credentials)
            return context.server.reportChange(open, .security)
        }
        // [MS-FSA] 2.1.5.17: a file cannot lose its owner or group.
        if parts.contains(.owner), descriptor.owner == nil { throw .invalidOwner }
        try open.file.setSecurityDescriptor(change.input, parts: change.additionalInformation, as: open.credentials)
        context.server.reportChange(open, .security)
    }
}

extension FileInformationClass {
    /// What watchers of the folder are told of when it was set; nil where that is told apart.
    fileprivate var changeFilter: ChangeFilter? {
        switch self {
        case .allocation, .endOfFile: [.size, .lastWrite]
        case .fullExtendedAttributes: .extendedAttributes
        default: nil
        }
    }
}
