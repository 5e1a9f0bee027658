import Configuration
import Discovery
import Glibc

/// The file by which Avahi knows of the server while it runs. Avahi looks at its folder all the time.
struct AvahiFile {
    private static let folder = "/etc/avahi/services"
    private static let path = folder + "/apus.service"
    private let log: (String) -> Void
    private var written: String?
    private var hasFailed = false

    init(log: @escaping (String) -> Void) { self.log = log }

    /// - Parameter port: where clients connect; nil where the server is not to be announced.
    mutating func follow(_ configuration: ServerConfiguration, port: UInt16?) {
        guard let port else { return remove() }
        let backups = configuration.shares.filter { $0.takesBackups && $0.isBrowseable }.map(\.name)
        let text = AvahiService.file(port: port, timeMachineShares: backups)
        guard text != written, !hasFailed else { return }
        // SAFETY: a literal path.
        guard unsafe access(Self.folder, W_OK) == 0, isOurs else { return }
        do throws(TextFile.Failure) {
            try TextFile.replace(Self.path, with: text, mode: 0o644)
            written = text
        } catch {
            log("discovery: \(error); Macs will not be shown the server")
            hasFailed = true
        }
    }

    mutating func remove() {
        guard written != nil, isOurs else { return }
        // SAFETY: a literal path.
        _ = unsafe unlink(Self.path)
        written = nil
    }

    /// Whether no one else has written what stands there.
    private var isOurs: Bool {
        guard let text = try? TextFile.read(Self.path) else { return true }
        return text.contains(AvahiService.mark)
    }
}
