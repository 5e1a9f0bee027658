// AS_USER() stands in every call that the kernel judges by who makes it: debug builds then make sure of who that is. What
// only concerns an open descriptor was judged when it was opened.
#ifndef AS_USER_H
#define AS_USER_H
#include "FileCalls.h"

#ifdef APUS_IDENTITY_CHECK
#define AS_USER() apus_assert_identity(__func__)
#else
#define AS_USER() ((void)0)
#endif

#endif
