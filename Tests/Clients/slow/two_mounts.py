"""What two processes do with one file through two mounts, for two_mounts.sh.

    two_mounts.py locks ONE OTHER
    two_mounts.py sqlite ONE OTHER TRANSACTIONS
"""
import fcntl
import os
import sqlite3
import sys
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
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 20)
    assert succeeded(waiting), "it did not get the lock, or not the data"


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


if sys.argv[1] == "locks":
    locks(*sys.argv[2:4])
else:
    sqlite(*sys.argv[2:4], int(sys.argv[4]))
