#include "ServiceManager.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

long apus_notify(const char *address, const char *message, size_t size) {
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t length = strlen(address);
    if (length == 0 || length >= sizeof to.sun_path) return -EINVAL;
    memcpy(to.sun_path, address, length);
    // A name in the abstract namespace is written with "@".
    if (address[0] == '@') to.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    socklen_t room = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(descriptor, message, size, MSG_NOSIGNAL, (const struct sockaddr *)&to, room);
    long result = sent < 0 ? -(long)errno : 0;
    close(descriptor);
    return result;
}
