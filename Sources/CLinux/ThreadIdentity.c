// The identity of each thread for the file system.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "FileCalls.h"

int apus_processor(void) { return sched_getcpu(); }

// The identity this thread has now. `is_known` is 0 before the first switch and while one is under way.
struct identity {
    int is_known;
    uint32_t user, group;
    size_t group_count;
    uint32_t groups[256];
};
static _Thread_local struct identity current;

// CAP_SYS_RESOURCE does not go away with the fsuid and lets its holder write beyond quotas and into the blocks that are
// kept for root. A thread that acts for users is better without it.
static void drop_resource_capability(void) {
    static _Thread_local int is_done;
    if (is_done) return;
    is_done = 1;
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return;
    data[CAP_SYS_RESOURCE / 32].effective &= ~(1u << (CAP_SYS_RESOURCE % 32));
    syscall(SYS_capset, &header, data);
}

static int is_current(uint32_t user, uint32_t group, const uint32_t *groups, size_t group_count) {
    return current.is_known && current.user == user && current.group == group && current.group_count == group_count
        && (group_count == 0 || memcmp(current.groups, groups, group_count * sizeof *groups) == 0);
}

#ifdef APUS_IDENTITY_CHECK
// Which piece of work the thread is at, in which one it last said whom it acts as, and whether it has root's power for
// the moment.
static _Thread_local uint64_t work = 1, declared;
static _Thread_local int is_raised;
static _Atomic int has_switched;

void apus_begin_work(void) { work++; }
void apus_declare_identity(void) { declared = work; }

static int is_acting_as_said(void) {
    if (!current.is_known) return 1;
    uint32_t groups[sizeof current.groups / sizeof *current.groups];
    uint32_t user = is_raised ? 0 : current.user;
    return (uint32_t)syscall(SYS_setfsuid, -1) == user && (uint32_t)syscall(SYS_setfsgid, -1) == current.group
        && syscall(SYS_getgroups, sizeof groups / sizeof *groups, groups) == (long)current.group_count
        && memcmp(current.groups, groups, current.group_count * sizeof *groups) == 0;
}

void apus_assert_identity(const char *call) {
    if (!has_switched || (declared == work && is_acting_as_said())) return;
    fprintf(stderr, "%s: called %s\n", call, declared == work ? "as somebody else" : "without saying as whom");
    abort();
}
#define DECLARE(switches) (apus_declare_identity(), (switches) ? (void)(has_switched = 1) : (void)0)
#define RAISED(value) ((void)(is_raised = (value)))
#else
void apus_begin_work(void) {}
void apus_declare_identity(void) {}
void apus_assert_identity(const char *call) { (void)call; }
#define DECLARE(switches) ((void)0)
#define RAISED(value) ((void)0)
#endif

long apus_act_as(uint32_t user, uint32_t group, const uint32_t *groups, size_t group_count) {
    DECLARE(user != 0 || group != 0);
    if (is_current(user, group, groups, group_count)) return 0;
    // Groups beyond the room for them are not remembered: such a user pays for the switch every time.
    current.is_known = 0;
    drop_resource_capability();
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

void apus_raise(void) {
    RAISED(1);
    syscall(SYS_setfsuid, 0);
}

void apus_lower(void) {
    RAISED(0);
    // An identity that was not remembered (too many groups) is not known here: nobody's is the safe one, and the next
    // apus_act_as() sets it right.
    syscall(SYS_setfsuid, current.is_known ? current.user : 65534);
}
