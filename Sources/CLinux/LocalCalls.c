#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "LocalCalls.h"

#define APUS_RETURN(call) do { long r = (call); return r < 0 ? -(long)errno : r; } while (0)

_Static_assert(APUS_CHANGE_ATTRIBUTES == FAN_ATTRIB && APUS_CHANGE_WRITTEN == FAN_CLOSE_WRITE, "fanotify");
_Static_assert(APUS_CHANGE_MOVED_FROM == FAN_MOVED_FROM && APUS_CHANGE_MOVED_TO == FAN_MOVED_TO, "fanotify");
_Static_assert(APUS_CHANGE_CREATED == FAN_CREATE && APUS_CHANGE_DELETED == FAN_DELETE, "fanotify");
_Static_assert(APUS_CHANGE_OVERFLOW == FAN_Q_OVERFLOW && APUS_CHANGE_ON_CHILD == FAN_EVENT_ON_CHILD, "fanotify");
_Static_assert(APUS_CHANGE_ON_FOLDER == FAN_ONDIR, "fanotify");
_Static_assert(APUS_CHANGE_NAME == FAN_EVENT_INFO_TYPE_DFID_NAME, "fanotify");
_Static_assert(APUS_OPENS_OPEN == FAN_OPEN_PERM, "fanotify");

// Headers of older systems lack it.
#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

long apus_changes_start(void) {
    APUS_RETURN(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_REPORT_DFID_NAME, O_RDONLY | O_CLOEXEC));
}
long apus_changes_watch(int queue, const char *path, uint64_t mask) {
    APUS_RETURN(fanotify_mark(queue, FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, AT_FDCWD, path));
}
long apus_changes_forget(int queue, const char *path, uint64_t mask) {
    APUS_RETURN(fanotify_mark(queue, FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, mask, AT_FDCWD, path));
}
long apus_changes_read(int queue, void *buffer, size_t size) { APUS_RETURN(read(queue, buffer, size)); }

long apus_changes_identity(int descriptor, uint8_t *out, size_t size) {
    struct { struct file_handle handle; unsigned char bytes[MAX_HANDLE_SZ]; } found;
    struct statfs status;
    int mount;
    found.handle.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(descriptor, "", &found.handle, &mount, AT_EMPTY_PATH) < 0) {
        // Some file systems have handles that name a file and do not find it again, which is enough here.
        found.handle.handle_bytes = MAX_HANDLE_SZ;
        if (name_to_handle_at(descriptor, "", &found.handle, &mount, AT_EMPTY_PATH | AT_HANDLE_FID) < 0) return -errno;
    }
    if (fstatfs(descriptor, &status) < 0) return -errno;
    size_t handle_size = sizeof found.handle + found.handle.handle_bytes;
    if (size < sizeof status.f_fsid + handle_size) return -ERANGE;
    memcpy(out, &status.f_fsid, sizeof status.f_fsid);
    memcpy(out + sizeof status.f_fsid, &found, handle_size);
    return (long)(sizeof status.f_fsid + handle_size);
}

long apus_set_lock(int descriptor, int kind, int64_t start, int64_t size) {
    struct flock64 lock = {
        .l_type = kind == 0 ? F_UNLCK : kind == 1 ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET, .l_start = start,
        .l_len = size,
    };
    APUS_RETURN(fcntl(descriptor, F_OFD_SETLK, &lock));
}

#define APUS_OPENS_MASK (FAN_OPEN_PERM | FAN_MODIFY)

long apus_opens_start(void) {
    APUS_RETURN(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NOATIME));
}
long apus_opens_watch(int queue, const char *path) {
    APUS_RETURN(fanotify_mark(queue, FAN_MARK_ADD, APUS_OPENS_MASK, AT_FDCWD, path));
}
long apus_opens_forget(int queue, const char *path) {
    APUS_RETURN(fanotify_mark(queue, FAN_MARK_REMOVE, APUS_OPENS_MASK, AT_FDCWD, path));
}
long apus_opens_allow(int queue, int descriptor) {
    struct fanotify_response response = { .fd = descriptor, .response = FAN_ALLOW };
    APUS_RETURN(write(queue, &response, sizeof response));
}
