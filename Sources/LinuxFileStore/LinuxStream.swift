import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// An open named stream: attributes of its file, read and written as a whole (`StreamAttributes`). So it holds no more
/// than the file system lets attributes hold: 4 KiB on ext4, 248 KiB on Btrfs, 1 MiB on XFS.
final class LinuxStream: StoreFile {
    private let file: LinuxFile
    /// nil once it has been renamed to the file's unnamed stream.
    private let name: Mutex<NTName?>

    init(file: LinuxFile, name: NTName) {
        self.file = file
        self.name = Mutex(name)
    }

    private var currentName: NTName? { name.withLock { $0 } }

    var identity: FileIdentity { file.identity }
    /// A folder's named stream is data like any other.
    var isDirectory: Bool { false }
    var path: NTPath { NTPath(components: file.path.components, stream: currentName) }

    func follow(_ path: NTPath) {
        file.follow(NTPath(components: path.components))
        if let stream = path.stream { name.withLock { $0 = stream } }
    }

    func close() { file.close() }

    // MARK: data

    /// Reads, changes and writes the stream as one step: all writers of this share's streams take turns. Whichever
    /// stream is written, the file has been modified, [MS-FSA] 2.1.4.17.
    private func change(
        _ stream: NTName, _ body: (inout [UInt8]) throws(NTStatus) -> Void
    ) throws(NTStatus) {
        try file.store.identity.act(as: file.user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        let attributes = StreamAttributes(file: file, descriptor: descriptor)
        try file.store.streamLock.withLock { _ throws(NTStatus) in
            let before = try attributes.load(stream)
            var bytes = before
            try body(&bytes)
            do throws(NTStatus) { try attributes.store(bytes, as: stream) } catch {
                // No room for all of it: then it stays as it was.
                try? attributes.store(before, as: stream)
                throw error
            }
            _ = file.store.identity.insisting {
                Linux.setTimes(descriptor, access: Linux.unchangedTime, write: Linux.presentTime)
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, mayBlock: Bool) throws(NTStatus) -> Int {
        // SAFETY: passed on.
        guard let stream = currentName else {
            return try unsafe file.read(into: buffer, at: offset, mayBlock: mayBlock)
        }
        try file.store.identity.act(as: file.user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        let bytes = try StreamAttributes(file: file, descriptor: descriptor).load(stream)
        guard offset < UInt64(bytes.count) else { return 0 }
        let start = Int(offset)
        let count = min(buffer.count, bytes.count - start)
        // SAFETY: `count` is at most the size of the buffer.
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyBytes(from: bytes[start..<start + count])
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(NTStatus) {
        // SAFETY: passed on.
        guard let stream = currentName else { return try unsafe file.write(bytes, at: offset) }
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, end <= UInt64(Int64.max) else { throw .invalidParameter }
        guard end <= UInt64(StreamAttributes.byteCountMax) else { throw .diskFull }
        // SAFETY: the caller's buffer is valid through this call.
        let new = unsafe Array(bytes)
        guard !new.isEmpty else { return }
        try change(stream) { value throws(NTStatus) in
            if value.count < Int(end) { value += [UInt8](repeating: 0, count: Int(end) - value.count) }
            value.replaceSubrange(Int(offset)..<Int(end), with: new)
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(NTStatus) {
        // SAFETY: passed on.
        guard let stream = currentName else { return try unsafe file.append(bytes) }
        // SAFETY: the caller's buffer is valid through this call.
        let new = unsafe Array(bytes)
        guard !new.isEmpty else { return }
        try change(stream) { value throws(NTStatus) in
            guard value.count + new.count <= StreamAttributes.byteCountMax else { throw .diskFull }
            value += new
        }
    }

    func setEndOfFile(_ size: UInt64) throws(NTStatus) {
        guard let stream = currentName else { return try file.setEndOfFile(size) }
        guard size <= UInt64(Int64.max) else { throw .invalidParameter }
        guard size <= UInt64(StreamAttributes.byteCountMax) else { throw .diskFull }
        try change(stream) { value throws(NTStatus) in
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
        guard let stream = currentName else { return information }
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        return withSize(information, try StreamAttributes(file: file, descriptor: descriptor).load(stream).count)
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

    /// [MS-FSA] 2.1.5.15.12: a stream moves within its file only; without a name it becomes the file's data.
    func rename(to path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus) {
        let replaceIfExists = replacing.contains(.files)
        guard path.components == file.path.components, let oldName = currentName else { throw .invalidParameter }
        try file.store.identity.act(as: user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        let attributes = StreamAttributes(file: file, descriptor: descriptor)
        try file.store.streamLock.withLock { _ throws(NTStatus) in
            guard let newName = path.stream else { return try becomeData(oldName, replaceIfExists, attributes) }
            let taken = try file.spelling(ofStream: newName, descriptor)
            if let taken, taken != oldName, !replaceIfExists { throw .objectNameCollision }
            if taken == newName, newName == oldName { return }
            try attributes.store(try attributes.load(oldName), as: newName)
            name.withLock { $0 = newName }
            for gone in Set([oldName, taken].compactMap { $0 }).subtracting([newName]) { try? attributes.remove(gone) }
        }
    }

    private func becomeData(
        _ oldName: NTName, _ replaceIfExists: Bool, _ attributes: StreamAttributes
    ) throws(NTStatus) {
        // A folder has no data to become, and a file has always some, however little.
        if file.isDirectory { throw .invalidParameter }
        if !replaceIfExists { throw .objectNameCollision }
        let bytes = try attributes.load(oldName)
        try file.setEndOfFile(0)
        try file.write(bytes)
        try attributes.remove(oldName)
        name.withLock { $0 = nil }
    }

    func link(at path: NTPath, replacing: Replacing, as user: Credentials) throws(NTStatus) -> NTPath {
        throw .invalidParameter
    }

    func remove(as user: Credentials) throws(NTStatus) {
        try file.store.identity.act(as: user)
        let descriptor = try file.handle.begin()
        defer { file.handle.end() }
        guard let stream = currentName else { return try file.remove(as: user) }
        try StreamAttributes(file: file, descriptor: descriptor).remove(stream)
    }

    func removeFile(as user: Credentials) throws(NTStatus) { try file.remove(as: user) }

    func checkRemovable(as user: Credentials, ignoresReadOnly: Bool) throws(NTStatus) {
        if !ignoresReadOnly, try file.information().attributes.contains(.readOnly) {
            throw .cannotDelete.because(.readOnlyAttribute)
        }
    }

    func makeDirectoryCursor(as user: Credentials) throws(NTStatus) -> any DirectoryCursor { throw .invalidParameter }
}

extension LinuxFile {
    /// Writes from the beginning.
    fileprivate func write(_ bytes: [UInt8]) throws(NTStatus) {
        guard !bytes.isEmpty else { return }
        // SAFETY: the bytes are used inside the call only.
        let result: Result<Void, NTStatus> = unsafe bytes.withUnsafeBytes { bytes in
            // SAFETY: the array lives through the call.
            do throws(NTStatus) { return .success(try unsafe write(bytes, at: 0)) } catch { return .failure(error) }
        }
        try result.get()
    }

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
        guard opened.failure == nil else { return opened }
        do throws(NTStatus) { return try openStream(name, in: opened, parameters, as: user) } catch {
            guard opened.action == .created else { throw error }
            return OpenedFile(unfinished: opened.file, try opened.file.information(), error)
        }
    }

    private func openStream(
        _ name: NTName, in opened: OpenedFile, _ parameters: OpenParameters, as user: Credentials
    ) throws(NTStatus) -> OpenedFile {
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
                    try StreamAttributes(file: file, descriptor: descriptor).store([], as: name, mustBeNew: true)
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
