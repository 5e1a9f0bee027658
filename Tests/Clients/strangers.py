"""What clients that never log in cost, each doing the worst that is allowed; see 15-strangers."""
import os
import socket
import struct
import threading
import time

from tap import HOST, PORT, check, done

SERVER = os.environ["SERVER_PID"]
COUNT = int(os.environ.get("STRANGERS", "240"))
PER_ADDRESS = 60  # of the 64 that an address may have
COST_MAX = 64 << 10
MESSAGE_MAX = 47 << 10
TOKENS_MAX = 1700  # of a login, that are kept: with the server's it is less than 2 KiB
THREADS = 32
NEGOTIATE, SESSION_SETUP = 0, 1
MORE_PROCESSING = 0xC0000016


class Stranger:
    def __init__(self, number):
        self.socket = socket.socket()
        self.socket.settimeout(20)
        self.socket.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
        self.socket.connect((HOST, PORT))
        self.message_id = 0

    def request(self, command, body, session=0):
        header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 8192, 0, 0, self.message_id, 0, 0, session,
                             b"")
        self.message_id += 1
        return struct.pack(">I", len(header) + len(body)) + header + body

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "hung up on"
            data += part
        return data

    def reply(self):
        message = self.receive(struct.unpack(">I", self.receive(4))[0])
        return struct.unpack_from("<I", message, 8)[0], struct.unpack_from("<Q", message, 40)[0]

    def negotiate(self):
        contexts = struct.pack("<HHIHHH32s", 1, 38, 0, 1, 32, 1, os.urandom(32))
        contexts += bytes(-len(contexts) % 8) + struct.pack("<HHIHHH", 2, 6, 0, 2, 2, 1)
        body = struct.pack("<HHHHI16sIHHH", 36, 1, 1, 0, 0x44, os.urandom(16), 64 + 40, 2, 0, 0x0311)
        self.socket.sendall(self.request(NEGOTIATE, body + bytes(-len(body) % 8) + contexts))
        assert self.reply()[0] == 0

    def setup(self, token, session=0):
        return self.request(SESSION_SETUP, struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token, session)


def first_token(count):
    """NTLM's NEGOTIATE of so many bytes, most of which say nothing."""
    token = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + bytes((6, 1, 0, 0, 0, 0, 0, 15))
    return token + b"x" * (count - len(token))


def resident():
    with open(f"/proc/{SERVER}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))


def gather(count):
    """So many strangers, each with two logins under way, and most of a message sent. Before that, one was refused whose
    tokens were as long as they may be."""
    strangers = [Stranger(number) for number in range(count)]
    for stranger in strangers:
        stranger.negotiate()

    def begin(length):
        """All at the same time, as many at once as there are threads to wait."""
        send(strangers, lambda stranger: stranger.setup(first_token(length)))
        for stranger in strangers:
            status, stranger.session = stranger.reply()
            assert status == MORE_PROCESSING, hex(status)

    begin(47_990)
    send(strangers, lambda stranger: stranger.setup(b"NTLMSSP\0" + b"y" * 47_990, stranger.session))
    for stranger in strangers:
        assert stranger.reply()[0] not in (0, MORE_PROCESSING)
    begin(TOKENS_MAX)
    begin(TOKENS_MAX)
    send(strangers, lambda stranger: stranger.setup(b"z" * (MESSAGE_MAX - 88))[:-1])
    return strangers


def send(strangers, make):
    """From several threads."""
    def some(first):
        for stranger in strangers[first::THREADS]:
            stranger.socket.sendall(make(stranger))

    threads = [threading.Thread(target=some, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cost():
    for stranger in gather(16):
        stranger.socket.close()
    time.sleep(1)
    before = resident()
    strangers = gather(COUNT)
    time.sleep(1)
    each = (resident() - before) / COUNT
    print(f"# {COUNT} strangers cost {each / 1024:.1f} KiB of memory each ({before >> 20} MiB before)", flush=True)
    for stranger in strangers:
        stranger.socket.setblocking(False)
        try:
            assert stranger.socket.recv(1) != b"", "one of them was hung up on"
        except BlockingIOError:
            pass
    assert each <= COST_MAX, f"{each / 1024:.1f} KiB each"
    for stranger in strangers:
        stranger.socket.close()


check(f"{COUNT} clients that never log in cost at most 64 KiB each", cost)
done()
