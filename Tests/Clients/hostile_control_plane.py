"""The control plane stands still, and this program answers on its channels; see 40-hostile-control-plane.

The channels are taken with pidfd_getfd(2). On each: datagrams of a number, a byte for the case, and values
(ControlPlane/Messages.swift). Whatever is answered, those who are connected go on, nobody gets in, the server stays, and
a new control plane takes over.
"""
import contextlib
import ctypes
import io
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done

SERVER = int(os.environ["SERVER_PID"])
PIDFD_OPEN, PIDFD_GETFD = 434, 438
SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
CHANNELS = 5  # the first carries heartbeats
AUTHENTICATE, CONNECT_TREE, HEARTBEAT = 2, 5, 6
ACKNOWLEDGED = b"\x01"
BYTES_MAX = 192 << 10
REPLACED_WITHIN = 40.0


def connect(user=USER1, password=PASS1):
    connection = SMBConnection(HOST, HOST, sess_port=PORT, timeout=120)
    connection.login(user, password)
    return connection


def control_plane():
    found = subprocess.run(["pgrep", "-P", str(SERVER), "-f", "apus control-plane"], capture_output=True, text=True)
    return int(found.stdout.split()[-1]) if found.stdout.split() else None


def blob(data):
    return struct.pack("<I", len(data)) + data


def authenticated(user, guest=0, anonymous=0, must_have_account=1, key=b"k" * 16, token=b"", expiry=0):
    return (b"\x04" + blob(token) + blob(user) + blob(b"D") + bytes([must_have_account]) + blob(key)
            + bytes([guest, anonymous]) + struct.pack("<Q", expiry))


class Impostor:
    """Answers in the place of the control plane of the moment until the data plane hangs up."""

    def __init__(self, trick):
        self.trick, self.logins = trick, 0
        self.victim = control_plane()
        os.kill(self.victim, signal.SIGSTOP)
        process = SYSCALL(PIDFD_OPEN, self.victim, 0)
        assert process >= 0, os.strerror(ctypes.get_errno())
        self.channels = []
        for number in range(3, 3 + CHANNELS):
            descriptor = SYSCALL(PIDFD_GETFD, process, number, 0)
            assert descriptor >= 0, f"descriptor {number}: {os.strerror(ctypes.get_errno())}"
            self.channels.append(socket.socket(fileno=descriptor))
        os.close(process)
        self.threads = [threading.Thread(target=self.serve, args=(channel,), daemon=True) for channel in self.channels]
        for thread in self.threads:
            thread.start()

    def serve(self, channel):
        try:
            while True:
                datagram = channel.recv(BYTES_MAX + 64)
                if not datagram:
                    return
                number, case = datagram[:4], datagram[4]
                if case == HEARTBEAT:
                    channel.send(number + ACKNOWLEDGED)
                    continue
                self.logins += case == AUTHENTICATE
                for answer in self.trick(number, case) or []:
                    channel.send(answer)
        except OSError:
            pass

    def is_over(self):
        return control_plane() not in (self.victim, None)

    def end(self):
        for channel in self.channels:
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()


def nonsense(make):
    """The trick to answer everything so."""
    return lambda number, case: make(number)


def root_in_disguise(number, case):
    granted = b"\x07" + blob(SHARE.encode()) + b"\0"
    return [number + (authenticated(b"root\0x") if case == AUTHENTICATE else granted)]


def endless_questions(number, case):
    while True:
        yield number + bytes([64 + 4])  # the domain


