// What Linux can do with a file's space, in the shape of FileCalls.h: the result, or the negative error number.
#ifndef CLINUX_SPACE_CALLS_H
#define CLINUX_SPACE_CALLS_H
#include <stddef.h>
#include <stdint.h>

// Zeros without moving the end of file; the space stays set aside.
long apus_zero_range(int descriptor, int64_t offset, int64_t size);
// Zeros without moving the end of file; the space goes back to the file system.
long apus_punch_hole(int descriptor, int64_t offset, int64_t size);
// The first byte at or behind `offset` that is in data, or in a hole (the end of file is one); ENXIO where there is none.
long apus_seek_data(int descriptor, int64_t offset);
long apus_seek_hole(int descriptor, int64_t offset);
// At most `size` bytes, by whatever the file systems do best; the number of bytes done.
long apus_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, size_t size);
// Lets `to` share the blocks of `from` (FICLONERANGE), all or nothing.
long apus_clone_range(int from, int64_t from_offset, int64_t size, int to, int64_t to_offset);
// Flags of chattr(1).
long apus_get_file_flags(int descriptor);
long apus_set_file_flags(int descriptor, unsigned flags);
enum { APUS_FILE_FLAG_COMPRESSED = 0x4, APUS_FILE_FLAG_NOT_COMPRESSED = 0x400 };
// In statx's attributes.
enum { APUS_STATX_COMPRESSED = 0x4 };
// Whether the XFS file system behind the descriptor was made with shared blocks: 1 or 0.
long apus_xfs_shares_blocks(int descriptor);

#endif
