"""One client that does one kind of operation again and again, the same way with every server.

    file_operations.py OPERATION DEPTH COUNT SECONDS [FOLDER]
    file_operations.py bare PORT SECONDS      asks bare_loop, one lock at a time

It logs in, prepares, says "ready", and waits for a line; then it does the operation COUNT times, or for as long as
SECONDS, DEPTH at a time on its one connection; it says how many it did and in how many seconds. Where the server is comes
from the environment, as lab/server writes it. impacket logs in; from there on the requests are made here, since its own
way of sending one takes far longer than a server's of answering it. Nothing is signed or sealed.
"""
import itertools
import os
import socket
import struct
import sys
import time

from impacket.smb3 import SMB3
from impacket.smb3structs import SMB2_DIALECT_30

CREATE, CLOSE, LOCK, QUERY_DIRECTORY, OPLOCK_BREAK, SET_INFO = 5, 6, 10, 14, 18, 17
READ, WRITE, DELETE, LIST, SYNCHRONIZE = 0x1, 0x2, 0x10000, 0x1, 0x100000
OPEN, CREATE_NEW = 1, 2
FOLDER, NO_FOLDER, DELETE_ON_CLOSE = 0x1, 0x40, 0x1000
NOT_FOUND, NO_MORE_FILES, PENDING = 0xC0000034, 0x80000006, 0x103
UNASKED = 0xFFFFFFFFFFFFFFFF


class Client:
    """A connection, a session and a tree connect. An operation is a generator that yields requests and is sent replies."""

    def __init__(self):
        environment = os.environ
        self.login = SMB3(environment["HOST"], environment["HOST"], sess_port=int(environment["PORT"]),
                          preferredDialect=SMB2_DIALECT_30)
        self.login.login(environment["USER1"], environment["PASS1"])
        self.tree = self.login.connectTree(os.environ["SHARE"])
        self.session = self.login._Session["SessionID"]
        self.message = self.login._Connection["SequenceWindow"]
        self.socket = self.login._NetBIOSSession.get_socket()
        self.received = b""
        self.waiting = {}
        self.broken = []  # leases: key, new state

    @classmethod
    def bare(cls, port):
        """One that has a connection and no more."""
        client = cls.__new__(cls)
        client.socket = socket.create_connection(("127.0.0.1", port))
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.tree = client.session = client.message = 0
        client.received, client.waiting, client.broken = b"", {}, []
        return client

    def send(self, command, body):
        header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 64, 0, 0, self.message, 0, self.tree,
                             self.session, bytes(16))
        self.socket.sendall(struct.pack(">I", len(header) + len(body)) + header + body)
        self.message += 1
        return self.message - 1

    def receive(self):
        """-> message id, status, body; breaks that nobody asked for go to `broken`."""
        while True:
            while len(self.received) < 4 or len(self.received) < 4 + struct.unpack_from(">I", self.received)[0]:
                more = self.socket.recv(1 << 20)
                if not more:
                    raise ConnectionError("the server has closed the connection")
                self.received += more
            end = 4 + struct.unpack_from(">I", self.received)[0]
            reply, self.received = self.received[4:end], self.received[end:]
            status, message = struct.unpack_from("<I", reply, 8)[0], struct.unpack_from("<Q", reply, 24)[0]
            if message == UNASKED:
                self.broken.append((reply[72:88], struct.unpack_from("<I", reply, 92)[0]))
                return message, status, reply[64:]
            if status != PENDING:
                return message, status, reply[64:]

    def run(self, operations, depth):
        """Does all of them, `depth` at a time; -> how many."""
        operations = iter(operations)
        running, done = {}, 0

        def go_on(operation, reply):
            try:
                running[self.send(*operation.send(reply))] = operation
                return True
            except StopIteration:
                return False

        for operation in itertools.islice(operations, depth):
            go_on(operation, None)
        while running:
            message, status, body = self.receive()
            operation = running.pop(message)
            if not go_on(operation, (status, body)):
                done += 1
                following = next(operations, None)
                if following is not None:
                    go_on(following, None)
        return done

    def ask(self, command, body):
        sent = self.send(command, body)
        while True:
            message, status, answer = self.receive()
            if message == sent:
                return status, answer


def create(name, access, disposition, options=NO_FOLDER, lease=None):
    """[MS-SMB2] 2.2.13; a lease is its key and its state."""
    name = name.encode("utf-16-le")
    context = b"" if lease is None else struct.pack("<IHHHHI4sI16sIIQ", 0, 16, 4, 0, 24, 32, b"RqLs", 0, *lease, 0, 0)
    start = 64 + 56
    padded = name + bytes(-len(name) % 8 if name or not context else 8)
    return CREATE, struct.pack(
        "<HBBIQQIIIIIHHII", 57, 0, 0xFF if lease else 0, 2, 0, 0, access | SYNCHRONIZE, 0x80 if options & NO_FOLDER else 0,
        7, disposition, options, start, len(name), start + len(padded) if context else 0, len(context)
    ) + (padded + context or b"\0")


def close(reply):
    return CLOSE, struct.pack("<HHI16s", 24, 0, 0, handle(reply))


def handle(reply):
    good(reply)
    return reply[1][64:80]


