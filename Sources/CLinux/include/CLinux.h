// What Linux has and Swift's Glibc module does not show: epoll, openat2, statx, per-thread credentials.
#ifndef CLINUX_H
#define CLINUX_H
// Without _GNU_SOURCE: with it, glibc's headers would define some types otherwise than Swift's Glibc module saw them. What
// needs it is in the .c files.
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "Delivery.h"
#include "DiscoveryCalls.h"
#include "FileCalls.h"
#include "LocalCalls.h"
#include "LocalSocket.h"
#include "Probes.h"
#include "Sandbox.h"
#include "ServiceManager.h"
#include "SpaceCalls.h"
#include "SpecialFileCalls.h"

/// A pointer that each thread has for itself; null at first.
void *linux_thread_value(void);
void linux_set_thread_value(void *value);

/// The threads of this process share `count` heaps. The C library makes eight for each core, and what was freed in one
/// serves no other: a burst that went through many threads would keep memory in each. Only before there are threads.
void linux_bound_heaps(int count);

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC.
int linux_accept(int listener, struct sockaddr *address, socklen_t *length);

/// recv(2), send(2) with MSG_NOSIGNAL, and epoll_wait(2) without a time limit: -1 is a failure, and errno says which.
long linux_receive(int socket, void *buffer, size_t size);
long linux_send(int socket, const void *buffer, size_t size);
int linux_wait_for_events(int poll, struct epoll_event *events, int count);

/// Names the calling thread, at most 15 bytes, for tools that list threads.
void linux_set_thread_name(const char *name);

/// Whether the calling thread, when it wakes, leaves the processor to what runs (SCHED_BATCH) or pushes it aside. Works
/// for a thread with the default policy; leaves any other as it is.
void linux_set_thread_patience(int is_patient);

/// Sleeps this many microseconds, not the fifty more by which the kernel may put a thread's timers together.
void linux_sleep_precisely(long microseconds);

#endif
