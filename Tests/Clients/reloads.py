"""Many clients, each logged in with a file open, while the server reads its configuration again and again; each time a share
comes or goes and a limit changes. Nothing may be dropped, and the server needs no more memory than before.
Arguments: how many clients, for how many seconds, the configuration, the admin socket, the binary, the server's process."""
import socket
import subprocess
import sys
import time

from impacket.smb3structs import FILE_SHARE_READ
from impacket.smbconnection import SessionError, SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done

CLIENTS, SECONDS = int(sys.argv[1]), int(sys.argv[2])
CONFIG, ADMIN, APUS, SERVER = sys.argv[3:7]
CONTENT = b"what stands in the file"
# Room for what one reload needs while two control planes are there; not for what many would leave behind.
GROWTH_MAX_KIB = 4096

with open(CONFIG) as file:
    WRITTEN = file.read()


class Client:
    def __init__(self):
        self.connection = SMBConnection(HOST, HOST, sess_port=PORT, timeout=30)
        self.connection.login(USER1, PASS1)
        self.tree = self.connection.connectTree(SHARE)
        self.file = self.connection.openFile(self.tree, "file", desiredAccess=1, shareMode=FILE_SHARE_READ)

    def read(self):
        assert self.connection.readFile(self.tree, self.file, 0, 100) == CONTENT


def memory():
    """KiB that the server's processes hold alone, the data plane's and the control plane's, and how many they are."""
    total, found, alive = 0, [SERVER], 0
    for process in found:
        try:
            with open(f"/proc/{process}/task/{process}/children") as file:
                found += file.read().split()
            with open(f"/proc/{process}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
            alive += 1
        except (FileNotFoundError, ProcessLookupError):
            pass  # a control plane that has just been replaced
    return total, alive


def settled():
    """The same once the control planes that have been replaced are gone: they end with their last answer."""
    for _ in range(200):
        total, alive = memory()
        if alive == 2:
            break
        time.sleep(0.1)
    return total, alive


def reload(round):
    """What the files say alternates: a share `second`, and a limit that refuses any new open."""
    text = WRITTEN
    if round % 2:
        text += f"\n[second]\n    path = {SECOND}\n    read only = no\n"
    else:
        text = text.replace("[global]\n", f"[global]\n    max open files = {CLIENTS}\n", 1)
    with open(CONFIG, "w") as file:
        file.write(text)
    subprocess.run([APUS, "reload", "--socket", ADMIN], check=True, capture_output=True)


def follows(tester, round):
    """The server does what its files say now."""
    try:
        tester.disconnectTree(tester.connectTree("second"))
        has_share = True
    except SessionError:
        has_share = False
    tree = tester.connectTree(SHARE)
    try:
        tester.closeFile(tree, tester.openFile(tree, "file", desiredAccess=1, shareMode=FILE_SHARE_READ))
        has_room = True
    except SessionError:
        has_room = False
    tester.disconnectTree(tree)
    assert (has_share, has_room) == (round % 2 == 1, round % 2 == 1), (round, has_share, has_room)


def reloads(clients, tester):
    end, round = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or round % 2:
        start = time.monotonic()
        round += 1
        reload(round)
        follows(tester, round)
        # As many as a second has room for; all of them are asked at the end.
        for client in clients[round % 10::10]:
            client.read()
        time.sleep(max(0, start + 1 - time.monotonic()))
    print(f"# {round} reloads")
    assert round >= SECONDS * 2 / 3, round


def all_read(clients):
    for client in clients:
        client.read()


def new_login():
    Client().connection.close()


SECOND = sys.argv[7]
socket.setdefaulttimeout(60)
clients = []
check(f"{CLIENTS} clients log in and open a file", lambda: clients.extend(Client() for _ in range(CLIENTS)))
tester = SMBConnection(HOST, HOST, sess_port=PORT, timeout=30)
tester.login(USER1, PASS1)
# The first reloads come before the measure: what is made once is made then.
for round in (1, 2, 3, 4):
    reload(round)
    follows(tester, round)
before, processes = settled()
check(f"reloads each second for {SECONDS} s, each of which counts", reloads, clients, tester)
check("every client reads from the file that it had open", all_read, clients)
reload(1)
check("who comes after logs in", new_login)
after, processes_after = settled()
print(f"# KiB of its own: {before} before, {after} after; processes: {processes} and {processes_after}")


def needs_no_more():
    assert after <= before + GROWTH_MAX_KIB, (before, after)
    assert processes == processes_after == 2, (processes, processes_after)


check("memory and processes are as before", needs_no_more)
done()
