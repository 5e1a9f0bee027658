import FileStore
import NTTypes
import Platform
import SMBWire

extension QueryInfoHandler {
    /// [MS-SMB2] 3.3.5.20.2; the classes are those of [MS-FSCC] 2.5.
    static func encodeFileSystemInformation(
        _ query: InformationQuery, of open: Open, into output: OutputBuffer, in context: inout RequestContext
    ) throws(NTStatus) {
        let volume = try open.file.volumeInformation(as: open.credentials)
        let reply = output.reply
        switch query.informationClass {
        case 1:
            try output.requireRoom(for: 24)
            encodeVolume(volume, label: NTName(open.treeConnect.share.name), into: reply)
        case 3:
            try output.requireRoom(for: 24)
            volume.encodeSize(into: reply)
        case 4:
            try output.requireRoom(for: 8)
            // FILE_DEVICE_DISK; FILE_DEVICE_IS_MOUNTED, FILE_READ_ONLY_DEVICE.
            reply.append(7 as UInt32)
            reply.append(volume.isReadOnly ? 0x22 : 0x20 as UInt32)
        case 5:
            try output.requireRoom(for: 16)
            guard let store = open.treeConnect.store else { throw .invalidDeviceRequest }
            reply.append(attributes(store.capabilities, volume))
            reply.append(volume.nameByteCountMax)
            // What Windows programs look at before they use streams and descriptors.
            reply.appendCounted(NTName("NTFS"))
        case 6:
            try output.requireRoom(for: 48)
            encodeControl(into: reply)
        case 7:
            try output.requireRoom(for: 32)
            volume.encodeFullSize(into: reply)
        case 8:
            try output.requireRoom(for: 64)
            encodeObjectID(
                volume, of: open.treeConnect.share, serverGUID: context.server.settings.serverGUID, into: reply)
        case 11:
            try output.requireRoom(for: 28)
            encodeSectorSize(volume, open.treeConnect.store?.capabilities ?? [], into: reply)
        case POSIXWire.informationClass where open.file.isPOSIX:
            try output.requireRoom(for: 56)
            POSIXWire.append(volume, to: reply)
        // FileFsLabelInformation is for setting, FileFsDriverPathInformation and FileFsVolumeFlagsInformation local.
        case 2, 9, 10: throw .notSupported
        default: throw .invalidInfoClass
        }
    }

    /// FileFsVolumeInformation, [MS-FSCC] 2.5.9.
    private static func encodeVolume(_ volume: VolumeInformation, label: NTName, into reply: PDUBuffer) {
        reply.append(volume.creationTime)
        reply.append(volume.serialNumber)
        let at = reply.count
        reply.append(0 as UInt32)
        // SupportsObjects no, Reserved.
        reply.append(0 as UInt16)
        reply.append(utf16: label)
        reply.patch(UInt32(reply.count - at - 6), at: at)
    }

    /// FileFsControlInformation, [MS-FSCC] 2.5.2: no content index, no quotas, so no thresholds and limits.
    private static func encodeControl(into reply: PDUBuffer) {
        reply.appendZeros(24)
        reply.append(UInt64.max)
        reply.append(UInt64.max)
        reply.append(0 as UInt64)
    }

    /// FileFsObjectIdInformation, [MS-FSCC] 2.5.6: stable for a share of this server, made only of what every client
    /// sees anyway. ExtendedInfo stays empty.
    private static func encodeObjectID(
        _ volume: VolumeInformation, of share: Share, serverGUID: GUID, into reply: PDUBuffer
    ) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in share.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        reply.append(serverGUID.low ^ UInt64(volume.serialNumber))
        reply.append(serverGUID.high ^ hash)
        reply.appendZeros(48)
    }

    /// FileFsSectorSizeInformation, [MS-FSCC] 2.5.8.
    private static func encodeSectorSize(
        _ volume: VolumeInformation, _ capabilities: FileStoreCapabilities, into reply: PDUBuffer
    ) {
        let physical = min(4096, max(512, volume.blockByteCount))
        reply.append(512 as UInt32)
        for _ in 0..<3 { reply.append(physical) }
        // SSINFO_FLAGS_ALIGNED_DEVICE, SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE, SSINFO_FLAGS_TRIM_ENABLED.
        reply.append(capabilities.contains(.trim) ? 11 : 3 as UInt32)
        reply.append(0 as UInt64)
    }

    /// FileSystemAttributes, [MS-FSCC] 2.5.1.
    private static func attributes(_ capabilities: FileStoreCapabilities, _ volume: VolumeInformation) -> UInt32 {
        // FILE_CASE_SENSITIVE_SEARCH (for those who open so), FILE_CASE_PRESERVED_NAMES, FILE_UNICODE_ON_DISK,
        // FILE_SUPPORTS_OPEN_BY_FILE_ID is not offered.
        var attributes: UInt32 = 0x1 | 0x2 | 0x4
        if capabilities.contains(.securityDescriptors) { attributes |= 0x8 }
        if capabilities.contains(.compression) { attributes |= 0x10 }
        if capabilities.contains(.sparseFiles) { attributes |= 0x40 }
        if capabilities.contains(.reparsePoints) { attributes |= 0x80 }
        if capabilities.contains(.namedStreams) { attributes |= 0x4_0000 }
        if volume.isReadOnly { attributes |= 0x8_0000 }
        if capabilities.contains(.extendedAttributes) { attributes |= 0x80_0000 }
        if capabilities.contains(.blockCloning) { attributes |= 0x800_0000 }
        return attributes
    }
}

extension VolumeInformation {
    private var unitByteCount: UInt64 { UInt64(max(512, blockByteCount)) }

    private func encodeUnits(into reply: PDUBuffer) {
        // SectorsPerAllocationUnit, BytesPerSector.
        reply.append(UInt32(unitByteCount / 512))
        reply.append(512 as UInt32)
    }

    /// FileFsSizeInformation, [MS-FSCC] 2.5.7.
    func encodeSize(into reply: PDUBuffer) {
        reply.append(totalByteCount / unitByteCount)
        reply.append(availableByteCount / unitByteCount)
        encodeUnits(into: reply)
    }

    /// FileFsFullSizeInformation, [MS-FSCC] 2.5.4.
    func encodeFullSize(into reply: PDUBuffer) {
        reply.append(totalByteCount / unitByteCount)
        reply.append(availableByteCount / unitByteCount)
        reply.append(freeByteCount / unitByteCount)
        encodeUnits(into: reply)
    }
}
