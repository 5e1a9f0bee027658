#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "AsUser.h"
#include "Uncancelled.h"

_Static_assert(APUS_O_PATH == O_PATH, "O_PATH");
_Static_assert(APUS_AT_EMPTY_PATH == AT_EMPTY_PATH, "AT_EMPTY_PATH");
_Static_assert(APUS_WATCH_ENTRIES == (IN_MOVE | IN_CREATE | IN_DELETE), "inotify");
_Static_assert(APUS_WATCH_OVERFLOW == IN_Q_OVERFLOW && APUS_WATCH_IGNORED == IN_IGNORED, "inotify");
_Static_assert(APUS_XATTR_CREATE == XATTR_CREATE, "XATTR_CREATE");
_Static_assert(APUS_TIME_NOW == UTIME_NOW && APUS_TIME_OMIT == UTIME_OMIT, "utimensat");

// Same numbers on every architecture we build for; headers of older systems lack some.
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#endif

#define APUS_RETURN(call) do { long r = (call); return r < 0 ? -(long)errno : r; } while (0)

// "/proc/self/fd/N/" and a name.
#define ENTRY_PATH_SIZE 288

// linux/openat2.h.
struct apus_open_how { uint64_t flags, mode, resolve; };

long apus_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    AS_USER();
    struct apus_open_how how = { flags, mode, resolve };
    APUS_RETURN(syscall(SYS_openat2, directory, path, &how, sizeof how));
}
long apus_openat(int directory, const char *path, int flags, unsigned mode) {
    AS_USER();
    APUS_RETURN(openat(directory, path, flags, mode));
}
long apus_close(int descriptor) { APUS_RETURN(close(descriptor)); }
long apus_duplicate_onto(int from, int onto) { APUS_RETURN(dup3(from, onto, O_CLOEXEC)); }
long apus_statx(int directory, const char *path, int flags, struct apus_statx *out) {
    if (*path) AS_USER();
    APUS_RETURN(syscall(SYS_statx, directory, path, flags, APUS_STATX_BASIC | APUS_STATX_BIRTH_TIME, out));
}
long apus_getdents64(int descriptor, void *buffer, size_t size) {
    APUS_RETURN(syscall(SYS_getdents64, descriptor, buffer, size));
}
long apus_seek_start(int descriptor) { APUS_RETURN(lseek(descriptor, 0, SEEK_SET)); }
long apus_mkdirat(int directory, const char *name, unsigned mode) {
    AS_USER();
    APUS_RETURN(mkdirat(directory, name, mode));
}
long apus_unlinkat(int directory, const char *name, int flags) {
    AS_USER();
    APUS_RETURN(unlinkat(directory, name, flags));
}
long apus_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
    AS_USER();
    APUS_RETURN(syscall(SYS_renameat2, from, name, to, new_name, flags));
}
long apus_linkat(int from, const char *name, int to, const char *new_name) {
    AS_USER();
    APUS_RETURN(linkat(from, name, to, new_name, 0));
}
long apus_readlinkat(int directory, const char *name, char *buffer, size_t size) {
    APUS_RETURN(readlinkat(directory, name, buffer, size));
}
long apus_faccessat2(int directory, const char *path, int mode, int flags) {
    AS_USER();
    APUS_RETURN(syscall(SYS_faccessat2, directory, path, mode, flags));
}
long apus_pread(int descriptor, void *buffer, size_t size, int64_t offset) {
    APUS_RETURN(uncancelled_pread(descriptor, buffer, size, offset));
}
long apus_pread_now(int descriptor, void *buffer, size_t size, int64_t offset) {
    struct iovec vector = { buffer, size };
    APUS_RETURN(preadv2(descriptor, &vector, 1, offset, RWF_NOWAIT));
}
long apus_pwrite(int descriptor, const void *buffer, size_t size, int64_t offset) {
    AS_USER();
    APUS_RETURN(uncancelled_pwrite(descriptor, buffer, size, offset));
}
long apus_append(int descriptor, const void *buffer, size_t size) {
    AS_USER();
    struct iovec vector = { (void *)buffer, size };
    APUS_RETURN(pwritev2(descriptor, &vector, 1, 0, RWF_APPEND));
}
long apus_fsync(int descriptor) { APUS_RETURN(fsync(descriptor)); }
long apus_fdatasync(int descriptor) { APUS_RETURN(fdatasync(descriptor)); }
long apus_ftruncate(int descriptor, int64_t size) {
    AS_USER();
    APUS_RETURN(ftruncate64(descriptor, size));
}
long apus_preallocate(int descriptor, int64_t offset, int64_t size) {
    AS_USER();
    APUS_RETURN(fallocate64(descriptor, FALLOC_FL_KEEP_SIZE, offset, size));
}
long apus_set_times(
    int directory, const char *path, int flags, int64_t access_seconds, int64_t access_nanoseconds,
    int64_t write_seconds, int64_t write_nanoseconds
) {
    AS_USER();
    struct timespec times[2] = {
        { access_seconds, access_nanoseconds }, { write_seconds, write_nanoseconds },
    };
    APUS_RETURN(utimensat(directory, path, times, flags));
}
long apus_fchmod(int descriptor, unsigned mode) {
    AS_USER();
    APUS_RETURN(fchmod(descriptor, mode));
}
long apus_chmod(const char *path, unsigned mode) {
    AS_USER();
    APUS_RETURN(chmod(path, mode));
}
long apus_fchown(int descriptor, uint32_t user, uint32_t group) {
    AS_USER();
    APUS_RETURN(fchown(descriptor, user, group));
}
long apus_chown(const char *path, uint32_t user, uint32_t group) {
    AS_USER();
    APUS_RETURN(chown(path, user, group));
}
long apus_fstatvfs(int descriptor, struct statvfs *out) { APUS_RETURN(fstatvfs(descriptor, out)); }

