#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "AsUser.h"
#include "SpecialFileCalls.h"

#define APUS_RETURN(call) do { long r = (call); return r < 0 ? -(long)errno : r; } while (0)

long apus_symlinkat(const char *target, int directory, const char *name) {
    AS_USER();
    APUS_RETURN(symlinkat(target, directory, name));
}
long apus_mknodat(int directory, const char *name, unsigned mode, unsigned major, unsigned minor) {
    AS_USER();
    APUS_RETURN(mknodat(directory, name, mode, makedev(major, minor)));
}
long apus_readlink_descriptor(int descriptor, char *buffer, size_t size) {
    APUS_RETURN(readlinkat(descriptor, "", buffer, size));
}
