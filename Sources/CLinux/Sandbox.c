#define _GNU_SOURCE
#include "Sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same numbers on every architecture we build for; headers of older systems lack some.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_rseq
#if defined(__x86_64__)
#define SYS_rseq 334
#else
#define SYS_rseq 293
#endif
#endif

enum { first_free = 512 };

long apus_spawn(
    const char *path, char *const arguments[], char *const environment[], const int descriptors[], int descriptor_count
) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int copies[64], copy_count = 0;
    pid_t process = 0;
    if (descriptor_count > 64) return -EINVAL;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int result = 0;
    // Out of the way first: a source could be another one's target.
    while (copy_count < descriptor_count && result == 0) {
        int copy = fcntl(descriptors[copy_count], F_DUPFD_CLOEXEC, first_free);
        if (copy < 0) { result = errno; break; }
        copies[copy_count] = copy;
        result = posix_spawn_file_actions_adddup2(&actions, copy, 3 + copy_count);
        copy_count++;
    }
    if (result == 0) result = posix_spawn(&process, path, &actions, &attributes, arguments, environment);
    for (int index = 0; index < copy_count; index++) close(copies[index]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return result == 0 ? process : -(long)result;
}

long apus_close_from(int first) {
    if (syscall(SYS_close_range, first, ~0u, 0) == 0) return 0;
    return -(long)errno;
}

// What is executed from now on gets none but these. What this kernel does not know fails; so does all where a service
// manager has taken CAP_SETPCAP away before.
static void bound_capabilities(uint64_t kept) {
    for (int capability = 0; capability < 64; capability++) {
        if (!(kept >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
}

long apus_keep_capabilities(void) {
    static const uint64_t kept =
        // To act as each user, with root's power where that is called for.
        1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH |
        1ull << CAP_FOWNER | 1ull << CAP_FSETID | 1ull << CAP_CHOWN |
        // Root, where it logs in, may make devices through the POSIX extensions.
        1ull << CAP_MKNOD |
        // security.* attributes, and fanotify; leases on others' files.
        1ull << CAP_SYS_ADMIN | 1ull << CAP_LEASE |
        // To listen on port 445; to end the helpers, which are other users', and have them give up even these.
        1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_KILL | 1ull << CAP_SETPCAP;
    bound_capabilities(kept);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -(long)errno;
    for (int half = 0; half < 2; half++) {
        uint32_t mask = (uint32_t)(kept >> (32 * half));
        data[half].effective &= mask;
        data[half].permitted &= mask;
        data[half].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0) return -(long)errno;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -(long)errno : 0;
}

long apus_become(uint32_t user, uint32_t group) {
    bound_capabilities(0);
    if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0) {
        return -(long)errno;
    }
    // What could be taken back was never given up.
    return user == 0 || (setuid(0) < 0 && getuid() == user && geteuid() == user) ? 0 : -EPERM;
}

long apus_give_up_privileges(void) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct nothing[2] = { { 0 } };
    if (syscall(SYS_capset, &header, nothing) < 0) return -(long)errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -(long)errno;
    // No core dump with passwords in it, and nobody attaches.
    struct rlimit zero = { 0, 0 };
    setrlimit(RLIMIT_CORE, &zero);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -(long)errno;
    return 0;
}

// linux/landlock.h of version 6; older headers lack the later fields, which came with versions 4 and 6.
struct landlock_attributes { uint64_t files, network, scoped; };

long apus_deny_files(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    if (version < 0) return -(long)errno;
    // How many rights over files each version knows; the one after the last stands for all that come later.
    static const int right_counts[] = { 0, 13, 14, 15, 15, 16 };
    int right_count = right_counts[version < 5 ? version : 5];
    // All files; TCP; abstract sockets and signals outside.
    struct landlock_attributes attributes = { (1ull << right_count) - 1, 3, 3 };
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); // without it, restricting is refused
    int rules = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (rules < 0) return -(long)errno;
    long result = syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -(long)errno : version;
    close(rules);
    return result;
}

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH is this?"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define IF_CALL(number, action) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ANSWER(action)
#define ALLOW(number) IF_CALL(number, SECCOMP_RET_ALLOW)
#define REFUSE(number) IF_CALL(number, SECCOMP_RET_ERRNO | EACCES)

long apus_restrict_system_calls(int may) {
    uint32_t opening = may & APUS_MAY_OPEN ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EACCES;
    uint32_t accepting = may & APUS_MAY_ACCEPT ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
    struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        // Messages, and the log.
        ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_writev), ALLOW(SYS_sendto), ALLOW(SYS_recvfrom),
        ALLOW(SYS_sendmsg), ALLOW(SYS_recvmsg), ALLOW(SYS_close),
        // Threads and memory, but nothing that can be executed.
        ALLOW(SYS_futex), ALLOW(SYS_munmap), ALLOW(SYS_mremap), ALLOW(SYS_madvise), ALLOW(SYS_brk),
        ALLOW(SYS_sched_yield), ALLOW(SYS_rseq), ALLOW(SYS_set_robust_list),
        ALLOW(SYS_rt_sigreturn), ALLOW(SYS_rt_sigprocmask), ALLOW(SYS_rt_sigaction), ALLOW(SYS_sigaltstack),
        ALLOW(SYS_exit), ALLOW(SYS_exit_group), ALLOW(SYS_restart_syscall),
        ALLOW(SYS_getpid), ALLOW(SYS_gettid),
        // Time and randomness.
        ALLOW(SYS_clock_gettime), ALLOW(SYS_gettimeofday), ALLOW(SYS_clock_nanosleep), ALLOW(SYS_nanosleep),
        ALLOW(SYS_getrandom),
        // What libraries look at.
        ALLOW(SYS_newfstatat), ALLOW(SYS_fstat), ALLOW(SYS_lseek), ALLOW(SYS_getuid), ALLOW(SYS_geteuid),
        ALLOW(SYS_getgid), ALLOW(SYS_getegid), ALLOW(SYS_uname), ALLOW(SYS_fcntl),
        IF_CALL(SYS_openat, opening), IF_CALL(SYS_faccessat, opening), IF_CALL(SYS_faccessat2, opening),
        IF_CALL(SYS_readlinkat, opening),
#ifdef SYS_open
        IF_CALL(SYS_open, opening), IF_CALL(SYS_access, opening), IF_CALL(SYS_readlink, opening),
        IF_CALL(SYS_stat, opening), IF_CALL(SYS_lstat, opening),
#endif
        IF_CALL(SYS_pread64, opening), IF_CALL(SYS_pwrite64, opening), IF_CALL(SYS_ftruncate, opening),
        IF_CALL(SYS_fsync, opening),
        IF_CALL(SYS_accept4, accepting), IF_CALL(SYS_ppoll, accepting),
#ifdef SYS_poll
        IF_CALL(SYS_poll, accepting),
#endif
        REFUSE(SYS_ioctl), REFUSE(SYS_openat2),
        // The last three depend on an argument. Signals reach this process only (abort); memory that could be executed is
        // refused.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 3),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        ANSWER(SECCOMP_RET_ERRNO | EACCES),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    // With all threads: those that serve have been started, so that starting any is not among what is left.
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    return result < 0 ? -(long)errno : result > 0 ? -ESRCH : 0;
}

int apus_wait_for_signal(const sigset_t *signals, pid_t *sender) {
    siginfo_t information;
    int number = sigwaitinfo(signals, &information);
    *sender = number > 0 ? information.si_pid : 0;
    return number > 0 ? number : 0;
}
