// How far what was sent over a TCP connection has come.
#ifndef CLINUX_DELIVERY_H
#define CLINUX_DELIVERY_H
#include <stdint.h>

struct linux_delivery {
    /// Bytes that the other end has acknowledged since the connection was made.
    uint64_t acknowledged;
    /// Bytes that it was sent, or is to be sent, and has not acknowledged.
    uint64_t outstanding;
};

/// Zeros where there is no telling.
struct linux_delivery linux_delivery(int socket);

/// Microseconds that a TCP connection's packets take there and back, as far as is known; right after accept, what its
/// handshake took. 0 where there is no telling.
uint32_t linux_round_trip(int socket);

#endif