long apus_fgetxattr(int descriptor, const char *name, void *value, size_t size) {
    AS_USER();
    APUS_RETURN(fgetxattr(descriptor, name, value, size));
}
long apus_fsetxattr(int descriptor, const char *name, const void *value, size_t size, int flags) {
    AS_USER();
    APUS_RETURN(fsetxattr(descriptor, name, value, size, flags));
}
long apus_fremovexattr(int descriptor, const char *name) {
    AS_USER();
    APUS_RETURN(fremovexattr(descriptor, name));
}
long apus_flistxattr(int descriptor, char *list, size_t size) {
    AS_USER();
    APUS_RETURN(flistxattr(descriptor, list, size));
}
long apus_getxattr(const char *path, const char *name, void *value, size_t size) {
    AS_USER();
    APUS_RETURN(getxattr(path, name, value, size));
}
long apus_setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    AS_USER();
    APUS_RETURN(setxattr(path, name, value, size, flags));
}
long apus_removexattr(const char *path, const char *name) {
    AS_USER();
    APUS_RETURN(removexattr(path, name));
}
long apus_listxattr(const char *path, char *list, size_t size) {
    AS_USER();
    APUS_RETURN(listxattr(path, list, size));
}

// Linux 6.13 and later look at an entry's attributes directly: a third of what the way through /proc costs.
static int has_xattrat(void) {
    static atomic_int known; // 0: not yet, 1: has them, 2: has not
    int found = atomic_load_explicit(&known, memory_order_relaxed);
    if (!found) {
        // Whoever filters system calls says ENOSYS or EPERM.
        found = syscall(SYS_listxattrat, -1, "x", 0, (char *)0, (size_t)0) < 0 && errno == EBADF ? 1 : 2;
        atomic_store_explicit(&known, found, memory_order_relaxed);
    }
    return found == 1;
}
long apus_entry_getxattr(int directory, const char *entry, const char *name, void *value, size_t size) {
    AS_USER();
    if (has_xattrat()) {
        struct { _Alignas(8) uint64_t value; uint32_t size, flags; } arguments = { (uintptr_t)value, (uint32_t)size, 0 };
        APUS_RETURN(syscall(SYS_getxattrat, directory, entry, AT_SYMLINK_NOFOLLOW, name, &arguments, sizeof arguments));
    }
    char path[ENTRY_PATH_SIZE];
    long failed = apus_descriptor_path(path, sizeof path, directory, entry);
    if (failed) return failed;
    APUS_RETURN(lgetxattr(path, name, value, size));
}
long apus_entry_listxattr(int directory, const char *entry, char *list, size_t size) {
    AS_USER();
    if (has_xattrat()) APUS_RETURN(syscall(SYS_listxattrat, directory, entry, AT_SYMLINK_NOFOLLOW, list, size));
    char path[ENTRY_PATH_SIZE];
    long failed = apus_descriptor_path(path, sizeof path, directory, entry);
    if (failed) return failed;
    APUS_RETURN(llistxattr(path, list, size));
}
long apus_descriptor_path(char *out, size_t size, int descriptor, const char *name) {
    int length = name ? snprintf(out, size, "/proc/self/fd/%d/%s", descriptor, name)
                      : snprintf(out, size, "/proc/self/fd/%d", descriptor);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

long apus_inotify_start(void) { APUS_RETURN(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)); }
long apus_inotify_watch(int queue, const char *path, uint32_t mask) {
    APUS_RETURN(inotify_add_watch(queue, path, mask | IN_ONLYDIR));
}
long apus_inotify_forget(int queue, int watch) { APUS_RETURN(inotify_rm_watch(queue, watch)); }
long apus_inotify_read(int queue, void *buffer, size_t size) { APUS_RETURN(read(queue, buffer, size)); }
long apus_file_system_type(int descriptor) {
    struct statfs status;
    // Some types look negative in a signed number.
    return fstatfs(descriptor, &status) < 0 ? -(long)errno : (long)(uint32_t)status.f_type;
}

unsigned apus_umask(void) {
    unsigned mask = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status) && sscanf(line, "Umask: %o", &mask) != 1) mask = 0;
    if (status) fclose(status);
    return mask;
}