TRICKS = {
    "no message": nonsense(lambda number: [number]),
    "half an answer": nonsense(lambda number: [number + authenticated(USER1.encode())[:-3]]),
    "lengths beyond the message": nonsense(lambda number: [number + b"\x04" + b"\xff\xff\xff\x7f" + b"x" * 100]),
    "the longest message": nonsense(lambda number: [number + b"\x02" + blob(b"x" * (BYTES_MAX - 5))]),
    "somebody else's answer": nonsense(lambda number: [b"\xff\xff\xff\xff" + authenticated(b"root")]),
    "answers three times": nonsense(lambda number: 3 * [number + authenticated(b"root")]),
    "everybody's sessions are to end": nonsense(lambda number: [number + bytes([64 + 9, 0, 0])]),
    "what is open?": nonsense(lambda number: [number + bytes([64 + 7, 0]) + bytes(8)]),
    "questions without end": endless_questions,
    "a login that is a tree": nonsense(lambda number: [number + b"\x07" + blob(SHARE.encode()) + b"\0"]),
    "a login that is a token": nonsense(lambda number: [number + b"\x02" + blob(b"x")]),
}
# In good form: nothing gives it away. Not started by root, the server has nobody but itself to be.
NOBODY = {
    "root by another name": root_in_disguise,
    "nobody that there is": nonsense(lambda number: [number + authenticated(b"no-such-user-here")]),
}
if os.geteuid() == 0:
    TRICKS.update(NOBODY)
if os.environ.get("SIZE") != "small":
    TRICKS["nothing"] = nonsense(lambda number: [])


class Reader:
    """A client that was connected before."""

    def __init__(self):
        self.connection = connect()
        self.connection.putFile(SHARE, "before", io.BytesIO(b"b" * 4096).read)
        self.tree = self.connection.connectTree(SHARE)
        self.file = self.connection.openFile(self.tree, "before", desiredAccess=1)
        self.isOver, self.error, self.longest, self.count = False, None, 0.0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.isOver:
            began = time.perf_counter()
            try:
                assert self.connection.readFile(self.tree, self.file, 0, 4096) == b"b" * 4096
            except Exception as problem:
                self.error = repr(problem)
                return
            self.longest = max(self.longest, time.perf_counter() - began)
            self.count += 1
            time.sleep(0.005)

    def stop(self):
        self.isOver = True
        self.thread.join(30)
        self.connection.close()


def gets_in():
    try:
        connection = connect()
        connection.connectTree(SHARE)
        connection.close()
        return True
    except Exception:
        return False


def try_trick(trick):
    reader = Reader()
    impostor = Impostor(trick)
    try:
        began = time.perf_counter()
        # By the time that somebody has got in, the new control plane may be there to have let him in.
        got_in = gets_in() and not impostor.is_over()
        while not impostor.is_over() and time.perf_counter() - began < REPLACED_WITHIN:
            if trick in NOBODY.values():
                if control_plane() == impostor.victim:
                    os.kill(impostor.victim, signal.SIGKILL)
                impostor.end()
                time.sleep(0.05)
            else:
                got_in = gets_in() and not impostor.is_over() or got_in
        took = time.perf_counter() - began
        assert impostor.logins, "nothing was asked"
        assert not got_in, "somebody got in"
        assert impostor.is_over(), f"not replaced after {took:.0f} s"
        connect().close()
    finally:
        impostor.end()
        reader.stop()
    assert reader.error is None, f"a connected client noticed: {reader.error}"
    assert reader.count > 10 and reader.longest < 1, f"{reader.count} reads, the longest {reader.longest:.2f} s"
    os.kill(SERVER, 0)


def one_that_stays():
    """After a reload the old one has nothing more to do; one that does not end is ended."""
    victim = control_plane()
    os.kill(victim, signal.SIGSTOP)
    os.kill(SERVER, signal.SIGHUP)
    began = time.perf_counter()
    while os.path.exists(f"/proc/{victim}"):
        assert time.perf_counter() - began < 75, "it is still there"
        time.sleep(0.2)
    connect().close()


if os.environ.get("SIZE") != "small":
    check("a control plane that stays after a reload is ended", one_that_stays)
for name, trick in TRICKS.items():
    check(f"a control plane that was taken over: {name}", try_trick, trick)
done()
