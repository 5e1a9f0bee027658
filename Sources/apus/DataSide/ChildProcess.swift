import CLinux
import Glibc

/// The program itself, run once more as a child.
enum ChildProcess {
    /// - Parameter descriptors: the child's descriptors from 3 on.
    /// - Returns: its process ID, or a negative error number.
    static func start(_ arguments: [String], descriptors: [CInt]) -> Int {
        // SAFETY: all lists live through the call and end as it wants.
        unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe apus_spawn("/proc/self/exe", arguments, environment, descriptors, CInt(descriptors.count))
            }
        }
    }

    /// Texts as the C library wants them, the list ended by null; for the length of the call.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        defer {
            // SAFETY: filled below before anything can leave, and nobody's any more here.
            for index in texts.indices { unsafe free(list[index]) }
            unsafe list.deallocate()
        }
        // SAFETY: the list has room for all copies and the null.
        for (index, text) in texts.enumerated() { unsafe list[index] = strdup(text) }
        unsafe list[texts.count] = nil
        return unsafe body(list)
    }

    /// Kerberos and the C library are told where their files are; nothing else is handed down.
    private static var environment: [String] {
        ["KRB5_CONFIG", "KRB5_TRACE", "TZ"].compactMap { (name: String) -> String? in
            // SAFETY: getenv returns a terminated string or nothing.
            guard let value = unsafe getenv(name) else { return nil }
            return unsafe "\(name)=\(String(cString: value))"
        }
    }

    /// Makes sure that it has ended. - Returns: how it did, for the log.
    @discardableResult
    static func end(_ process: pid_t) -> String {
        var status: CInt = 0
        // SAFETY: the status lives through the calls.
        if unsafe waitpid(process, &status, WNOHANG) == 0 {
            // Hung up, and about to end; or stuck.
            usleep(20_000)
            kill(process, SIGKILL)
            // SAFETY: as above.
            unsafe waitpid(process, &status, 0)
        }
        let signal = status & 0x7F
        return signal == 0 ? "ended (status \(status >> 8 & 0xFF))" : "was ended by signal \(signal)"
    }
}
