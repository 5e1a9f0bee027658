#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

static long failure(void) { return -(long)errno; }

static long address_of(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    return 0;
}

long apus_local_connect(const char *path) {
    struct sockaddr_un address;
    long result = address_of(path, &address);
    if (result < 0) return result;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return failure();
    while (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EINTR) continue;
        result = failure();
        close(descriptor);
        return result;
    }
    return descriptor;
}

long apus_local_listen(const char *path, unsigned mode) {
    struct sockaddr_un address;
    struct stat status;
    long result = address_of(path, &address);
    if (result < 0) return result;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        long other = apus_local_connect(path);
        if (other >= 0) {
            close((int)other);
            return -EADDRINUSE;
        }
        if (other == -ECONNREFUSED) unlink(path);
    }
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return failure();
    // The mode that the socket has is the mode that its name gets.
    if (fchmod(descriptor, mode) != 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(descriptor, 16) != 0) {
        result = failure();
        close(descriptor);
        return result;
    }
    return descriptor;
}

long apus_local_accept(int listener) {
    int descriptor;
    do descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED));
    return descriptor < 0 ? failure() : descriptor;
}

long apus_local_set_patience(int descriptor, int seconds) {
    struct timeval time = { .tv_sec = seconds };
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0) return failure();
    return setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0 ? failure() : 0;
}

long apus_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return failure();
    *user = peer.uid;
    *group = peer.gid;
    *process = peer.pid;
    return 0;
}

long apus_local_peer_groups(int descriptor, uint32_t *groups, size_t count) {
    socklen_t length = count * sizeof *groups;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0) return failure();
    return length / sizeof *groups;
}
