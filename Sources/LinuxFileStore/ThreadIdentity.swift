import CLinux
import FileStore
import Glibc
import NTTypes

/// Whom the kernel sees. Linux keeps the identity for file access (fsuid, fsgid, groups) for each thread.
///
/// Every operation says who it acts as before it touches a file; nothing is put back afterwards. So a thread that
/// serves one user over and over pays nothing, and no thread may reach a file without saying so first.
struct ThreadIdentity: Sendable {
    /// False where the server does not run as root: then all is done as the user who started it.
    let switches: Bool

    @inline(__always)
    func act(as user: Credentials) throws(NTStatus) {
        guard switches else {
            #if DEBUG
                apus_declare_identity()
            #endif
            return
        }
        // SAFETY: the array lives through the call, which reads `count` numbers.
        let result = unsafe user.groups.withUnsafeBufferPointer {
            unsafe apus_act_as(user.userID, user.groupID, $0.baseAddress, $0.count)
        }
        // Somebody else's identity is never good enough.
        if result < 0 { throw .accessDenied }
    }

    /// Runs `call`; where the user is refused and the server has root's power, once more with it. For what the server
    /// keeps on a file on its own account, and for what the access check has granted and Linux reserves to the owner.
    @inline(__always)
    func insisting(_ call: () -> Int) -> Int {
        let result = call()
        guard result.failed(EACCES) || result.failed(EPERM), switches else { return result }
        apus_raise()
        defer { apus_lower() }
        return call()
    }
}
