// Stream sockets with a name in the file system, and who is at their other end. Each call returns 0 or more, or the negative
// error number.
#ifndef CLINUX_LOCAL_SOCKET_H
#define CLINUX_LOCAL_SOCKET_H
#include <stddef.h>
#include <stdint.h>

enum { APUS_LOCAL_PATH_MAX = 107 };

// Listens at `path`, which nobody can open but as `mode` says, at no moment. A socket that nobody listens at any more is
// replaced; where somebody does, -EADDRINUSE. Returns the descriptor.
long apus_local_listen(const char *path, unsigned mode);

// Waits for a caller; interrupted calls are taken up again.
long apus_local_accept(int listener);

long apus_local_connect(const char *path);

// Both directions give up after so many seconds.
long apus_local_set_patience(int descriptor, int seconds);

// Who called connect(2): user and main group as of then.
long apus_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process);

// The caller's supplementary groups, as of then; at most `count`. Returns how many there are.
long apus_local_peer_groups(int descriptor, uint32_t *groups, size_t count);

#endif
