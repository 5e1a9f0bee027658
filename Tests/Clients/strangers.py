"""What clients that never log in cost, each doing the worst that is allowed; see 15-strangers."""
import os
import select
import signal
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
TOKEN_MAX = 1024  # of the first step of a login, which is kept
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

    def is_quiet(self):
        """Whether nothing comes that was not read."""
        return not select.select([self.socket], [], [], 0.1)[0]

    def negotiation(self):
        contexts = struct.pack("<HHIHHH32s", 1, 38, 0, 1, 32, 1, os.urandom(32))
        contexts += bytes(-len(contexts) % 8) + struct.pack("<HHIHHH", 2, 6, 0, 2, 2, 1)
        body = struct.pack("<HHHHI16sIHHH", 36, 1, 1, 0, 0x44, os.urandom(16), 64 + 40, 2, 0, 0x0311)
        return self.request(NEGOTIATE, body + bytes(-len(body) % 8) + contexts)

    def negotiate(self):
        self.socket.sendall(self.negotiation())
        assert self.reply()[0] == 0

    def setup(self, token, session=0):
        return self.request(SESSION_SETUP, struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token, session)


def first_token(count):
    """NTLM's NEGOTIATE of so many bytes, most of which say nothing."""
    token = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + bytes((6, 1, 0, 0, 0, 0, 0, 15))
    return token + b"x" * (count - len(token))


def helpers():
    """The control plane's process, and whatever else the data plane has started."""
    with open(f"/proc/{SERVER}/task/{SERVER}/children") as children:
        return children.read().split()


def resident():
    """Of the data plane, and of the control plane."""
    sizes = []
    for process in [SERVER, *helpers()]:
        with open(f"/proc/{process}/status") as status:
            sizes.append(next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon")))
    return sizes[0], sum(sizes[1:])


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

    send(strangers, lambda stranger: stranger.setup(first_token(47_990)))
    for stranger in strangers:
        assert stranger.reply()[0] not in (0, MORE_PROCESSING)
    begin(TOKEN_MAX)
    begin(TOKEN_MAX)
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
    data, control = ((now - then) / COUNT for now, then in zip(resident(), before))
    each = data + control
    print(f"# {COUNT} strangers cost {data / 1024:.1f} KiB of memory each, and {control / 1024:.1f} in the control plane",
          flush=True)
    for stranger in strangers:
        stranger.socket.setblocking(False)
        try:
            assert stranger.socket.recv(1) != b"", "one of them was hung up on"
        except BlockingIOError:
            pass
    assert each <= COST_MAX, f"{each / 1024:.1f} KiB each"
    for stranger in strangers:
        stranger.socket.close()


def own_replies():
    """Two requests at once, the second of which waits for the control plane, while others speak: the reply to the first is
    collected, and must not go to whom the reactor turns to next."""
    control_planes = [int(process) for process in helpers()]
    strangers = [Stranger(index) for index in range(8)]  # on every reactor of them
    for process in control_planes:
        os.kill(process, signal.SIGSTOP)
    try:
        for eager in strangers[:4]:
            eager.socket.sendall(eager.negotiation() + eager.setup(first_token(40)))
        time.sleep(0.1)
        for other in strangers[4:]:
            other.negotiate()
            assert other.is_quiet(), "more than its own reply came"
        for eager in strangers[:4]:
            assert eager.reply()[0] == 0
    finally:
        for process in control_planes:
            os.kill(process, signal.SIGCONT)
    for eager in strangers[:4]:
        assert eager.reply()[0] == MORE_PROCESSING
        assert eager.is_quiet()
    for stranger in strangers:
        stranger.socket.close()


check("each gets the replies to its own requests, and no others", own_replies)
check(f"{COUNT} clients that never log in cost at most 64 KiB each", cost)
done()
