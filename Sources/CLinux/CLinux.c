#define _GNU_SOURCE
#include "CLinux.h"

#include <pthread.h>

void linux_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

static _Thread_local void *thread_value;

void *linux_thread_value(void) { return thread_value; }
void linux_set_thread_value(void *value) { thread_value = value; }

int linux_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
