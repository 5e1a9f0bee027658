import CLinux
import Glibc
import Platform
import Testing

/// What can be tried of the sandbox without losing the test process: Landlock binds one thread.
struct SandboxTests {
    @Test func aThreadThatDeniedItselfFilesOpensNone() {
        let done = Semaphore()
        let opened = Atomic(0)
        let version = Atomic(0)
        #expect(
            Thread.detach(name: "sandboxed") {
                version.store(apus_deny_files(), ordering: .relaxed)
                for path in ["/etc/passwd", "/", "/proc/self/status"] where open(path, O_RDONLY) >= 0 {
                    opened.wrappingAdd(1, ordering: .relaxed)
                }
                if open("/tmp/apus-sandbox-test", O_WRONLY | O_CREAT, 0o600) >= 0 {
                    opened.wrappingAdd(1, ordering: .relaxed)
                }
                done.signal()
            })
        done.wait()
        // A kernel without Landlock says so, and then the process says it to the administrator.
        let isMissing = [-Int(ENOSYS), -Int(EOPNOTSUPP)].contains(version.load(ordering: .relaxed))
        #expect(isMissing || opened.load(ordering: .relaxed) == 0)
        #expect(isMissing || version.load(ordering: .relaxed) > 0)
    }
}
