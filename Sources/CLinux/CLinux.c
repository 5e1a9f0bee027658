#define _GNU_SOURCE
#include "CLinux.h"
#include "Uncancelled.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

void linux_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

void linux_set_thread_patience(int is_patient) {
    struct sched_param none = {0};
    int policy = sched_getscheduler(0);
    if (policy == SCHED_OTHER || policy == SCHED_BATCH) sched_setscheduler(0, is_patient ? SCHED_BATCH : SCHED_OTHER, &none);
}

void linux_sleep_precisely(long microseconds) {
    static _Thread_local int is_precise;
    if (!is_precise) is_precise = prctl(PR_SET_TIMERSLACK, 1000) == 0;
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static _Thread_local void *thread_value;

void *linux_thread_value(void) { return thread_value; }
void linux_set_thread_value(void *value) { thread_value = value; }

int linux_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

long linux_receive(int socket, void *buffer, size_t size) { return uncancelled_recv(socket, buffer, size); }
long linux_send(int socket, const void *buffer, size_t size) {
    return uncancelled_send(socket, buffer, size, MSG_NOSIGNAL);
}
int linux_wait_for_events(int poll, struct epoll_event *events, int count) {
    return uncancelled_epoll_wait(poll, events, count);
}

void linux_bound_heaps(int count) { mallopt(M_ARENA_MAX, count); }
