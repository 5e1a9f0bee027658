import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// An open named stream: the value of one attribute of its file, in Samba's format (vfs_streams_xattr): the data and
/// one byte, 0, behind them. So a stream holds no more than a file system lets an attribute hold (4 KiB on ext4, 64 KiB
/// on XFS).
final class LinuxStream: StoreFile {
    private let file: LinuxFile
    private let name: Mutex<NTName>

    init(file: LinuxFile, name: NTName) {
        self.file = file
        self.name = Mutex(name)
    }

    private static func attributeName(_ stream: NTName) throws(NTStatus) -> SystemPath {
        let bytes = AttributeName.streamPrefix + stream.utf8 + AttributeName.streamSuffix
        guard bytes.count <= SystemPath.nameByteCountMax else { throw .objectNameInvalid }
        return try SystemPath(attribute: bytes)
    }

    var identity: FileIdentity { file.identity }
    /// A folder's named stream is data like any other.
    var isDirectory: Bool { false }
    var path: NTPath { NTPath(components: file.path.components, stream: name.withLock { $0 }) }

    func follow(_ path: NTPath) {
        file.follow(NTPath(components: path.components))
        if let stream = path.stream { name.withLock { $0 = stream } }
    }

    func close() { file.close() }

    // MARK: data

    /// The stream's bytes.
    private func load(_ descriptor: CInt) throws(NTStatus) -> [UInt8] {
        let name = try Self.attributeName(name.withLock { $0 })
        guard var value = try file.attributeValue(descriptor, name) else { throw .fileDeleted }
        if !value.isEmpty { value.removeLast() }
        return value
    }

    private func store(_ bytes: [UInt8], _ descriptor: CInt) throws(NTStatus) {
        guard bytes.count < AttributeName.valueByteCountMax else { throw .diskFull }
        let name = try Self.attributeName(name.withLock { $0 })
        let result = file.store.identity.insisting { Linux.setAttribute(descriptor, name, bytes + [0]) }
        try LinuxFile.checkRoom(result, otherwise: .diskFull)
    }

