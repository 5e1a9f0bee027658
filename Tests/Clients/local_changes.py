"""What clients hear of changes in a folder: by other clients, and by programs on the server itself. Each once."""
import ctypes
import os
import struct
import subprocess

from smbprotocol.open import CreateDisposition, FilePipePrinterAccessMask as Access

from one_client import HANDLE, READ, OneClient
from tap import check, done, expect_error

SHARE_FOLDER = os.environ["SHARE_FOLDER"]
one, other = OneClient(), OneClient()


def local(script):
    """Another program than the server, and another process than this one."""
    subprocess.run(["sh", "-ec", script], cwd=SHARE_FOLDER, check=True)


def collected(folder, filter=0xFFF, tree=False, quiet=0.7):
    """Everything that is told until nothing more comes for a while."""
    told = []
    while True:
        request = one.watch(folder, filter, tree)
        part = one.changes(request, timeout=quiet)
        if part is None:
            request.cancel()
            one.changes(request)
            return told
        told += part if part != "enumerate" else ["enumerate"]


class Folder:
    """A watched folder of its own."""

    def __init__(self, name, filter=0xFFF, tree=False):
        os.mkdir(os.path.join(SHARE_FOLDER, name))
        os.chmod(os.path.join(SHARE_FOLDER, name), 0o777)
        self.filter, self.tree = filter, tree
        self.open = one.open(name, folder=True)
        # Watching begins with the first request, and outlives it.
        first = one.watch(self.open, filter, tree)
        first.cancel()
        one.changes(first)

    def told(self):
        return collected(self.open, self.filter, self.tree)


def expect(told, *wanted):
    assert told == list(wanted), f"wanted {list(wanted)}, told {told}"


NAMES = 0x3


def names():
    folder = Folder("names", NAMES)
    local("echo x >names/a; mv names/a names/b; rm names/b; mkdir names/d; rmdir names/d")
    told = folder.told()
    renamed = [("old", "a"), ("new", "b")] if ("old", "a") in told else [("removed", "a"), ("added", "b")]
    expect(told, ("added", "a"), *renamed, ("removed", "b"), ("added", "d"), ("removed", "d"))


def moved_in_and_out():
    folder = Folder("moves", NAMES)
    local("echo x >x; mv x moves/x; mv moves/x x; rm x")
    expect(folder.told(), ("added", "x"), ("removed", "x"))


def contents():
    folder = Folder("contents", 0x8 | 0x10)
    local("echo x >contents/f")
    assert set(folder.told()) == {("modified", "f")}
    local("echo y >>contents/f")
    expect(folder.told(), ("modified", "f"))


def attributes():
    folder = Folder("attributes", 0x4)
    local("echo x >attributes/f; chmod 600 attributes/f")
    expect(folder.told(), ("modified", "f"))


def below():
    folder = Folder("tree", NAMES, tree=True)
    local("mkdir -p tree/a/b; sleep 0.3; touch tree/a/b/f; mv tree/a/b tree/c; sleep 0.3; touch tree/c/g")
    told = folder.told()
    for wanted in [("added", "a"), ("added", r"a\b"), ("added", r"a\b\f"), ("added", "c"), ("added", r"c\g")]:
        assert told.count(wanted) == 1, f"{wanted} in {told}"
    other.open(r"tree\made", access=Access.GENERIC_WRITE, disposition=CreateDisposition.FILE_CREATE, folder=True).close()
    local("touch tree/made/by_others")
    expect(folder.told(), ("added", "made"), ("added", r"made\by_others"))


def ours_once():
    folder = Folder("ours")
    file = other.open(
        r"ours\f", access=Access.GENERIC_WRITE | Access.DELETE, disposition=CreateDisposition.FILE_CREATE)
    file.write(b"data", 0)
    file.close()
    expect(folder.told(), ("added", "f"), ("modified", "f"))
    file = other.open(r"ours\f", access=Access.DELETE, options=0x1000)
    file.close()
    expect(folder.told(), ("removed", "f"))


