// Files that are neither data nor folder, in the shape of FileCalls.h: the result, or the negative error number.
#ifndef CLINUX_SPECIAL_FILE_CALLS_H
#define CLINUX_SPECIAL_FILE_CALLS_H
#include <stddef.h>
#include <stdint.h>

long apus_symlinkat(const char *target, int directory, const char *name);
// - mode: with the type, S_IFIFO and its likes.
long apus_mknodat(int directory, const char *name, unsigned mode, unsigned major, unsigned minor);
// Where the link behind an O_PATH descriptor leads; the number of bytes, no terminator.
long apus_readlink_descriptor(int descriptor, char *buffer, size_t size);

#endif
