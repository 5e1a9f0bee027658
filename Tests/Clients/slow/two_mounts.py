"""What two processes do with one file through two mounts, for two_mounts.sh.

    two_mounts.py locks ONE OTHER
    two_mounts.py reads ONE OTHER WRITES
    two_mounts.py notify ONE OTHER        two folders
    two_mounts.py sqlite ONE OTHER TRANSACTIONS
"""
import fcntl
import os
import sqlite3
import struct
import sys
import threading
import time


def in_child(function):
    """Runs it in a process of its own, since locks of one process never conflict here."""
    child = os.fork()
    if child:
        return child
    try:
        function()
        status = 0
    except BlockingIOError:
        status = 1
    except PermissionError:
        status = 1
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        status = 1
    os._exit(status)


def succeeded(*children):
    return all([os.waitpid(child, 0)[1] == 0 for child in children])


def locks(one, other):
    with open(one, "wb") as file:
        file.write(bytes(100))
    mine = os.open(one, os.O_RDWR)

    def attempt(kind, start, length):
        def run():
            fcntl.lockf(os.open(other, os.O_RDWR), kind | fcntl.LOCK_NB, length, start)
        return succeeded(in_child(run))

    fcntl.lockf(mine, fcntl.LOCK_EX, 10, 20)
    assert not attempt(fcntl.LOCK_EX, 25, 1), "an exclusive lock did not keep another out"
    assert not attempt(fcntl.LOCK_SH, 29, 1), "an exclusive lock did not keep a shared one out"
    assert attempt(fcntl.LOCK_EX, 30, 1), "a lock reached too far"
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 20)
    fcntl.lockf(mine, fcntl.LOCK_SH, 10, 20)
    assert attempt(fcntl.LOCK_SH, 25, 1), "shared locks kept each other out"
    assert not attempt(fcntl.LOCK_EX, 25, 1), "a shared lock did not keep an exclusive one out"
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 20)

    # Whoever waits gets the lock once it is free, and then what was written under it.
    fcntl.lockf(mine, fcntl.LOCK_EX, 10, 20)

    def wait():
        theirs = os.open(other, os.O_RDWR)
        fcntl.lockf(theirs, fcntl.LOCK_EX, 10, 20)
        found = os.pread(theirs, 7, 50)
        assert found == b"written", found

    waiting = in_child(wait)
    time.sleep(1)
    assert os.waitpid(waiting, os.WNOHANG) == (0, 0), "it did not wait"
    os.pwrite(mine, b"written", 50)
    os.fsync(mine)  # Linux 7.2 sends the data after the unlock otherwise: docs/conformance.md
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 20)
    assert succeeded(waiting), "it did not get the lock, or not the data"


def reads(one, other, count):
    """One reads while the other writes, both with the file open all the time.

    The writer counts: first at the beginning of the file, then at its end. The reader looks at the end first. So what it
    finds at the beginning is never less, and nothing ever goes back."""
    end = 1 << 20
    with open(other, "wb") as file:
        file.write(bytes(end + 8))

    def write():
        file = os.open(other, os.O_RDWR)
        for number in range(1, count + 1):
            for place in (0, end):
                os.pwrite(file, struct.pack("<Q", number), place)
        os.close(file)

    def read(file, place):
        return struct.unpack("<Q", os.pread(file, 8, place))[0]

    mine = os.open(one, os.O_RDONLY)
    assert read(mine, end) == 0
    writer = in_child(write)
    before, looks, values = 0, 0, set()
    deadline = time.monotonic() + 120
    while before < count:
        at_end = read(mine, end)
        at_start = read(mine, 0)
        assert at_start >= at_end, f"{at_end} was written after {at_start}, and is seen before it"
        assert at_end >= before, f"{at_end} is seen after {before}"
        before = at_end
        looks += 1
        values.add(at_end)
        assert time.monotonic() < deadline, f"{before} of {count} were seen"
    assert succeeded(writer)
    print(f"{looks} reads under {2 * count} writes saw {len(values)} values, none of them stale")


