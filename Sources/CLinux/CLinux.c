// A C target needs one file to compile.
#include "CLinux.h"
