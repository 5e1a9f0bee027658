// Starting a process, and giving up what a process may do. Each call returns 0 or more, or the negative error number.
#ifndef CLINUX_SANDBOX_H
#define CLINUX_SANDBOX_H
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

// Runs `path` with these arguments and this environment, both terminated by null. The child's descriptors are 0, 1 and 2 of
// ours, and `descriptors` as 3, 4, … Returns its process ID.
long apus_spawn(
    const char *path, char *const arguments[], char *const environment[], const int descriptors[], int descriptor_count);

// Closes every descriptor from `first` on.
long apus_close_from(int first);

// Leaves the calling thread, those it starts, and what it executes, of root's power what a server takes that acts as its
// users, and sets no_new_privs.
long apus_keep_capabilities(void);

// Becomes this user and group for good, without supplementary groups. Wants root.
long apus_become(uint32_t user, uint32_t group);

// Gives up every capability for good, sets no_new_privs, and keeps others of the same user from looking into the process.
long apus_give_up_privileges(void);

// Denies the calling thread, and those it starts, every file (Landlock). Returns the kernel's Landlock version; -ENOSYS or
// -EOPNOTSUPP where it has none.
long apus_deny_files(void);

// Leaves all threads of the process only the system calls that answering messages takes; any other ends the process. Opening
// files is answered with EACCES unless APUS_MAY_OPEN: then it is left to file permissions and Landlock. With APUS_MAY_ACCEPT
// it may wait for several sockets, and take who connects to those that listen already.
long apus_restrict_system_calls(int may);
enum { APUS_MAY_OPEN = 1, APUS_MAY_ACCEPT = 2 };

// Waits for one of these signals, which all threads block. Returns its number, or 0 when interrupted; `sender` is the process
// that sent it.
int apus_wait_for_signal(const sigset_t *signals, pid_t *sender);

#endif
