// What the kernel takes to receive one small message and answer it, over TCP on loopback, one at a time: the least that
// any server can need for an echo here.
//   bare_loop SECONDS
// Prints the server's processor time for each, microseconds: of a loop of epoll_wait, recv and send, and of one of recv
// and send alone. A client in a process of its own sends the next message when the answer has come.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// An ECHO request and its response: prefix, header, body.
enum { message_size = 4 + 64 + 4 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static double processor_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int watch(int connection) {
    int poll = epoll_create1(0), yes = 1;
    struct epoll_event event = {.events = EPOLLIN};
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event);
    return poll;
}

static void ask(struct sockaddr_in *address, double seconds) {
    char message[message_size] = {0};
    struct epoll_event event;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)address, sizeof *address) != 0) _exit(1);
    int poll = watch(connection);
    for (double end = now() + seconds; now() < end;) {
        if (send(connection, message, sizeof message, 0) != sizeof message) _exit(1);
        epoll_wait(poll, &event, 1, -1);
        if (recv(connection, message, sizeof message, 0) <= 0) _exit(1);
    }
    _exit(0);
}

static double answer(int connection, int waits) {
    char message[4096] = {0};
    struct epoll_event event;
    int poll = watch(connection);
    double before = processor_time();
    long count = 0;
    for (;; count++) {
        if (waits) epoll_wait(poll, &event, 1, -1);
        if (recv(connection, message, sizeof message, 0) <= 0) break;
        if (send(connection, message, message_size, MSG_NOSIGNAL) != message_size) break;
    }
    close(poll);
    close(connection);
    return count > 0 ? (processor_time() - before) / count * 1e6 : 0;
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 5;
    for (int waits = 1; waits >= 0; waits--) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0) return 1;
        if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) return 1;
        if (fork() == 0) ask(&address, seconds);
        printf("%.2f ", answer(accept(listener, 0, 0), waits));
        close(listener);
        wait(0);
    }
    printf("\n");
    return 0;
}
