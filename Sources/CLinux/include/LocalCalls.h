// What other programs on this machine do with files, and what they are told of ours. Negative results are error numbers.
#ifndef APUS_LOCAL_CALLS_H
#define APUS_LOCAL_CALLS_H

#include <stddef.h>
#include <stdint.h>

// A queue of changes in folders that says who made them, fanotify(7). Reading waits for the next.
long apus_changes_start(void);
// - path: a folder. - mask: APUS_CHANGE_*.
long apus_changes_watch(int queue, const char *path, uint64_t mask);
long apus_changes_forget(int queue, const char *path, uint64_t mask);
long apus_changes_read(int queue, void *buffer, size_t size);
enum {
    APUS_CHANGE_ATTRIBUTES = 0x4, APUS_CHANGE_WRITTEN = 0x8, APUS_CHANGE_MOVED_FROM = 0x40, APUS_CHANGE_MOVED_TO = 0x80,
    APUS_CHANGE_CREATED = 0x100, APUS_CHANGE_DELETED = 0x200, APUS_CHANGE_OVERFLOW = 0x4000,
    APUS_CHANGE_ON_CHILD = 0x08000000, APUS_CHANGE_RENAMED = 0x10000000, APUS_CHANGE_ON_FOLDER = 0x40000000,
};
// The kinds of information records in an event.
enum { APUS_CHANGE_NAME = 2, APUS_CHANGE_OLD_NAME = 10, APUS_CHANGE_NEW_NAME = 12 };

// Writes how an event calls the folder behind the descriptor: 8 bytes for its file system, then length, type and bytes of
// the handle. The number of bytes written.
long apus_changes_identity(int descriptor, uint8_t *out, size_t size);

// A queue of opens that wait for an answer, and of writes. Reading waits for the next.
long apus_opens_start(void);
// - path: a file.
long apus_opens_watch(int queue, const char *path);
long apus_opens_forget(int queue, const char *path);
// Lets the open behind an event's descriptor go on.
long apus_opens_allow(int queue, int descriptor);
enum { APUS_OPENS_OPEN = 0x10000 };

// Sets or takes away a lock of the open file behind the descriptor, and never waits: -EAGAIN if another has one there.
// - kind: 0 none, 1 shared, 2 exclusive. - size: 0 for all up to the end, wherever it comes to be.
long apus_set_lock(int descriptor, int kind, int64_t start, int64_t size);

#endif
