#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "Probes.h"

#define APUS_RETURN(call) do { long r = (call); return r < 0 ? -(long)errno : r; } while (0)

// Same numbers on every architecture we build for; headers of older systems lack some.
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

long apus_probe_file_system(const char *path, uint64_t *kind, int *is_read_only) {
    struct statfs status;
    if (statfs(path, &status) < 0) return -errno;
    *kind = (uint64_t)status.f_type & 0xFFFFFFFF;
    *is_read_only = (status.f_flags & ST_RDONLY) != 0;
    return 0;
}

long apus_probe_attribute(const char *path, const char *name) {
    long result = getxattr(path, name, 0, 0);
    return result >= 0 || errno == ENODATA ? 0 : -errno;
}

long apus_probe_large_attribute(const char *folder, size_t size) {
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) return -errno;
    char *value = calloc(1, size);
    long result = value && fsetxattr(descriptor, "user.apus-doctor", value, size, 0) == 0 ? 0 : -errno;
    free(value);
    close(descriptor);
    return result;
}

long apus_probe_handle(const char *path) {
    struct { struct file_handle handle; unsigned char bytes[MAX_HANDLE_SZ]; } found;
    int mount;
    found.handle.handle_bytes = MAX_HANDLE_SZ;
    APUS_RETURN(name_to_handle_at(AT_FDCWD, path, &found.handle, &mount, 0));
}

long apus_probe_case_folding(const char *path) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    int flags = 0;
    long result = ioctl(descriptor, FS_IOC_GETFLAGS, &flags) < 0 ? -errno : (flags & FS_CASEFOLD_FL) != 0;
    close(descriptor);
    return result;
}

long apus_probe_system_calls(void) {
    long found = 0;
    // Each is asked for something impossible: what matters is whether it is the call itself that is missing. A filter of a
    // container may say EPERM for those that it does not know.
    if (syscall(SYS_openat2, -1, "x", 0, 0) >= 0 || (errno != ENOSYS && errno != EPERM)) found |= APUS_HAS_OPENAT2;
    if (syscall(SYS_getxattrat, -1, "x", 0, "user.x", 0, 0) >= 0 || (errno != ENOSYS && errno != EPERM))
        found |= APUS_HAS_GETXATTRAT;
    if (syscall(SYS_statmount, 0, 0, 0, 0) >= 0 || (errno != ENOSYS && errno != EPERM)) found |= APUS_HAS_STATMOUNT;
    return found;
}

long apus_probe_clock(int64_t *error) {
    struct timex clock = { .modes = 0 };
    int state = adjtimex(&clock);
    if (state < 0) return -errno;
    *error = clock.maxerror;
    return state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}

long apus_probe_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    return limit.rlim_max > (1L << 40) ? 1L << 40 : (long)limit.rlim_max;
}

long apus_raise_open_files(uint64_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur >= wanted || limit.rlim_cur == limit.rlim_max) return 0;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    APUS_RETURN(setrlimit(RLIMIT_NOFILE, &limit));
}

long apus_terminal_width(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
