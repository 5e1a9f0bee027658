"""Runs a program on an older kernel, as far as it can tell: without_calls.py NUMBER… -- PROGRAM ARGUMENT…

System calls with these numbers (464 and up mean the same on every architecture) do not exist for it and what it starts.
"""
import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD_NUMBER, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000


def instruction(code, value, if_true=0, if_false=0):
    """struct sock_filter"""
    return struct.pack("<HBBI", code, if_true, if_false, value)


split = sys.argv.index("--")
numbers, command = [int(number) for number in sys.argv[1:split]], sys.argv[split + 1:]
program = instruction(LOAD_NUMBER, 0)
for number in numbers:
    program += instruction(JUMP_EQUAL, number, 0, 1) + instruction(RETURN, ERROR | errno.ENOSYS)
program += instruction(RETURN, ALLOW)

libc = ctypes.CDLL(None, use_errno=True)
# struct sock_fprog: how many instructions, and where.
instructions = ctypes.create_string_buffer(program, len(program))
filter = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
# Root may filter itself as it is; others must give up gaining rights first.
if os.geteuid() != 0 and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_NO_NEW_PRIVS) failed")
if libc.prctl(PR_SET_SECCOMP, FILTER, filter, 0, 0) != 0:
    sys.exit(f"prctl(PR_SET_SECCOMP): {os.strerror(ctypes.get_errno())}")
os.execvp(command[0], command)
