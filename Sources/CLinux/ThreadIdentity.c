// The identity of each thread for the file system.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "FileCalls.h"

// The identity this thread has now. `is_known` is 0 before the first switch and while one is under way.
struct identity {
    int is_known;
    uint32_t user, group;
    size_t group_count;
    uint32_t groups[64];
};
static _Thread_local struct identity current;

static int is_current(uint32_t user, uint32_t group, const uint32_t *groups, size_t group_count) {
    return current.is_known && current.user == user && current.group == group && current.group_count == group_count
        && (group_count == 0 || memcmp(current.groups, groups, group_count * sizeof *groups) == 0);
}

long apus_act_as(uint32_t user, uint32_t group, const uint32_t *groups, size_t group_count) {
    if (is_current(user, group, groups, group_count)) return 0;
    // Groups beyond the room for them are not remembered: such a user pays for the switch every time.
    current.is_known = 0;
    // The user comes last, so that no moment exists in which the new user has the old one's groups. setgroups needs
    // CAP_SETGID, which stays with the effective user ID and does not follow the fsuid.
    syscall(SYS_setfsuid, 0);
    if (syscall(SYS_setgroups, group_count, groups) < 0) return -(long)errno;
    syscall(SYS_setfsgid, group);
    syscall(SYS_setfsuid, user);
    // setfsuid and setfsgid report no error; an impossible ID asks them for the one in force.
    if ((uint32_t)syscall(SYS_setfsuid, -1) != user || (uint32_t)syscall(SYS_setfsgid, -1) != group) {
        syscall(SYS_setfsuid, 65534);
        return -EPERM;
    }
    if (group_count <= sizeof current.groups / sizeof *current.groups) {
        current.user = user;
        current.group = group;
        current.group_count = group_count;
        if (group_count) memcpy(current.groups, groups, group_count * sizeof *groups);
        current.is_known = 1;
    }
    return 0;
}

void apus_raise(void) { syscall(SYS_setfsuid, 0); }

void apus_lower(void) {
    // An identity that was not remembered (too many groups) is not known here: nobody's is the safe one, and the next
    // apus_act_as() sets it right.
    syscall(SYS_setfsuid, current.is_known ? current.user : 65534);
}
