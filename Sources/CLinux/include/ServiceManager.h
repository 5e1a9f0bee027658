#ifndef APUS_SERVICE_MANAGER_H
#define APUS_SERVICE_MANAGER_H

#include <stddef.h>

// Sends a datagram to the service manager's socket, sd_notify(3). `address` is a path, or "@" and an abstract name.
// 0 or -errno.
long apus_notify(const char *address, const char *message, size_t size);

#endif
