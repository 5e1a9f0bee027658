"""What clients cache of a file, and programs on the server itself that open it: shares with kernel oplocks = yes."""
import os
import subprocess
import time

from smbprotocol.open import FilePipePrinterAccessMask as Access

from one_client import HANDLE, READ, WRITE, OneClient
from tap import check, done

GUARDED = os.environ["GUARDED"]
READ_WRITE = Access.GENERIC_READ | Access.GENERIC_WRITE
one, other = OneClient(share="guarded"), OneClient(share="guarded")


def make(name):
    path = os.path.join(GUARDED, name)
    with open(path, "w") as file:
        file.write("on the disk")
    os.chmod(path, 0o666)
    return path


def local(path, script):
    return subprocess.Popen(["sh", "-c", script, "sh", path], stdout=subprocess.PIPE, text=True)


def reader_waits():
    path = make("read")
    file = one.open("read", access=READ_WRITE, lease=READ | HANDLE | WRITE)
    assert file.lease_state == READ | HANDLE | WRITE, file.lease_state
    program = local(path, 'cat "$1"')
    kind, key, old, new = one.next_break()
    assert (kind, old, new) == ("lease", 7, 3), (kind, old, new)
    time.sleep(0.5)
    assert program.poll() is None, "the program did not wait"
    file.write(b"in the cache", 0)
    one.acknowledge(key, 3)
    assert program.communicate(timeout=5)[0] == "in the cache"
    # Who only reads once more disturbs nobody.
    assert local(path, 'cat "$1"').communicate(timeout=5)[0] == "in the cache"
    assert one.next_break(0.3) is None
    file.close()


def writer_breaks_readers():
    path = make("written")
    file = one.open("written", lease=READ | HANDLE)
    assert file.lease_state == READ | HANDLE
    local(path, 'echo anew >"$1"').communicate(timeout=5)
    kind, key, old, new = one.next_break()
    assert (kind, old, new) == ("lease", 3, 0), (kind, old, new)
    one.acknowledge(key, 0)
    file.close()


def writer_that_stays():
    """A program that had the file open before, and goes on writing to it."""
    path = make("log")
    with open(path, "a") as log:
        file = one.open("log", lease=READ | HANDLE)
        assert file.lease_state == READ | HANDLE
        assert one.next_break(0.3) is None
        log.write("more")
        log.flush()
        kind, key, old, new = one.next_break()
        assert (kind, old, new) == ("lease", 3, 0), (kind, old, new)
        one.acknowledge(key, 0)
        assert file.read(0, 100) == b"on the diskmore"
        file.close()


def oplock():
    path = make("oplock")
    file = one.open("oplock", access=READ_WRITE, level=0x09)
    program = local(path, 'cat "$1"')
    assert one.next_break() == ("oplock", 1)
    file.close()
    program.communicate(timeout=5)


def own_clients():
    """Clients among themselves are not held up."""
    make("shared")
    file = one.open("shared", access=READ_WRITE, lease=READ | HANDLE)
    start = time.monotonic()
    second = other.open("shared", access=READ_WRITE)
    assert second.read(0, 11) == b"on the disk"
    file.write(b"written", 0)
    assert second.read(0, 7) == b"written"
    assert time.monotonic() - start < 2
    second.close()
    file.close()


def after_the_close():
    path = make("closed")
    one.open("closed", access=READ_WRITE, lease=READ | HANDLE | WRITE).close()
    start = time.monotonic()
    local(path, 'cat "$1"').communicate(timeout=5)
    assert time.monotonic() - start < 1 and one.next_break(0.2) is None


check("a local reader waits until a client has written back", reader_waits)
check("what a local program has written, clients read anew", writer_breaks_readers)
check("what a local program writes that keeps the file open", writer_that_stays)
check("a local reader breaks an oplock", oplock)
check("clients do not hold each other up", own_clients)
check("after the close nobody waits", after_the_close)
done()
