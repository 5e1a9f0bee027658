import CLinux
import Glibc
import Platform
import Testing

/// What the control plane denies itself. System calls are restricted for good: that is tried in processes of its own.
struct SandboxTests {
    /// The filter is there; on a kernel without it there is nothing to show.
    private static func restrict(mayOpen: Bool, mayAccept: Bool = false) {
        // Threads of libdispatch, from the exit test's own start, name themselves (prctl), which the filter ends.
        usleep(200_000)
        _ = apus_give_up_privileges()
        let result = apus_restrict_system_calls(CInt((mayOpen ? APUS_MAY_OPEN : 0) | (mayAccept ? APUS_MAY_ACCEPT : 0)))
        if result < 0 { fatalError("no filter: \(result)") }
    }

    @Test func aSocketEndsTheProcess() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            Self.restrict(mayOpen: false)
            _ = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        }
    }

    @Test func whoMayAcceptMakesNoSocketsEither() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            Self.restrict(mayOpen: false, mayAccept: true)
            _ = linux_accept(-1, nil, nil)
            _ = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        }
        await #expect(processExitsWith: .success) {
            Self.restrict(mayOpen: false, mayAccept: true)
            _exit(linux_accept(-1, nil, nil) < 0 && errno == EBADF && poll(nil, 0, 0) == 0 ? 0 : 1)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            Self.restrict(mayOpen: false)
            _ = linux_accept(-1, nil, nil)
        }
    }

    @Test func anotherProgramEndsTheProcess() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            Self.restrict(mayOpen: true)
            _ = execv("/bin/true", [nil])
        }
    }

    @Test func aSignalToOthersEndsTheProcess() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            Self.restrict(mayOpen: false)
            kill(getppid(), 0)
        }
    }

    @Test func openingIsRefused() async {
        await #expect(processExitsWith: .success) {
            Self.restrict(mayOpen: false)
            let isRefused = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES
            _exit(isRefused ? 0 : 1)
        }
    }

    @Test func memoryThatCouldBeExecutedIsRefused() async {
        await #expect(processExitsWith: .success) {
            Self.restrict(mayOpen: false)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS
            let isRefused = mmap(nil, 4096, PROT_READ | PROT_EXEC, flags, -1, 0) == MAP_FAILED && errno == EACCES
            _exit(isRefused && mmap(nil, 4096, PROT_READ, flags, -1, 0) != MAP_FAILED ? 0 : 1)
        }
    }

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
                if open(".build/sandbox-test", O_WRONLY | O_CREAT, 0o600) >= 0 {
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
