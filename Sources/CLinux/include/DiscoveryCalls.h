// Datagrams to everybody on a link, and answers that do not leave it. Each call returns 0 or more, or the negative error
// number.
#ifndef CLINUX_DISCOVERY_CALLS_H
#define CLINUX_DISCOVERY_CALLS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// A socket for what is sent to WS-Discovery's group on this interface. What is sent to the machine alone does not reach it.
// - family: AF_INET or AF_INET6. - interface: its index.
long apus_discovery_receiver(int family, unsigned interface);

// A socket to send from, to the group or to whoever asked, with this numeric address as its own. Nothing is received by it.
long apus_discovery_sender(int family, unsigned interface, const char *address);

// Takes the next datagram and who sent it, or says -EAGAIN. Returns its whole size, of which at most `size` bytes are stored.
long apus_discovery_receive(int receiver, void *buffer, size_t size, struct sockaddr_storage *source);

// Everybody on the link behind this interface.
void apus_discovery_group(int family, unsigned interface, struct sockaddr_storage *group);

// Sends a datagram. Never waits.
long apus_discovery_send(int sender, const void *buffer, size_t size, const struct sockaddr_storage *destination);

// The bytes of an address, 4 or 16, which is what is returned; those of IPv4 in IPv6's clothes are 4.
long apus_discovery_address(const struct sockaddr_storage *source, uint8_t bytes[16]);

#endif
