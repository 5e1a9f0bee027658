import Glibc

/// The configuration and the users that are meant where nobody says which: those of the service that the package
/// installs. Where there are none of these, but a configuration of ksmbd, that one.
enum UsualFiles {
    static let folder = "/etc/apus"
    private static let own = (config: "\(folder)/apus.conf", users: "\(folder)/users.db")
    private static let ksmbd = (config: "/etc/ksmbd/ksmbd.conf", users: "/etc/ksmbd/ksmbdpwd.db")

    static var config: String { pair.config }
    static var users: String { pair.users }

    private static var pair: (config: String, users: String) {
        isThere(own.config) || !isThere(ksmbd.config) ? own : ksmbd
    }

    private static func isThere(_ path: String) -> Bool {
        // SAFETY: the path is a terminated string for the length of the call.
        unsafe access(path, F_OK) == 0
    }

    /// Before one of them is written: on a machine where nothing was installed from a package there is no folder.
    static func makeFolder(of path: String) {
        guard path == own.config || path == own.users else { return }
        // SAFETY: as above. What fails here the writing tells.
        _ = unsafe mkdir(folder, 0o755)
    }
}