def both():
    folder = Folder("both", NAMES)
    for number in range(20):
        local(f"touch both/local{number}")
        other.open(
            rf"both\remote{number}", access=Access.GENERIC_WRITE, disposition=CreateDisposition.FILE_CREATE).close()
    told = folder.told()
    assert len(told) == 40 and len(set(told)) == 40, told


class Readings:
    """How often a folder is opened to be listed, from now on: inotify's IN_OPEN of the folder itself."""
    OPEN, ISDIR = 0x20, 0x40000000

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.queue = libc.inotify_init1(os.O_NONBLOCK)
        # With IN_ACCESS and IN_CLOSE_NOWRITE, so that equal events do not follow each other and become one.
        assert libc.inotify_add_watch(self.queue, os.fsencode(folder), self.OPEN | 0x1 | 0x10) >= 0

    def count(self):
        count = 0
        while True:
            try:
                events = os.read(self.queue, 65536)
            except BlockingIOError:
                return count
            while events:
                _, mask, _, length = struct.unpack_from("<iIII", events)
                # Without a name it is the folder's own.
                count += length == 0 and mask & self.OPEN != 0 and mask & self.ISDIR != 0
                events = events[16 + length:]


def large():
    """What local programs make costs what they make: not a look at all that is there for each."""
    path = os.path.join(SHARE_FOLDER, "large")
    folder = Folder("large", NAMES)
    root = os.open(path, os.O_PATH)
    for number in range(100_000):
        os.close(os.open(f"A Name {number:06}", os.O_CREAT | os.O_WRONLY, dir_fd=root))
    assert "enumerate" in folder.told()
    # The first look for a name in another case reads the folder; whoever cannot be read anew stays away.
    other.open(r"large\a name 000000").close()
    readings = Readings(path)
    os.listdir(path)
    assert readings.count() == 1, "the folder's own readings are not seen"
    for part in range(0, 1000, 200):
        subprocess.run(["sh", "-ec", f"for n in $(seq {part} {part + 199}); do : >\"Made Here $n\"; done"],
                       cwd=path, check=True)
        told = folder.told()
        assert told == [("added", f"Made Here {number}") for number in range(part, part + 200)], told
        other.open(rf"large\made here {part + 50}").close()
        expect_error("0xc0000034", other.open, rf"large\made here {part}x")
    assert readings.count() == 0, "the folder was read again"


def lease(change, name):
    def run():
        os.mkdir(os.path.join(SHARE_FOLDER, name))
        os.chmod(os.path.join(SHARE_FOLDER, name), 0o777)
        local(f"echo x >{name}/f")
        folder = one.open(name, folder=True, lease=READ | HANDLE)
        assert folder.lease_state == READ | HANDLE, folder.lease_state
        assert one.next_break(0.3) is None
        local(f"cd {name}; {change}")
        told = one.next_break()
        assert told and told[0] == "lease" and told[3] == 0, told
        one.acknowledge(told[1], 0)
        assert one.next_break(0.3) is None, "broken twice"
        folder.close()
    return run


def lease_of_reading():
    """Looking breaks nothing."""
    folder = one.open("reading", folder=True, lease=READ | HANDLE, disposition=CreateDisposition.FILE_CREATE)
    local("ls -la reading >/dev/null; find reading >/dev/null")
    assert one.next_break(0.5) is None
    folder.close()


check("names that a local program makes, renames and removes, each once", names)
check("names that come from and go to another folder", moved_in_and_out)
check("a file that a local program writes", contents)
check("a mode that a local program changes", attributes)
check("what happens below, in folders that were not there before too", below)
check("a client's own changes, once", ours_once)
check("clients and local programs at the same time, each change once", both)
check("a folder of 100,000 entries is not read anew for each of 1,000 files that a local program makes", large)
check("a lease on a folder ends when a local program makes a file", lease("touch new", "lease1"))
check("a lease on a folder ends when a local program renames a file", lease("mv f g", "lease2"))
check("a lease on a folder ends when a local program removes a file", lease("rm f", "lease3"))
check("a lease on a folder ends when a local program writes a file", lease("echo y >>f", "lease4"))
check("a lease on a folder ends when a local program changes a file's mode", lease("chmod 600 f", "lease5"))
check("a lease on a folder does not end when a local program looks", lease_of_reading)
done()
