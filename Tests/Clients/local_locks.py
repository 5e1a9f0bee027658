"""Byte-range locks of clients and of programs on the server itself see each other."""
import fcntl
import os
import threading
import time

from smbprotocol.open import CreateDisposition, FilePipePrinterAccessMask as Access, LockFlags

from one_client import OneClient
from tap import check, done, expect_error

SHARE_FOLDER = os.environ["SHARE_FOLDER"]
SHARED, EXCLUSIVE = LockFlags.SMB2_LOCKFLAG_SHARED_LOCK, LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK
UNLOCK, NOW = LockFlags.SMB2_LOCKFLAG_UNLOCK, LockFlags.SMB2_LOCKFLAG_FAIL_IMMEDIATELY
NOT_GRANTED = "0xc0000055"
one = OneClient()


class Both:
    """A file that the client has open, and this process too: another one than the server."""

    def __init__(self, name, share=None, folder=SHARE_FOLDER, access=Access.GENERIC_READ | Access.GENERIC_WRITE):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(bytes(100))
        os.chmod(path, 0o666)
        self.client = OneClient(share=share) if share else one
        self.remote = self.client.open(name, access=access)
        self.local = open(path, "r+b")

    def lock(self, offset, length, flags):
        self.client.lock(self.remote, offset, length, flags)

    def take(self, kind, offset=0, length=10):
        fcntl.lockf(self.local, kind | fcntl.LOCK_NB, length, offset)

    def free(self):
        fcntl.lockf(self.local, fcntl.LOCK_UN)

    def is_free(self, kind=fcntl.LOCK_EX, offset=0, length=10):
        try:
            self.take(kind, offset, length)
        except OSError:
            return False
        self.free()
        return True


def exclusive():
    file = Both("exclusive")
    file.lock(5, 10, EXCLUSIVE | NOW)
    assert not file.is_free(fcntl.LOCK_SH) and not file.is_free(offset=14) and file.is_free(offset=15)
    file.lock(5, 10, UNLOCK)
    assert file.is_free(length=0)


def shared():
    file = Both("shared")
    file.lock(0, 10, SHARED | NOW)
    assert file.is_free(fcntl.LOCK_SH) and not file.is_free(fcntl.LOCK_EX)
    file.remote.close()
    assert file.is_free(), "still locked after the close"


def stacked():
    """What is unlocked may be locked by another of the same open's locks."""
    file = Both("stacked")
    file.lock(0, 20, SHARED | NOW)
    file.lock(10, 20, SHARED | NOW)
    file.lock(0, 20, UNLOCK)
    assert file.is_free(length=10) and not file.is_free(offset=10, length=1) and not file.is_free(offset=29, length=1)
    file.lock(10, 20, UNLOCK)
    file.lock(0, 10, EXCLUSIVE | NOW)
    file.lock(0, 10, SHARED | NOW)
    file.lock(0, 10, UNLOCK)
    assert file.is_free(fcntl.LOCK_SH) and not file.is_free()
    file.lock(0, 10, UNLOCK)
    assert file.is_free()


def theirs_first():
    file = Both("theirs")
    file.take(fcntl.LOCK_EX)
    expect_error(NOT_GRANTED, file.lock, 5, 10, SHARED | NOW)
    file.lock(10, 10, EXCLUSIVE | NOW)
    file.free()
    file.lock(0, 10, EXCLUSIVE | NOW)


def all_or_nothing():
    """A request for a range that is locked in part leaves nothing behind."""
    file = Both("parts")
    file.take(fcntl.LOCK_EX, offset=50)
    expect_error(NOT_GRANTED, file.lock, 0, 60, EXCLUSIVE | NOW)
    file.free()
    assert file.is_free(length=0)


def waits():
    file = Both("waits")
    file.take(fcntl.LOCK_EX)
    threading.Timer(1, file.free).start()
    start = time.monotonic()
    file.lock(0, 10, EXCLUSIVE)
    assert 0.9 < time.monotonic() - start < 4
    assert not file.is_free()


def read_only():
    """Linux has no exclusive lock for who may not write: others may still not write there."""
    file = Both("read-only", access=Access.GENERIC_READ)
    os.chmod(file.local.name, 0o444)
    file.lock(0, 10, EXCLUSIVE | NOW)
    assert not file.is_free()


def far_away():
    """Beyond what Linux can lock, clients still have their locks."""
    file = Both("far")
    file.lock(1 << 63, 10, EXCLUSIVE | NOW)
    file.lock((1 << 63) - 5, 3, EXCLUSIVE | NOW)
    file.lock(0xFFFFFFFFFFFFFFFE, 1, EXCLUSIVE | NOW)
    assert file.is_free(length=100)


def turned_off():
    file = Both("off", share="apart", folder=os.environ["APART"])
    file.lock(0, 10, EXCLUSIVE | NOW)
    assert file.is_free()


check("an exclusive lock of a client, and its end", exclusive)
check("a shared lock of a client, and the file's close", shared)
check("locks of one open that overlap", stacked)
check("a local program's lock is in a client's way", theirs_first)
check("a lock that fails leaves nothing behind", all_or_nothing)
check("a client waits for a local program's lock", waits)
check("an exclusive lock without the right to write", read_only)
check("locks beyond what Linux can lock", far_away)
check("posix locking = no: neither sees the other", turned_off)
done()
