// System calls that every small request makes, without what glibc puts around them: its own are points at which a thread
// can be cancelled, and get ready for that with two atomic operations each, some 2 % of a small read in all. Nobody
// cancels threads here. The sanitizers know glibc's calls alone, and watch what they read and write.
#ifndef UNCANCELLED_H
#define UNCANCELLED_H
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define UNCANCELLED(direct, ordinary) (ordinary)
#else
#define UNCANCELLED(direct, ordinary) syscall direct
#endif

static inline long uncancelled_recv(int descriptor, void *buffer, size_t size) {
    return UNCANCELLED((SYS_recvfrom, descriptor, buffer, size, 0, NULL, NULL), recv(descriptor, buffer, size, 0));
}
static inline long uncancelled_send(int descriptor, const void *buffer, size_t size, int flags) {
    return UNCANCELLED(
        (SYS_sendto, descriptor, buffer, size, flags, NULL, 0), send(descriptor, buffer, size, flags));
}
static inline int uncancelled_epoll_wait(int poll, struct epoll_event *events, int count) {
    return (int)UNCANCELLED(
        (SYS_epoll_pwait, poll, events, count, -1, NULL, 8), epoll_wait(poll, events, count, -1));
}
static inline long uncancelled_pread(int descriptor, void *buffer, size_t size, off_t offset) {
    return UNCANCELLED((SYS_pread64, descriptor, buffer, size, offset), pread(descriptor, buffer, size, offset));
}
static inline long uncancelled_pwrite(int descriptor, const void *buffer, size_t size, off_t offset) {
    return UNCANCELLED(
        (SYS_pwrite64, descriptor, buffer, size, offset), pwrite(descriptor, buffer, size, offset));
}
#endif
