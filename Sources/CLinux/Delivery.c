#include "Delivery.h"

// Not <netinet/tcp.h>: glibc's tcp_info ends before what is wanted here.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct linux_delivery linux_delivery(int socket) {
    struct linux_delivery delivery = {0, 0};
    struct tcp_info info;
    socklen_t length = sizeof info;
    int outstanding = 0;
    memset(&info, 0, sizeof info);
    // In this order an acknowledgement in between makes the sum too large, never too small.
    if (ioctl(socket, SIOCOUTQ, &outstanding) == 0 && outstanding > 0) delivery.outstanding = (uint64_t)outstanding;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == 0) delivery.acknowledged = info.tcpi_bytes_acked;
    return delivery;
}

uint32_t linux_round_trip(int socket) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    return info.tcpi_rtt;
}
