"""One client reads from a share on a healthy disk while others are stuck on a frozen one; see 30-slow-disk."""
import io
import os
import subprocess
import threading
import time

from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done

READS = 3000
ADDED_DELAY_MAX = 0.010
frozen = []


def connect():
    connection = SMBConnection(HOST, HOST, sess_port=PORT)
    connection.login(USER1, PASS1)
    return connection


def freeze(on):
    subprocess.run(["fsfreeze", "-f" if on else "-u", os.environ["DISK"]], check=True)


def delays(connection, tree, file):
    """Sorted seconds of each of many small reads."""
    taken = []
    for _ in range(READS):
        began = time.perf_counter()
        connection.readFile(tree, file, 0, 4096)
        taken.append(time.perf_counter() - began)
    return sorted(taken)


def percentile(taken, part):
    return taken[int(len(taken) * part)]


def stuck_clients(count):
    fast, name = connect(), f"fast-{count}"
    fast.putFile(SHARE, name, io.BytesIO(b"f" * 4096).read)
    tree = fast.connectTree(SHARE)
    file = fast.openFile(tree, name, desiredAccess=1)
    before = delays(fast, tree, file)

    others = [connect() for _ in range(count)]
    results = []

    def write(number, connection):
        try:
            connection.putFile("slow", f"file-{count}-{number}", io.BytesIO(b"s" * 10).read)
            results.append(None)
        except Exception as error:
            results.append(error)

    freeze(True)
    try:
        threads = [threading.Thread(target=write, args=pair, daemon=True) for pair in enumerate(others)]
        for thread in threads:
            thread.start()
        during = delays(fast, tree, file)
        began = time.perf_counter()
        connect().listPath(SHARE, "*")
        login = time.perf_counter() - began
        still = count - len(results)
    finally:
        freeze(False)
    for thread in threads:
        thread.join(20)
    assert still == count, f"only {still} of {count} were stuck: the disk did not stand still"
    assert results == [None] * count, f"after the thaw: {results}"
    one, other = percentile(before, 0.99), percentile(during, 0.99)
    print(f"# 99th percentile of a read: {one * 1e3:.2f} ms before, {other * 1e3:.2f} ms with {count} stuck, "
          f"longest {during[-1] * 1e3:.1f} ms; a new login {login * 1e3:.0f} ms")
    assert other - one < ADDED_DELAY_MAX, f"{other * 1e3:.1f} ms against {one * 1e3:.1f} ms"
    assert login < 2, f"a new login took {login:.1f} s"


for number in (1, 8, 32):
    check(f"{number} clients stuck in a frozen file system delay no other", stuck_clients, number)
done()
