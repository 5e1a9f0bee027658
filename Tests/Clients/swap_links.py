"""Names that turn from a folder or a file into a link out of the share and back while clients use them.

Environment: as for tap.py, and SHARE_FOLDER, OUTSIDE (the folder that the links lead to), SECONDS_MAX.
"""
import ctypes
import io
import os
import threading
import time

from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done

FOLDER, OUTSIDE = os.environ["SHARE_FOLDER"], os.environ["OUTSIDE"]
SECONDS = float(os.environ.get("SECONDS_MAX", "8"))
INSIDE = b"inside"
EXCHANGE, AT_FDCWD, RENAMEAT2 = 2, -100, {"x86_64": 316, "aarch64": 276}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, two):
    """Each name is always there, as one thing or the other."""
    libc.syscall(RENAMEAT2, AT_FDCWD, os.path.join(FOLDER, one).encode(), AT_FDCWD, os.path.join(FOLDER, two).encode(),
                 EXCHANGE)


def prepare():
    os.mkdir(f"{FOLDER}/d")
    os.chmod(f"{FOLDER}/d", 0o777)
    for name in ("d/file", "leaf"):
        with open(f"{FOLDER}/{name}", "wb") as file:
            file.write(INSIDE)
        os.chmod(f"{FOLDER}/{name}", 0o666)
    os.symlink(OUTSIDE, f"{FOLDER}/absolute")
    os.symlink(os.path.relpath(OUTSIDE, FOLDER), f"{FOLDER}/relative")
    os.symlink(f"{OUTSIDE}/file", f"{FOLDER}/link")


def outside():
    """All that there is to change out there."""
    seen = {}
    for name in sorted(os.listdir(OUTSIDE)):
        path = f"{OUTSIDE}/{name}"
        status = os.stat(path)
        with open(path, "rb") as file:
            seen[name] = (file.read(), status.st_mode, status.st_uid, status.st_mtime_ns, os.listxattr(path))
    return seen, os.listxattr(OUTSIDE), os.stat(OUTSIDE).st_mtime_ns


def attempts(connection, number):
    """What a client does through the name, each with what must be true of it."""
    def reads(name):
        back = io.BytesIO()
        connection.getFile(SHARE, name, back.write)
        assert back.getvalue() in (INSIDE, b"", b"written"), (name, back.getvalue())

    def lists():
        names = {entry.get_longname() for entry in connection.listPath(SHARE, "d\\*")}
        assert "only-outside" not in names, names

    def writes(name):
        connection.putFile(SHARE, name, io.BytesIO(b"written").read)

    def moves():
        connection.putFile(SHARE, f"mine-{number}", io.BytesIO(b"written").read)
        connection.rename(SHARE, f"mine-{number}", f"d\\moved-{number}-{time.monotonic_ns()}")

    return [
        lambda: reads("d\\file"), lambda: reads("leaf"), lists, lambda: writes(f"d\\new-{number}"),
        lambda: writes("leaf"), lambda: writes("d\\file:stream"), lambda: writes("leaf:stream"), moves,
        lambda: connection.createDirectory(SHARE, f"d\\folder-{time.monotonic_ns()}"),
        lambda: connection.deleteFile(SHARE, "d\\only-outside"),
        lambda: connection.rename(SHARE, "d\\only-outside", f"stolen-{number}"),
        lambda: connection.deleteFile(SHARE, f"d\\new-{number}"),
    ]


def load():
    before, end, wrong, counts = outside(), time.monotonic() + SECONDS, [], {}

    def swap():
        while time.monotonic() < end:
            for link in ("absolute", "relative"):
                exchange("d", link)
                exchange("leaf", "link")
                exchange("d", link)
                exchange("leaf", "link")

    def use(number):
        connection = SMBConnection(HOST, HOST, sess_port=PORT)
        connection.login(USER1, PASS1)
        while time.monotonic() < end:
            for index, attempt in enumerate(attempts(connection, number)):
                try:
                    attempt()
                    counts[index] = counts.get(index, 0) + 1
                except AssertionError as error:
                    wrong.append(repr(error))
                except Exception as error:  # refused, as it should be when the link stands there
                    if "Broken pipe" in repr(error) or "reset" in repr(error):
                        wrong.append(repr(error))
                        return

    threads = [threading.Thread(target=swap)] + [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    # What must be possible while the folder stands there was done, and what must never be was not.
    assert all(counts.get(index, 0) > 0 for index in (0, 1, 2, 3, 4, 7)), counts
    assert counts.get(9, 0) == 0 and counts.get(10, 0) == 0, counts
    assert outside() == before, outside()


prepare()
check("nothing is read, made, changed, renamed or deleted through a link that comes and goes", load)
done()
