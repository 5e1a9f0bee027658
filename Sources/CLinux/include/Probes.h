// What a system can do, tried out: for `apus doctor`. All return 0 or more, or -errno.
#ifndef CLINUX_PROBES_H
#define CLINUX_PROBES_H
#include <stddef.h>
#include <stdint.h>

/// The file system's kind (statfs(2), f_type), and whether it is mounted read-only.
long apus_probe_file_system(const char *path, uint64_t *kind, int *is_read_only);
/// Whether an attribute of that name could be there: -EOPNOTSUPP where it could not.
long apus_probe_attribute(const char *path, const char *name);
/// An unnamed file in the folder, gone at once, is given a user attribute of `size` bytes. -EOPNOTSUPP, -EISDIR, -EACCES and
/// others may also mean that there can be no such file.
long apus_probe_large_attribute(const char *folder, size_t size);
/// Whether name_to_handle_at(2) tells of it.
long apus_probe_handle(const char *path);
/// 1 where the folder takes names that differ by case for the same (ext4, f2fs: casefold).
long apus_probe_case_folding(const char *path);

#define APUS_HAS_OPENAT2 1
#define APUS_HAS_GETXATTRAT 2
#define APUS_HAS_STATMOUNT 4
/// Which of these system calls there are.
long apus_probe_system_calls(void);
/// Whether the clock is set by somebody, and how far off it may be, in microseconds.
long apus_probe_clock(int64_t *error);
/// RLIMIT_NOFILE, as far as a process may raise its own.
long apus_probe_open_files(void);
// Columns of the terminal at a descriptor; 80 where it does not say.
long apus_terminal_width(int descriptor);
/// Raises this process's own as far as it may, but not beyond `wanted`.
long apus_raise_open_files(uint64_t wanted);
#endif
