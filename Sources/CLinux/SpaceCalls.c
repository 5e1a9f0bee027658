#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "AsUser.h"
#include "SpaceCalls.h"

_Static_assert(APUS_FILE_FLAG_COMPRESSED == FS_COMPR_FL && APUS_FILE_FLAG_NOT_COMPRESSED == FS_NOCOMP_FL, "flags");

#define APUS_RETURN(call) do { long r = (call); return r < 0 ? -(long)errno : r; } while (0)

long apus_zero_range(int descriptor, int64_t offset, int64_t size) {
    APUS_RETURN(fallocate64(descriptor, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, size));
}
long apus_punch_hole(int descriptor, int64_t offset, int64_t size) {
    APUS_RETURN(fallocate64(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size));
}
long apus_seek_data(int descriptor, int64_t offset) { APUS_RETURN(lseek64(descriptor, offset, SEEK_DATA)); }
long apus_seek_hole(int descriptor, int64_t offset) { APUS_RETURN(lseek64(descriptor, offset, SEEK_HOLE)); }
long apus_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, size_t size) {
    off64_t in = from_offset, out = to_offset;
    APUS_RETURN(copy_file_range(from, &in, to, &out, size, 0));
}
long apus_clone_range(int from, int64_t from_offset, int64_t size, int to, int64_t to_offset) {
    struct file_clone_range range = {
        .src_fd = from, .src_offset = (uint64_t)from_offset, .src_length = (uint64_t)size,
        .dest_offset = (uint64_t)to_offset,
    };
    APUS_RETURN(ioctl(to, FICLONERANGE, &range));
}
long apus_get_file_flags(int descriptor) {
    unsigned flags = 0;
    return ioctl(descriptor, FS_IOC_GETFLAGS, &flags) < 0 ? -(long)errno : (long)flags;
}
long apus_set_file_flags(int descriptor, unsigned flags) {
    AS_USER();
    APUS_RETURN(ioctl(descriptor, FS_IOC_SETFLAGS, &flags));
}

// XFS_IOC_FSGEOMETRY of xfs_fs.h, which is not among the kernel's installed headers: 256 bytes, the flags at 92.
struct apus_xfs_geometry { unsigned char bytes[256]; };
long apus_xfs_shares_blocks(int descriptor) {
    struct apus_xfs_geometry geometry;
    uint32_t flags;
    if (ioctl(descriptor, _IOR('X', 126, struct apus_xfs_geometry), &geometry) < 0) return -(long)errno;
    memcpy(&flags, geometry.bytes + 92, sizeof flags);
    return flags >> 20 & 1;
}
