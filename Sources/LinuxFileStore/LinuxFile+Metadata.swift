import CLinux
import FileStore
import Glibc
import NTTypes

extension LinuxFile {
    func information() throws(NTStatus) -> FileInformation {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        var information = try readInformation(descriptor).information
        information.extendedAttributeSize = extendedAttributeSize(descriptor)
        return information
    }

    func readInformation(
        _ descriptor: CInt
    ) throws(NTStatus) -> (information: FileInformation, kept: DOSAttributes?, status: apus_statx) {
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        let kept = store.dosAttributes(descriptor, isPathOnly: handle.isPathOnly)
        var information = FileInformation(
            status, kept, announcedAllocation: store.announcedAllocations.byteCount(for: identity))
        if information.lacksTag { information.reparseTag = reparseTag(descriptor) }
        return (information, kept, status)
    }

    /// [MS-FSA] 2.1.5.15.2.
    func setBasicInformation(_ change: BasicInformationChange, as user: Credentials) throws(NTStatus) {
        try checkSettable(change.attributes)
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        let (_, kept, status) = try readInformation(descriptor)
        if change.lastAccessTime != nil || change.lastWriteTime != nil {
            let access = change.lastAccessTime?.unix ?? Linux.unchangedTime
            let write = change.lastWriteTime?.unix ?? Linux.unchangedTime
            try store.identity.insisting { Linux.setTimes(descriptor, access: access, write: write) }.orThrow()
        }
        guard change.attributes != nil || change.creationTime != nil || change.changeTime != nil else { return }
        var updated =
            kept
            ?? DOSAttributes(
                attributes: isDirectory ? [] : .archive, creationTime: FileTime(status.bestBirthTime))
        if let attributes = change.attributes {
            updated.attributes = attributes.intersection(DOSAttributes.settableAttributes)
                .union(updated.attributes.intersection([.sparseFile, .reparsePoint]))
        }
        if let creationTime = change.creationTime { updated.creationTime = creationTime }
        // Any change of metadata is a change: a time set before has had its day.
        updated.keptChangeTime = nil
        guard let changeTime = change.changeTime else {
            try store.keep(updated, on: descriptor)
            return
        }
        try keepChangeTime(changeTime, updated, descriptor)
    }

    private func checkSettable(_ attributes: FileAttributes?) throws(NTStatus) {
        guard let attributes else { return }
        // [MS-FSA] 2.1.5.15.2: a file does not become a folder; a folder is never temporary.
        if attributes.contains(.directory), !isDirectory { throw .invalidParameter }
        if attributes.contains(.temporary), isDirectory { throw .invalidParameter }
    }

    /// Writes DOSATTRIB with a change time that holds until the file changes again. Writing changes the file itself:
    /// until when the value holds is guessed a little into the future, and checked.
    private func keepChangeTime(
        _ changeTime: FileTime, _ attributes: DOSAttributes, _ descriptor: CInt
    ) throws(NTStatus) {
        var updated = attributes
        let millisecond: UInt64 = 10_000
        for leeway in [2 * millisecond, 20 * millisecond, 500 * millisecond] {
            var status = apus_statx()
            try Linux.status(descriptor, into: &status).orThrow()
            updated.keptChangeTime = DOSAttributes.KeptChangeTime(
                changeTime: changeTime, validUntil: FileTime(rawValue: FileTime.now.rawValue + leeway),
                lastWriteTime: FileTime(status.write_time))
            guard try store.keep(updated, on: descriptor) else { return }
            try Linux.status(descriptor, into: &status).orThrow()
            if updated.changeTime(for: status) != nil { return }
        }
    }

    /// [MS-FSA] 2.1.5.1.2.
    func overwrite(
        supersede: Bool, attributes: FileAttributes, extendedAttributes: [ExtendedAttribute], allocationSize: UInt64,
        as user: Credentials
    ) throws(NTStatus) -> FileInformation {
        try setEndOfFile(0)
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        try removeStreamsAndExtendedAttributes(descriptor)
        if try readInformation(descriptor).kept?.attributes.contains(.reparsePoint) == true {
            forgetReparsePoint(descriptor)
        }
        if !extendedAttributes.isEmpty { try setExtendedAttributes(extendedAttributes, as: user) }
        let (_, kept, status) = try readInformation(descriptor)
        var updated = DOSAttributes(
            attributes: attributes.intersection(DOSAttributes.settableAttributes).union(.archive),
            creationTime: kept?.creationTime ?? FileTime(status.bestBirthTime))
        if !supersede, let kept {
            updated.attributes.formUnion(kept.attributes.subtracting([.sparseFile, .reparsePoint]))
        }
        try store.keep(updated, on: descriptor)
        if allocationSize > 0 { try setAllocationSize(allocationSize) }
        return try readInformation(descriptor).information
    }
}

extension FileTime {
    /// The system's clock.
    static var now: FileTime {
        var time = timespec()
        // SAFETY: the system fills the structure.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return FileTime(unixSeconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }
}
