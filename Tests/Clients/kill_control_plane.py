"""The control plane is killed again and again while clients read and others log in; see 40-control-plane."""
import io
import multiprocessing
import os
import signal
import subprocess
import threading
import time

from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done

SERVER = os.environ["SERVER_PID"]
KILLS = 6
BETWEEN_KILLS = 1.2
BACK_MAX = 1.0
LOGIN_THREADS = 4
ADDED_READ_DELAY_MAX = 0.020


def connect():
    connection = SMBConnection(HOST, HOST, sess_port=PORT)
    connection.login(USER1, PASS1)
    return connection


def control_plane():
    found = subprocess.run(["pgrep", "-P", SERVER, "-f", "apus control-plane"], capture_output=True, text=True)
    return int(found.stdout.split()[-1]) if found.stdout.split() else None


def read_on(pipe):
    """Reads until it is told to stop; a process of its own, so that the others' Python does not slow it."""
    connection = connect()
    connection.putFile(SHARE, "read-on", io.BytesIO(b"r" * 4096).read)
    tree = connection.connectTree(SHARE)
    file = connection.openFile(tree, "read-on", desiredAccess=1)
    taken, error = [], None
    pipe.send("ready")
    while not pipe.poll():
        began = time.perf_counter()
        try:
            assert connection.readFile(tree, file, 0, 4096) == b"r" * 4096
        except Exception as problem:
            error = repr(problem)
            break
        taken.append(time.perf_counter() - began)
        time.sleep(0.0005)
    pipe.send((sorted(taken), error))


class Reader:
    def __init__(self):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=read_on, args=(other,), daemon=True)
        self.process.start()
        assert self.pipe.recv() == "ready"

    def stop(self):
        self.pipe.send("stop")
        return self.pipe.recv()


class Logins:
    """Logs in over and over on several threads: (when it ended, seconds) of each, and what went wrong."""

    def __init__(self):
        self.taken, self.errors, self.isOver = [], [], False
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(LOGIN_THREADS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.isOver:
            began = time.perf_counter()
            try:
                connection = connect()
                connection.connectTree(SHARE)
                connection.close()
            except Exception as problem:
                self.errors.append(repr(problem))
            now = time.perf_counter()
            self.taken.append((now, now - began))
            time.sleep(0.02)  # a load, not all the machine has

    def stop(self):
        self.isOver = True
        for thread in self.threads:
            thread.join(20)


def kill_under_load():
    reader = Reader()
    logins = Logins()
    time.sleep(2)
    quiet, error = reader.stop()
    assert error is None, error
    reader = Reader()
    back, killed = [], set()
    for _ in range(KILLS):
        victim = control_plane()
        assert victim and victim not in killed, f"no new control plane: {victim}"
        killed.add(victim)
        count, began = len(logins.taken), time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        # Two logins beyond those that may have been through already: somebody got in by the new one.
        while control_plane() in (victim, None) or len(logins.taken) < count + LOGIN_THREADS + 1:
            assert time.perf_counter() - began < 5, "not back within 5 s"
            time.sleep(0.01)
        back.append(time.perf_counter() - began)
        time.sleep(BETWEEN_KILLS)
    logins.stop()
    busy, error = reader.stop()
    longest = max(taken for _, taken in logins.taken)
    one, other = quiet[int(len(quiet) * 0.99)], busy[int(len(busy) * 0.99)]
    print(f"# {KILLS} kills: {len(logins.taken)} logins, {len(logins.errors)} failed, longest {longest * 1e3:.0f} ms; "
          f"back after {max(back) * 1e3:.0f} ms at most; {len(busy)} reads, 99th percentile {one * 1e3:.2f} ms before "
          f"(longest {quiet[-1] * 1e3:.1f} ms), "
          f"{other * 1e3:.2f} ms during, longest {busy[-1] * 1e3:.1f} ms")
    assert error is None, f"a connected client noticed: {error}"
    assert other - one < ADDED_READ_DELAY_MAX, "reads became slower"
    assert not logins.errors, f"logins failed: {logins.errors[:3]}"
    assert max(back) < BACK_MAX, "the control plane was away for too long"


def stuck():
    """One that stands still is ended, and another one takes its place; who waits for it keeps nobody else waiting."""
    reader = Reader()
    time.sleep(1)
    quiet, _ = reader.stop()
    reader = Reader()
    victim = control_plane()
    os.kill(victim, signal.SIGSTOP)
    began = time.perf_counter()
    waiting = [threading.Thread(target=connect, daemon=True) for _ in range(16)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(15)
    took = time.perf_counter() - began
    busy, error = reader.stop()
    one, other = quiet[int(len(quiet) * 0.99)], busy[int(len(busy) * 0.99)]
    print(f"# 16 logins while the control plane stood still took {took:.1f} s; 99th percentile of {len(busy)} reads "
          f"{other * 1e3:.2f} ms, {one * 1e3:.2f} ms before; longest {busy[-1] * 1e3:.1f} ms")
    assert error is None, f"a connected client noticed: {error}"
    assert not any(thread.is_alive() for thread in waiting) and took < 10
    assert control_plane() not in (victim, None)
    assert other - one < ADDED_READ_DELAY_MAX, "reads became slower"


check("killed under load: connected clients go on, logins wait, it is back within a second", kill_under_load)
check("a control plane that stands still is replaced", stuck)
done()
