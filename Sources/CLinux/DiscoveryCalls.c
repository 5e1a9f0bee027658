#define _GNU_SOURCE
#include "DiscoveryCalls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

// Headers of older systems lack them.
#ifndef IP_MULTICAST_ALL
#define IP_MULTICAST_ALL 49
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

enum { discovery_port = 3702 };
static const char *const group_four = "239.255.255.250", *const group_six = "ff02::c";

static socklen_t set_address(int family, const char *text, unsigned interface, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    out->ss_family = family;
    if (family == AF_INET) {
        struct sockaddr_in *four = (struct sockaddr_in *)out;
        four->sin_port = htons(discovery_port);
        return inet_pton(AF_INET, text, &four->sin_addr) == 1 ? sizeof *four : 0;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    six->sin6_port = htons(discovery_port);
    six->sin6_scope_id = interface;
    return inet_pton(AF_INET6, text, &six->sin6_addr) == 1 ? sizeof *six : 0;
}

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

// A datagram socket with this address of the port that all share who do WS-Discovery on a machine.
static int open_socket(int family, const char *text, unsigned interface) {
    struct sockaddr_storage address;
    socklen_t length = set_address(family, text, interface, &address);
    if (length == 0) {
        errno = EINVAL;
        return -1;
    }
    int descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int result = set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && family == AF_INET6) result = set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0) result = bind(descriptor, (struct sockaddr *)&address, length);
    if (result == 0) return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}

static long finished(int descriptor, int result) {
    if (result == 0) return descriptor;
    long code = errno;
    close(descriptor);
    return -code;
}

long apus_discovery_receiver(int family, unsigned interface) {
    int descriptor = open_socket(family, family == AF_INET ? group_four : group_six, interface);
    if (descriptor < 0) return -(long)errno;
    // Without the second option a socket gets what comes to the group on any interface that somebody else has joined on.
    if (family == AF_INET) {
        struct ip_mreqn join = { .imr_ifindex = (int)interface };
        inet_pton(AF_INET, group_four, &join.imr_multiaddr);
        int result = setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
        return finished(descriptor, result == 0 ? set(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0) : result);
    }
    struct ipv6_mreq join = { .ipv6mr_interface = interface };
    inet_pton(AF_INET6, group_six, &join.ipv6mr_multiaddr);
    int result = setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof join);
    return finished(descriptor, result == 0 ? set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) : result);
}

long apus_discovery_sender(int family, unsigned interface, const char *address) {
    int descriptor = open_socket(family, address, interface);
    if (descriptor < 0) return -(long)errno;
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { 1, &nothing };
    int result = setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    // One hop: neither the group's datagrams nor an answer to a false address leave the link.
    if (result == 0 && family == AF_INET) {
        struct ip_mreqn through = { .imr_ifindex = (int)interface };
        result = setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &through, sizeof through);
        if (result == 0) result = set(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, 1);
        if (result == 0) result = set(descriptor, IPPROTO_IP, IP_TTL, 1);
    } else if (result == 0) {
        result = set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface);
        if (result == 0) result = set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1);
        if (result == 0) result = set(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1);
    }
    return finished(descriptor, result);
}

long apus_discovery_receive(int receiver, void *buffer, size_t size, struct sockaddr_storage *source) {
    socklen_t length = sizeof *source;
    ssize_t count = recvfrom(receiver, buffer, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)source, &length);
    return count < 0 ? -(long)errno : count;
}

void apus_discovery_group(int family, unsigned interface, struct sockaddr_storage *group) {
    set_address(family, family == AF_INET ? group_four : group_six, interface, group);
}

long apus_discovery_send(int sender, const void *buffer, size_t size, const struct sockaddr_storage *destination) {
    socklen_t length = destination->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const struct sockaddr *to = (const struct sockaddr *)destination;
    ssize_t count = sendto(sender, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL, to, length);
    return count < 0 ? -(long)errno : count;
}

long apus_discovery_address(const struct sockaddr_storage *source, uint8_t bytes[16]) {
    if (source->ss_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)source)->sin_addr, 4);
        return 4;
    }
    const struct in6_addr *six = &((const struct sockaddr_in6 *)source)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(six)) {
        memcpy(bytes, six->s6_addr + 12, 4);
        return 4;
    }
    memcpy(bytes, six, 16);
    return 16;
}
