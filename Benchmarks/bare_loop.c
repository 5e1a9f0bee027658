// What the kernel takes to receive small messages and answer them, over TCP on loopback, one at a time: the least that any
// server can need for such requests here.
//   bare_loop SECONDS FOLDER
// Prints the server's processor time for each operation, microseconds:
//   of one message and its answer, with epoll_wait, recv and send; the same with recv and send alone;
//   of two of them, with a byte of a file in FOLDER locked in the first (fcntl, an OFD lock) and unlocked in the second;
//   of two, with the file opened (openat2, statx, fgetxattr) and closed: what cannot be done without to answer a CREATE.
// These two with recv and send alone. A client in a process of its own sends the next message when the answer has come.
//   bare_loop SECONDS FOLDER lock|open|nothing
// Prints a port, answers one client (file_operations.py bare) until it goes, and prints the time for one or, of lock and
// open, two of its messages: a client that does more between two of them leaves less of the kernel in the caches.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
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

static int folder, file;

static void nothing(long number) { (void)number; }

static void lock(long number) {
    struct flock range = {.l_type = number % 2 ? F_UNLCK : F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1};
    if (fcntl(file, F_OFD_SETLK, &range) != 0) _exit(1);
}

static void open_and_close(long number) {
    static int opened;
    struct open_how how = {.flags = O_RDWR | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    struct statx status;
    char value[256];
    if (number % 2) {
        close(opened);
        return;
    }
    opened = syscall(SYS_openat2, folder, "bare_loop", &how, sizeof how);
    if (opened < 0 || statx(opened, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) _exit(1);
    fgetxattr(opened, "user.DOSATTRIB", value, sizeof value);
}

// For each message: what it takes beside receiving and sending.
// The answer is the message's own first bytes: an SMB2 header with the message's ID, and the status that is 0 there.
static double answer(int connection, int waits, void (*work)(long)) {
    char message[4096] = {0};
    struct epoll_event event;
    int poll = watch(connection);
    double before = processor_time();
    long count = 0;
    for (;; count++) {
        if (waits) epoll_wait(poll, &event, 1, -1);
        if (recv(connection, message, sizeof message, 0) <= 0) break;
        work(count);
        message[3] = message_size - 4;
        if (send(connection, message, message_size, MSG_NOSIGNAL) != message_size) break;
    }
    close(poll);
    close(connection);
    return count > 0 ? (processor_time() - before) / count * 1e6 : 0;
}

static int listen_anywhere(struct sockaddr_in *address) {
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)address, length) != 0 || listen(listener, 1) != 0) _exit(1);
    if (getsockname(listener, (struct sockaddr *)address, &length) != 0) _exit(1);
    return listener;
}

static double measure(double seconds, int waits, void (*work)(long)) {
    struct sockaddr_in address;
    int listener = listen_anywhere(&address);
    if (fork() == 0) ask(&address, seconds);
    double each = answer(accept(listener, 0, 0), waits, work);
    close(listener);
    while (wait(0) > 0) {}
    return each;
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 5;
    folder = open(count > 2 ? arguments[2] : "/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
    file = openat(folder, "bare_loop", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return 1;
    if (count > 3) {
        struct sockaddr_in address;
        int listener = listen_anywhere(&address), pairs = arguments[3][0] != 'n';
        printf("%d\n", ntohs(address.sin_port));
        fflush(stdout);
        void (*work)(long) = !pairs ? nothing : arguments[3][0] == 'l' ? lock : open_and_close;
        printf("%.2f\n", (1 + pairs) * answer(accept(listener, 0, 0), 0, work));
        unlinkat(folder, "bare_loop", 0);
        return 0;
    }
    printf("%.2f ", measure(seconds, 1, nothing));
    printf("%.2f ", measure(seconds, 0, nothing));
    printf("%.2f ", 2 * measure(seconds, 0, lock));
    printf("%.2f\n", 2 * measure(seconds, 0, open_and_close));
    unlinkat(folder, "bare_loop", 0);
    return 0;
}