    /// Reads, changes and writes the stream as one step: all writers of this server's streams take turns.
    private func change(_ body: (inout [UInt8]) throws(NTStatus) -> Void) throws(NTStatus) {
        try file.store.identity.act(as: file.user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        try file.store.streamLock.withLock { _ throws(NTStatus) in
            var bytes = try load(descriptor)
            try body(&bytes)
            try store(bytes, descriptor)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NTStatus) -> Int {
        try file.store.identity.act(as: file.user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        let bytes = try load(descriptor)
        guard offset < UInt64(bytes.count) else { return 0 }
        let start = Int(offset)
        let count = min(buffer.count, bytes.count - start)
        // SAFETY: `count` is at most the size of the buffer.
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyBytes(from: bytes[start..<start + count])
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(NTStatus) {
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, end <= UInt64(Int64.max) else { throw .invalidParameter }
        guard end < UInt64(AttributeName.valueByteCountMax) else { throw .diskFull }
        // SAFETY: the caller's buffer is valid through this call.
        let new = unsafe Array(bytes)
        guard !new.isEmpty else { return }
        try change { value throws(NTStatus) in
            if value.count < Int(end) { value += [UInt8](repeating: 0, count: Int(end) - value.count) }
            value.replaceSubrange(Int(offset)..<Int(end), with: new)
        }
    }

    func setEndOfFile(_ size: UInt64) throws(NTStatus) {
        guard size <= UInt64(Int64.max) else { throw .invalidParameter }
        guard size < UInt64(AttributeName.valueByteCountMax) else { throw .diskFull }
        try change { value throws(NTStatus) in
            if value.count > Int(size) {
                value.removeLast(value.count - Int(size))
            } else {
                value += [UInt8](repeating: 0, count: Int(size) - value.count)
            }
        }
    }

    func setAllocationSize(_ size: UInt64) throws(NTStatus) {
        if size < (try information().endOfFile) { try setEndOfFile(size) }
    }

    func flush() throws(NTStatus) { try file.flush() }

    // MARK: metadata: the file's, but for the sizes

    private func withSize(_ information: FileInformation, _ byteCount: Int) -> FileInformation {
        var information = information
        information.endOfFile = UInt64(byteCount)
        information.allocationSize = information.endOfFile.roundedUp(toMultipleOf: FileInformation.allocationUnit)
        information.attributes.remove(.directory)
        if information.attributes.isEmpty { information.attributes = .normal }
        return information
    }

    func information() throws(NTStatus) -> FileInformation {
        let information = try file.information()
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        return withSize(information, try load(descriptor).count)
    }

    func setBasicInformation(_ change: BasicInformationChange, as user: Credentials) throws(NTStatus) {
        try file.setBasicInformation(change, as: user)
    }

    /// Overwriting a named stream leaves the rest of the file alone, [MS-FSA] 2.1.5.1.2.
    func overwrite(
        supersede: Bool, attributes: FileAttributes, extendedAttributes: [ExtendedAttribute], allocationSize: UInt64,
        as user: Credentials
    ) throws(NTStatus) -> FileInformation {
        try setEndOfFile(0)
        return try information()
    }

    func streams() throws(NTStatus) -> [StreamInformation] { try file.streams() }
    func extendedAttributes(as user: Credentials) throws(NTStatus) -> [ExtendedAttribute] {
        try file.extendedAttributes(as: user)
    }
    func setExtendedAttributes(_ attributes: [ExtendedAttribute], as user: Credentials) throws(NTStatus) {
        try file.setExtendedAttributes(attributes, as: user)
    }
    func securityDescriptor(as user: Credentials) throws(NTStatus) -> [UInt8] { try file.securityDescriptor(as: user) }
    func setSecurityDescriptor(_ descriptor: [UInt8], parts: UInt32, as user: Credentials) throws(NTStatus) {
        try file.setSecurityDescriptor(descriptor, parts: parts, as: user)
    }
    func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation {
        try file.volumeInformation(as: user)
    }

    // MARK: names

    /// [MS-FSA] 2.1.5.15.11: a stream moves within its file only.
    func rename(to path: NTPath, replaceIfExists: Bool, as user: Credentials) throws(NTStatus) {
        guard path.components == file.path.components, let newName = path.stream, !newName.isEmpty else {
            throw .invalidParameter
        }
        try file.store.identity.act(as: user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        try file.store.streamLock.withLock { _ throws(NTStatus) in
            let oldName = name.withLock { $0 }
            let taken = try file.spelling(ofStream: newName, descriptor)
            if let taken, taken != oldName, !replaceIfExists { throw .objectNameCollision }
            if taken == newName, newName == oldName { return }
            let bytes = try load(descriptor)
            name.withLock { $0 = newName }
            do throws(NTStatus) { try store(bytes, descriptor) } catch {
                name.withLock { $0 = oldName }
                throw error
            }
            for gone in Set([oldName, taken].compactMap { $0 }).subtracting([newName]) {
                let attribute = try Self.attributeName(gone)
                _ = file.store.identity.insisting { Linux.removeAttribute(descriptor, attribute) }
            }
        }
    }

    func link(at path: NTPath, replaceIfExists: Bool, as user: Credentials) throws(NTStatus) { throw .invalidParameter }

    func remove(as user: Credentials) throws(NTStatus) {
        try file.store.identity.act(as: user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        let attribute = try Self.attributeName(name.withLock { $0 })
        let result = file.store.identity.insisting { Linux.removeAttribute(descriptor, attribute) }
        if result.failed(ENODATA) { throw .objectNameNotFound }
        try result.orThrow()
    }

    func checkRemovable(as user: Credentials) throws(NTStatus) {
        if try file.information().attributes.contains(.readOnly) { throw .cannotDelete }
    }

    func makeDirectoryCursor(as user: Credentials) throws(NTStatus) -> any DirectoryCursor { throw .invalidParameter }

    // MARK: opening

    /// Makes the stream's attribute.
    /// - Throws: objectNameCollision if it has come to be meanwhile.
    func make(_ descriptor: CInt) throws(NTStatus) {
        let attribute = try Self.attributeName(name.withLock { $0 })
        let result = file.store.identity.insisting {
            Linux.setAttribute(descriptor, attribute, [0], mustBeNew: true)
        }
        try LinuxFile.checkRoom(result, otherwise: .diskFull)
    }
}

extension LinuxFile {
    /// The stream's name on disk, whatever the case of its letters; nil if there is none.
    func spelling(ofStream name: NTName, _ descriptor: CInt) throws(NTStatus) -> NTName? {
        let streams = try attributeNames(descriptor).compactMap(AttributeName.stream)
        if streams.contains(name) { return name }
        let folded = FoldedName(name)
        return streams.first { folded.matches($0) }
    }
}

extension LinuxFileStore {
    /// [MS-FSA] 2.1.5.1 for a named stream: the file is found or made as the disposition allows, and then the stream in
    /// it.
    func openStream(
        _ name: NTName, of path: NTPath, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
        guard capabilities.contains(.namedStreams), !name.isEmpty else { throw .objectNameInvalid }
        // A data stream is not a folder.
        if parameters.options.contains(.directoryFile) { throw .notADirectory }
        var base = parameters
        base.options.remove(.nonDirectoryFile)
        base.allocationSize = 0
        base.wantsMaximalAccess = parameters.wantsMaximalAccess
        base.disposition =
            switch parameters.disposition {
            case .open, .overwrite: .open
            case .create, .openIf, .overwriteIf, .supersede: .openIf
            }
        let opened = try openFile(NTPath(components: path.components), base, as: user)
        guard let file = opened.file as? LinuxFile else { throw .internalError }
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        for _ in 0..<16 {
            let present = try file.spelling(ofStream: name, descriptor)
            if present == nil, [.open, .overwrite].contains(parameters.disposition) { throw .objectNameNotFound }
            if present != nil, parameters.disposition == .create { throw .objectNameCollision }
            let stream = LinuxStream(file: file, name: present ?? name)
            if present == nil {
                if opened.action == .opened { try checkAddingStream(to: file, descriptor, as: user) }
                do throws(NTStatus) {
                    try stream.make(descriptor)
                } catch .objectNameCollision { continue }
            }
            return OpenedFile(
                file: stream, action: present == nil ? .created : .opened, information: try stream.information(),
                grantedAccess: opened.grantedAccess, maximalAccess: opened.maximalAccess)
        }
        throw .objectNameCollision
    }
    /// Another stream is more data of the file: [MS-FSA] 2.1.5.1.2.
    private func checkAddingStream(
        to file: LinuxFile, _ descriptor: CInt, as user: Credentials
    ) throws(NTStatus) {
        let (information, _, status) = try file.readInformation(descriptor)
        let check = AccessCheck(
            store: self, user: user, status: status, descriptor: descriptor, isPathOnly: file.handle.isPathOnly,
            attributes: information.attributes, components: file.path.components)
        _ = try check.granted(.writeData)
    }
}
