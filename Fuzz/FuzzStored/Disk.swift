import CLinux
import FileStore
import Glibc
import LinuxFileStore
import NTTypes

/// A folder in RAM, in which files are found with attributes that nobody of sound mind has written.
final class Disk {
    private let root: String
    private let store: LinuxFileStore
    private let user = Credentials(userID: geteuid(), groupID: getegid(), groups: [])

    init() {
        var template = Array("/dev/shm/apus-stored-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("no folder in /dev/shm") }
        root = String(cString: made)
        var options = LinuxFileStoreOptions()
        options.switchesIdentity = false
        guard let store = try? LinuxFileStore(root: root, options: options) else { preconditionFailure("no store") }
        self.store = store
    }

    deinit { rmdir(root) }

    private static let names = [
        "user.DOSATTRIB", "security.NTACL", "user.NTACL", "user.DosStream.s:$DATA", "user.DosStreamExt.1.s:$DATA",
        "user.DosStreamExt.2.s:$DATA", "user.SmbReparse", "user.ea", "system.posix_acl_access",
        "system.posix_acl_default", "user.DosStream.other:$DATA", "user.DosStream.:$DATA", "user.DosStream.bare",
    ]

    /// - Parameter input: records of a byte for the attribute, a length in two bytes (little-endian), as many bytes of
    ///   value. The byte's highest bit fills the attribute up with zeros.
    func fuzz(_ input: [UInt8], isDirectory: Bool) {
        let path = root + "/f"
        if isDirectory { mkdir(path, 0o755) } else { Glibc.close(Glibc.open(path, O_WRONLY | O_CREAT, 0o644)) }
        defer { if isDirectory { rmdir(path) } else { unlink(path) } }
        var rest = input[...]
        while rest.count >= 3 {
            let head = Array(rest.prefix(3))
            var value = Array(rest.dropFirst(3).prefix(Int(head[1]) | Int(head[2]) << 8))
            rest = rest.dropFirst(3 + value.count)
            if head[0] & 0x80 != 0 { value += [UInt8](repeating: 0, count: 65_536 - value.count) }
            _ = apus_setxattr(path, Self.names[Int(head[0] & 0x7F) % Self.names.count], value, value.count, 0)
        }
        use()
    }

    private func open(_ stream: String?, _ access: AccessMask, _ options: CreateOptions = []) -> OpenedFile? {
        let path = NTPath(components: [NTName("f")], stream: stream.map { NTName($0) })
        let parameters = OpenParameters(desiredAccess: access, disposition: .open, options: options, attributes: [])
        return try? store.open(path, parameters, as: user)
    }

    /// What clients do with a file; errors are good answers.
    private func use() {
        list()
        for options in [[], .openReparsePoint] as [CreateOptions] {
            guard let file = open(nil, [.readAttributes, .readControl], options)?.file else { continue }
            _ = try? file.information()
            _ = try? file.extendedAttributes(as: user)
            if let bytes = try? file.securityDescriptor(as: user) {
                precondition((try? SecurityDescriptor(bytes[...])) != nil, "a descriptor that can be read")
            }
            _ = try? file.reparsePoint()
            for stream in (try? file.streams()) ?? [] where !stream.name.utf8.isEmpty { read(stream) }
            file.close()
        }
        guard let file = open(nil, [.writeAttributes, .readAttributes], .openReparsePoint)?.file
        else { return }
        var change = BasicInformationChange()
        change.attributes = .hidden
        if (try? file.setBasicInformation(change, as: user)) != nil {
            precondition((try? file.information())?.attributes.contains(.hidden) == true, "what was set is there")
        }
        file.close()
    }

    /// A stream is as long as it was said to be.
    private func read(_ stream: StreamInformation) {
        guard let file = open(stream.name.description, .readData)?.file else { return }
        // One byte more, so that a longer one would show.
        var buffer = [UInt8](repeating: 0, count: Int(stream.endOfFile) + 1)
        let count = buffer.withUnsafeMutableBytes { try? file.read(into: $0, at: 0, mayBlock: true) }
        precondition(stream.endOfFile == 0 || count == Int(stream.endOfFile), "a stream's length")
        file.close()
    }

    private func list() {
        let root = OpenParameters(desiredAccess: .readData, disposition: .open, options: .directoryFile, attributes: [])
        guard let folder = try? store.open(NTPath(components: []), root, as: user).file,
            let cursor = try? folder.makeDirectoryCursor(as: user)
        else { preconditionFailure("a share's folder can be listed") }
        while let entry = try? cursor.next(matches: { _ in true }, wantsInformation: true) { _ = entry.name }
        folder.close()
    }
}