def good(reply, status=0):
    if reply[0] != status:
        raise RuntimeError(f"the server said 0x{reply[0]:08X}")


def creating(name):
    good((yield close((yield create(name, WRITE, CREATE_NEW)))))


def finding(name):
    good((yield close((yield create(name, READ, OPEN)))))


def missing(name):
    good((yield create(name, READ, OPEN)), NOT_FOUND)


def passing(name):
    good((yield close((yield create(name, WRITE | DELETE, CREATE_NEW, NO_FOLDER | DELETE_ON_CLOSE)))))


def locking(file, offset):
    for flags in (0x12, 0x4):  # exclusive, at once; unlock
        good((yield LOCK, struct.pack("<HHI16sQQII", 48, 1, 0, file, offset, 1, flags, 0)))


def listing(name):
    """Everything of a folder, in answers of 64 KiB, FileIdBothDirectoryInformation; -> entries"""
    file = handle((yield create(name, LIST, OPEN, FOLDER)))
    count, pattern = 0, "*".encode("utf-16-le")
    while True:
        reply = yield QUERY_DIRECTORY, struct.pack("<HBBI16sHHI", 33, 37, 0, 0, file, 96, 2, 65536) + pattern
        if reply[0] == NO_MORE_FILES:
            break
        good(reply)
        position, following = 8, 1
        while following:
            following = struct.unpack_from("<I", reply[1], position)[0]
            position += following
            count += 1
    good((yield CLOSE, struct.pack("<HHI16s", 24, 0, 0, file)))
    return count


def leases(one, other, count, end):
    """One holds read, handle and write of a file; another opens it and waits until one has given write up."""
    done = 0
    while done < count and time.monotonic() < end:
        key = os.urandom(16)
        mine = one.ask(*create("bench_lease", READ | WRITE, 3, lease=(key, 7)))
        handle(mine)
        sent = other.send(*create("bench_lease", READ, 3, lease=(os.urandom(16), 3)))
        one.receive()
        if not one.broken:
            raise RuntimeError("no break came")
        broken, state = one.broken.pop()
        assert broken == key and state & 4 == 0
        good(one.ask(OPLOCK_BREAK, struct.pack("<HHI16sIQ", 36, 0, 0, key, state, 0)))
        message, *theirs = other.receive()
        assert message == sent
        good(other.ask(*close(theirs)))
        good(one.ask(*close(mine)))
        done += 1
    return done


def bare(port, seconds):
    client, end = Client.bare(port), time.monotonic() + seconds
    client.run((locking(bytes(16), number) for number in itertools.takewhile(
        lambda _: time.monotonic() < end, itertools.count())), 1)


def main():
    if sys.argv[1] == "bare":
        return bare(int(sys.argv[2]), float(sys.argv[3]))
    kind, depth, count, seconds = sys.argv[1], *map(int, sys.argv[2:5])
    folder = sys.argv[5] if len(sys.argv) > 5 else ""
    client = Client()
    other = Client() if kind == "lease" else None
    if kind == "create":
        good(client.ask(*close(client.ask(*create("bench_create", LIST, CREATE_NEW, FOLDER)))))
    if kind == "crowd":
        # Others have the file open, each with a lease for reading and for keeping its handle.
        good(client.ask(*close(client.ask(*create("bench_crowd", READ | WRITE, 3)))))
        for _ in range(1000):
            handle(client.ask(*create("bench_crowd", READ, OPEN, lease=(os.urandom(16), 3))))
    if kind == "lock":
        file = handle(client.ask(*create("bench_lock", READ | WRITE, 3)))
    # The first of a large folder pays for its index.
    started = time.monotonic()
    if kind in ("other-case", "missing", "pass"):
        client.run([missing(f"{folder}\\no such name")], 1)
    first = time.monotonic() - started
    print("ready", flush=True)
    sys.stdin.readline()

    began = time.monotonic()
    end = began + seconds

    def numbers():
        return itertools.takewhile(lambda _: time.monotonic() < end, range(count))

    def spread(number):
        return number * 7919 % int(folder.rpartition("-")[2] or 1)

    operations = {
        "create": lambda: (creating(f"bench_create\\a new file {number:06}.txt") for number in numbers()),
        "find": lambda: (finding(f"{folder}\\a file of many {spread(number):07}.txt") for number in numbers()),
        "other-case": lambda: (finding(f"{folder}\\A File Of MANY {spread(number):07}.TXT") for number in numbers()),
        "missing": lambda: (missing(f"{folder}\\not there {number:07}.txt") for number in numbers()),
        "pass": lambda: (passing(f"{folder}\\comes and goes {number:07}.txt") for number in numbers()),
        "crowd": lambda: (finding("bench_crowd") for _ in numbers()),
        "lock": lambda: (locking(file, number) for number in numbers()),
    }
    if kind == "list":
        found = []

        def whole():
            found.append((yield from listing(folder)))
        client.run([whole()], 1)
        done = found[0]
    elif kind == "lease":
        done = leases(client, other, count, end)
    else:
        done = client.run(operations[kind](), depth)
    print(done, time.monotonic() - began, first, flush=True)
    os._exit(0)


main()
