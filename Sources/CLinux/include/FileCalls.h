// The file system calls that LinuxFileStore needs, in one shape: the result, or the negative error number. So no caller
// ever reads errno, and none can read it too late.
#ifndef CLINUX_FILE_CALLS_H
#define CLINUX_FILE_CALLS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

// O_PATH and AT_EMPTY_PATH: seen only with _GNU_SOURCE, which this header must not define (Swift's Glibc module is built without, and the
// system's structures differ). The same numbers on x86-64 and arm64; FileCalls.c proves them.
enum { APUS_O_PATH = 010000000, APUS_AT_EMPTY_PATH = 0x1000 };

// Flags of linux/openat2.h, which is missing from older systems' headers.
enum {
    APUS_RESOLVE_NO_CROSSING = 0x01, APUS_RESOLVE_NO_MAGICLINKS = 0x02, APUS_RESOLVE_NO_SYMLINKS = 0x04, APUS_RESOLVE_BENEATH = 0x08,
};

// struct statx of linux/stat.h; its layout is the kernel's ABI. Named apart: glibc and the kernel both define it.
struct apus_statx_time { int64_t seconds; uint32_t nanoseconds; int32_t reserved; };
struct apus_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t link_count, user_id, group_id;
    uint16_t mode, spare0;
    uint64_t inode, size, blocks, attributes_mask;
    struct apus_statx_time access_time, birth_time, change_time, write_time;
    uint32_t special_major, special_minor, device_major, device_minor;
    uint64_t mount_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct apus_statx) == 256, "struct statx is 256 bytes");
enum { APUS_STATX_BASIC = 0x7ff, APUS_STATX_BIRTH_TIME = 0x800 };

enum { APUS_XATTR_CREATE = 1 };
// As the nanoseconds of a time: the present one (UTIME_NOW); leave it alone (UTIME_OMIT).
enum { APUS_TIME_NOW = 0x3fffffff, APUS_TIME_OMIT = 0x3ffffffe };

long apus_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
long apus_openat(int directory, const char *path, int flags, unsigned mode);
long apus_close(int descriptor);
long apus_duplicate_onto(int from, int onto);
long apus_statx(int directory, const char *path, int flags, struct apus_statx *out);
long apus_getdents64(int descriptor, void *buffer, size_t size);
long apus_seek_start(int descriptor);
long apus_mkdirat(int directory, const char *name, unsigned mode);
long apus_unlinkat(int directory, const char *name, int flags);
long apus_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
long apus_linkat(int from, const char *name, int to, const char *new_name);
long apus_readlinkat(int directory, const char *name, char *buffer, size_t size);
long apus_faccessat2(int directory, const char *path, int mode, int flags);
long apus_pread(int descriptor, void *buffer, size_t size, int64_t offset);
// Without waiting for a disk: EAGAIN when it would, EOPNOTSUPP where the file system cannot tell.
long apus_pread_now(int descriptor, void *buffer, size_t size, int64_t offset);
long apus_pwrite(int descriptor, const void *buffer, size_t size, int64_t offset);
// At the end of the file as it is then, whoever else writes.
long apus_append(int descriptor, const void *buffer, size_t size);
long apus_fsync(int descriptor);
long apus_fdatasync(int descriptor);
long apus_ftruncate(int descriptor, int64_t size);
// Sets space aside without moving the end of file.
long apus_preallocate(int descriptor, int64_t offset, int64_t size);
long apus_set_times(
    int directory, const char *path, int flags, int64_t access_seconds, int64_t access_nanoseconds,
    int64_t write_seconds, int64_t write_nanoseconds
);
long apus_fchmod(int descriptor, unsigned mode);
long apus_chmod(const char *path, unsigned mode);
long apus_fchown(int descriptor, uint32_t user, uint32_t group);
long apus_chown(const char *path, uint32_t user, uint32_t group);
long apus_fstatvfs(int descriptor, struct statvfs *out);
long apus_fgetxattr(int descriptor, const char *name, void *value, size_t size);
long apus_fsetxattr(int descriptor, const char *name, const void *value, size_t size, int flags);
long apus_fremovexattr(int descriptor, const char *name);
long apus_flistxattr(int descriptor, char *list, size_t size);
// By path, following links: meant for /proc/self/fd/N, the way to the attributes of an O_PATH descriptor's file.
long apus_getxattr(const char *path, const char *name, void *value, size_t size);
long apus_setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
long apus_removexattr(const char *path, const char *name);
long apus_listxattr(const char *path, char *list, size_t size);
// Of an entry of a folder, not following a link.
long apus_entry_getxattr(int directory, const char *entry, const char *name, void *value, size_t size);
long apus_entry_listxattr(int directory, const char *entry, char *list, size_t size);
// Writes "/proc/self/fd/N" (with "/NAME" if a name is given) and a terminator; 0, or -ENAMETOOLONG.
long apus_descriptor_path(char *out, size_t size, int descriptor, const char *name);

// The process's umask, without changing it for a moment.
unsigned apus_umask(void);

// A queue of changes in folders, never waited for.
long apus_inotify_start(void);
// - mask: APUS_WATCH_ENTRIES or less of it. The same folder twice gives the same number.
long apus_inotify_watch(int queue, const char *path, uint32_t mask);
long apus_inotify_forget(int queue, int watch);
long apus_inotify_read(int queue, void *buffer, size_t size);
enum {
    APUS_WATCH_MOVED_FROM = 0x40, APUS_WATCH_MOVED_TO = 0x80, APUS_WATCH_CREATED = 0x100, APUS_WATCH_DELETED = 0x200,
    APUS_WATCH_ENTRIES = 0x40 | 0x80 | 0x100 | 0x200, APUS_WATCH_OVERFLOW = 0x4000, APUS_WATCH_IGNORED = 0x8000,
};
// f_type of statfs(2): which kind of file system this is.
long apus_file_system_type(int descriptor);

// Makes this thread, and no other, reach files as the given user: fsuid, fsgid and supplementary groups by raw system
// calls, since glibc's setgroups() speaks for all threads. Remembers the identity in force, so that asking for the same
// one again costs no system call. The capabilities over files follow the fsuid: those who become root have them, others do not.
// 0, or a negative error number, after which the thread has an identity without rights to count on: try again or give up.
long apus_act_as(uint32_t user, uint32_t group, const uint32_t *groups, size_t group_count);
// Between these two this thread has root's power over files, and then the user's again: for what the server keeps on a
// file on its own account and has allowed already. Two system calls; not to be nested.
void apus_raise(void);
void apus_lower(void);

// The number of the processor that this runs on, without a system call; negative where it cannot be told.
int apus_processor(void);

// The debug builds' check of whom system calls are made as; in others these do nothing. It holds once some
// thread has acted as somebody: a server without root never does.
//
// The thread begins a piece of work: whom it acts as must be said anew, even if it is the same as before.
void apus_begin_work(void);
// The thread acts as whatever it is: the server itself, before there are users.
void apus_declare_identity(void);
// Ends the process if the thread has not said, since apus_begin_work(), whom it acts as, or if the kernel takes it for
// somebody else. `call` is for the message.
void apus_assert_identity(const char *call);

#endif