def notify(one, other):
    """CHANGE_NOTIFY as this client offers it: an ioctl that waits, and gives what the server has told."""
    watched = 0xC009CF0B  # CIFS_IOC_NOTIFY_INFO of the kernel's fs/smb/client/cifs_ioctl.h

    def changes(folder, tree, change):
        """-> (action, name) of [MS-FSCC] 2.7.1 that come while `change` is done"""
        told = []

        def watch():
            buffer = bytearray(struct.pack("<IBI", 0x17F, tree, 1000) + bytes(1000))
            try:
                fcntl.ioctl(folder, watched, buffer, True)
            except OSError as error:
                told.append((0, str(error)))
                return
            data, place = bytes(buffer[9:9 + struct.unpack_from("<I", buffer, 5)[0]]), 0
            while True:
                following, action, length = struct.unpack_from("<III", data, place)
                told.append((action, data[place + 12:place + 12 + length].decode("utf-16-le")))
                place += following
                if not following:
                    break

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        time.sleep(1)
        assert watcher.is_alive(), f"it did not wait: {told}"
        change()
        watcher.join(10)
        assert not watcher.is_alive(), "nothing was told"
        return told

    def touch(name):
        return lambda: open(os.path.join(other, name), "wb").close()

    os.mkdir(os.path.join(other, "below"))
    folder = os.open(one, os.O_RDONLY)
    found = changes(folder, False, touch("made"))
    assert found[0] == (1, "made"), found
    found = changes(folder, False, lambda: os.rename(os.path.join(other, "made"), os.path.join(other, "renamed")))
    assert found == [(4, "made"), (5, "renamed")], found
    found = changes(folder, True, touch("below/deep"))
    assert found[0] == (1, r"below\deep"), found
    found = changes(folder, False, lambda: os.unlink(os.path.join(other, "renamed")))
    assert (2, "renamed") in found, found
    os.close(folder)
    print("made, renamed, made below, removed")


def sqlite(one, other, transactions):
    """Both move money between the same accounts; the sum stays.

    Locks by a name that only one can make (dotfile), not of byte ranges: SQLite turns a shared lock into an exclusive
    one, which SMB has no word for, and the kernel's client refuses it before any server is asked."""
    def connect(path, **options):
        return sqlite3.connect(f"file:{path}?vfs=unix-dotfile", uri=True, **options)

    accounts, start = 50, 1000
    database = connect(one)
    database.executescript("create table account(id integer primary key, amount integer);"
                           "create table journal(who text, number integer, primary key(who, number));")
    database.executemany("insert into account values(?, ?)", [(number, start) for number in range(accounts)])
    database.commit()
    database.close()

    def work(path, who):
        def run():
            database = connect(path, timeout=120, isolation_level=None)
            for number in range(transactions // 2):
                database.execute("begin immediate")
                source, target = number % accounts, (number * 7 + 1) % accounts
                database.execute("update account set amount = amount - 1 where id = ?", (source,))
                database.execute("update account set amount = amount + 1 where id = ?", (target,))
                database.execute("insert into journal values(?, ?)", (who, number))
                database.execute("commit")
        return in_child(run)

    began = time.monotonic()
    assert succeeded(work(one, "one"), work(other, "other")), "a client failed"
    took = time.monotonic() - began
    for path in (one, other):
        database = connect(path)
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)], "integrity"
        assert database.execute("select sum(amount) from account").fetchone() == (accounts * start,), "sum"
        count = database.execute("select count(*) from journal").fetchone()[0]
        assert count == transactions // 2 * 2, f"{count} transactions"
        database.close()
    print(f"{transactions} transactions in {took:.0f} s, integrity check clean")


kind, *names = sys.argv[1:4]
if kind in ("locks", "notify"):
    {"locks": locks, "notify": notify}[kind](*names)
else:
    {"reads": reads, "sqlite": sqlite}[kind](*names, int(sys.argv[4]))
