#!/usr/bin/env python3
"""Apus beside Samba's smbd, in one run on one machine: speed, server CPU for each operation, memory.

    compare.py [--rounds N] [--seconds S] [--only REGEX] [--servers apus,smbd] [--json FILE] [--small]
               [--global LINE]

Each row runs on both servers in turn, N rounds (3), and shows the medians: operations a second, microseconds of
processor time that the server spent on each (user + system, all its processes), and both as ratios. Shares are in
memory (/dev/shm), so that the disk has no say. Clients are Samba's own smbtorture and smbclient, one process on the
same machine: where the client is the limit, the processor time tells the servers apart, not the rate.

With one request at a time (1 x 1) server and client share one processor. Where the scheduler puts the two changes from
run to run otherwise, and with it the figures of either server by a factor of two. Below the table stands what the
kernel alone takes for such a request: no server can need less.
The large folder of the rows about names has 1,000,000 entries.
The table on standard output is Markdown; progress goes to standard error.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICK = os.sysconf("SC_CLK_TCK")
SIGNED = ["--client-protection=sign"]
SEALED = ["--client-protection=encrypt"]
MIB = 1 << 20
WRITE_TREE = "recurse ON; prompt OFF; lcd {scratch}; mput tree"


class Server:
    """A server started by lab/server, and what /proc says of it."""

    def __init__(self, kind, base, options=()):
        self.kind = kind
        self.folder = pathlib.Path(base) / kind
        command = [ROOT / "lab/server", "start", kind, self.folder, *options]
        if kind == "apus":
            command += ["--global", "max connections = 4096", "--global", "max ip connections = 4096"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        self.look()
        (self.share / "contend").mkdir(exist_ok=True)
        os.chmod(self.share / "contend", 0o777)

    def look(self):
        """Reads how to reach it, once it has started."""
        text = (self.folder / "environment").read_text()
        self.environment = dict(re.findall(r"(\w+)=(\S+)", text))
        self.pid = int(self.environment["SERVER_PID"])
        self.share = pathlib.Path(self.environment["SHARE_FOLDER"])
        time.sleep(0.5)
        self.process_count = len(self.processes())

    def restart(self):
        subprocess.run([ROOT / "lab/server", "restart", self.folder], check=True, stdout=sys.stderr)
        self.look()

    def stop(self):
        subprocess.run([ROOT / "lab/server", "stop", self.folder], check=False)

    def processes(self):
        """The server's process and all below it."""
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
        found, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children.get(pid, [])
        return found

    def cpu(self):
        """Seconds of processor time so far: what lives, and what has ended and been waited for."""
        ticks = 0
        for pid in self.processes():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / TICK

    def memory(self, kind="Pss"):
        """Bytes of memory: proportional set size, so that pages which processes share count once. With "Pss_Anon" only
        what is no file's: pages of libraries count less as soon as any other program maps them too."""
        total = 0
        for pid in self.processes():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(rf"^{kind}:\s+(\d+)", text, re.M).group(1)) << 10
        return total

    def settle(self):
        """Waits until the clients before are gone, and takes away what they left."""
        end = time.monotonic() + 10
        while len(self.processes()) > self.process_count and time.monotonic() < end:
            time.sleep(0.1)
        for folder in self.share.glob("bench_*"):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def on_one_processor(self, wanted):
        """Keeps all its threads, and those to come, on the last processor meanwhile. Gives how to start a client there."""
        every = sorted(os.sched_getaffinity(0))
        if not wanted or len(every) == 1:
            yield []
            return
        try:
            self.keep_on(every[-1:])
            yield ["taskset", "-c", str(every[-1])]
        finally:
            self.keep_on(every)

    def keep_on(self, processors):
        for pid in self.processes():
            subprocess.run(["taskset", "-acp", ",".join(map(str, processors)), str(pid)], capture_output=True)

    def alive(self):
        return os.path.exists(f"/proc/{self.pid}")

    @property
    def target(self):
        return f"//{self.environment['HOST']}/{self.environment['SHARE']}"

    @property
    def login(self):
        return ["-p", self.environment["PORT"], "-U",
                f"{self.environment['USER1']}%{self.environment['PASS1']}", "-s", "/dev/null"]


def run(command, server, limit=900):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit)
    if done.returncode != 0 or "NT_STATUS_" in done.stdout:
        words = (done.stdout + done.stderr).strip().split("\n")[-4:]
        raise RuntimeError(f"{' | '.join(words)[:300]}")
    return done.stdout + done.stderr


def torture(name, connections, depth, options=(), protection=()):
    """A row that runs one of smbtorture's benches."""

    def measure(server, settings):
        command = [ROOT / "lab/peers", "smbtorture", server.target, *server.login,
                   f"--option=torture:timelimit={settings.seconds}", f"--option=torture:nprocs={connections}",
                   f"--option=torture:qdepth={depth}", "--option=torture:progress=no", *options, *protection,
                   f"smb2.bench.{name}"]
        with server.on_one_processor(connections * depth == 1) as prefix:
            before = server.cpu()
            try:
                text = run(prefix + command, server, settings.seconds * 5 + 10)
            except subprocess.TimeoutExpired:  # now and then smbd lets a client of these benches wait for a minute
                server.settle()
                before = server.cpu()
                text = run(prefix + command, server, settings.seconds * 5 + 90)
            used = server.cpu() - before
        said = re.search(r"([\d.]+) second: \w+\[num/s=([\d,]+)", text)
        if not said:
            raise RuntimeError(f"smbtorture gave no rate: {text[-200:]!r}")
        # It divides by the time it was to take; a busy one takes longer.
        done = float(said.group(2).replace(",", "")) * settings.seconds
        return {"rate": done / float(said.group(1)), "cpu": used / max(1.0, done) * 1e6}

    return measure


def client(commands, count, prepare=None):
    """A row that runs one smbclient; `count` operations (or MiB) in it."""

    def measure(server, settings):
        if prepare:
            prepare(server, settings)
        scratch = settings.scratch
        before, began = server.cpu(), time.monotonic()
        run([shutil.which("smbclient") or "smbclient", server.target, *server.login, "-c",
             commands.format(scratch=scratch)], server)
        seconds = time.monotonic() - began
        return {"rate": count(settings) / seconds, "cpu": (server.cpu() - before) / count(settings) * 1e6}

    return measure


def big_file(server, settings):
    file = pathlib.Path(settings.scratch) / "big"
    if not file.exists():
        with open(file, "wb") as out:
            block = os.urandom(MIB)
            for _ in range(settings.big):
                out.write(block)
    for name in ("big", "many"):
        path = server.share / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def big_file_there(server, settings):
    big_file(server, settings)
    shutil.copyfile(pathlib.Path(settings.scratch) / "big", server.share / "big")
    os.chmod(server.share / "big", 0o666)


def many_files(server, settings):
    folder = pathlib.Path(settings.scratch) / "many"
    if not folder.exists():
        folder.mkdir()
        for number in range(settings.many):
            (folder / f"file-{number:05}.txt").write_bytes(b"x" * 1024)
    shutil.rmtree(server.share / "many", ignore_errors=True)


def long_listing(server, settings):
    folder = server.share / "long"
    if not folder.exists():
        folder.mkdir()
        for number in range(settings.entries):
            (folder / f"an entry of the long folder {number:06}.txt").touch()


def small_tree(server, settings):
    tree = pathlib.Path(settings.scratch) / "tree"
    if not tree.exists():
        for number in range(settings.tree):
            folder = tree / f"folder-{number // 100:03}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"file-{number:05}.txt").write_bytes(b"x" * 1024)
    shutil.rmtree(server.share / "tree", ignore_errors=True)


def small_tree_there(server, settings):
    """As a client wrote it: with what the server keeps beside the files."""
    small_tree(server, settings)
    client(WRITE_TREE, lambda s: s.tree)(server, settings)


def folder_of(count, server):
    """A folder of so many entries, made once."""
    folder = server.share / f"names-{count}"
    if not folder.exists():
        folder.mkdir()
        for number in range(count):
            os.close(os.open(folder / f"a file of many {number:07}.txt", os.O_CREAT | os.O_WRONLY, 0o666))
        os.chmod(folder, 0o777)
    return folder.name


def python():
    environment = subprocess.run(
        ["bash", "-c", f". {ROOT}/Tests/Clients/lib.sh; python_environment"], capture_output=True, text=True, check=True)
    return f"{environment.stdout.strip()}/bin/python"


def files(kind, depth=1, count=None, folder=None):
    """A row that runs one client of file_operations.py, which does `count` operations, or as many as the time allows."""

    def measure(server, settings):
        where = [folder(server, settings)] if folder else []
        limit = count(settings) if count else 1 << 30
        with server.on_one_processor(depth == 1) as prefix:
            process = subprocess.Popen(
                [*prefix, python(), ROOT / "Benchmarks/file_operations.py", kind, str(depth), str(limit),
                 str(900 if count else settings.seconds), *where],
                env={**os.environ, **server.environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            with process:
                if process.stdout.readline().strip() != "ready":
                    raise RuntimeError(f"{kind}: the client did not get ready")
                before = server.cpu()
                process.stdin.write("go\n")
                process.stdin.flush()
                words = process.stdout.readline().split()
                used = server.cpu() - before
        if len(words) != 3:
            raise RuntimeError(f"{kind}: the client failed")
        done, seconds = int(words[0]), float(words[1])
        return {"rate": done / seconds, "cpu": used / max(1, done) * 1e6}

    return measure


def idle_sessions(server, settings):
    """Memory of each of many sessions that are logged in, connected to the share, and do nothing. The server is a fresh
    one: those of a round before leave memory behind that the next ones use."""
    server.restart()
    before = server.memory("Pss_Anon")
    holder = subprocess.Popen(
        [python(), ROOT / "Benchmarks/hold_sessions.py", str(settings.sessions)],
        env={**os.environ, **server.environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline().strip() != "ready":
            raise RuntimeError(f"could not hold {settings.sessions} sessions")
        time.sleep(1)
        return {"value": (server.memory("Pss_Anon") - before) / settings.sessions / 1024}
    finally:
        holder.stdin.close()
        holder.wait(60)
        time.sleep(1)


def at_rest(server, settings):
    return {"value": server.memory() / MIB}


def both(title, name, options=(), protection=()):
    for connections, depth in ((1, 1), (4, 16)):
        yield f"{title}, {connections} x {depth}", torture(name, connections, depth, options, protection)


def rows():
    """Every row: title and how it is measured. `value` rows are memory, the others rate and CPU."""
    megabyte = ("--option=torture:io_size=1048576",)
    yield "memory at rest, MiB", at_rest
    yield "memory of an idle session, KiB", idle_sessions
    yield from both("echo", "echo")
    yield from both("read 4 KiB", "read")
    yield from both("write 4 KiB", "write")
    yield from both("open + close", "path-contention-shared", ("--option=torture:bench_path=contend",))
    yield from both("session set-up", "session-setup")
    for label, protection in (("", ()), (" signed", SIGNED), (" sealed", SEALED)):
        yield from both(f"read 1 MiB{label}", "read", megabyte, protection)
        yield from both(f"write 1 MiB{label}", "write", megabyte, protection)
    yield "smbclient put, each MiB", client("put {scratch}/big big", lambda s: s.big, big_file)
    yield "smbclient get, each MiB", client("get big /dev/null", lambda s: s.big, big_file_there)
    yield "smbclient put small files", client(
        "recurse ON; prompt OFF; lcd {scratch}; mput many", lambda s: s.many, many_files)
    yield "listing of a long folder, each entry", client("ls long\\*", lambda s: s.entries, long_listing)
    yield from file_rows()


def file_rows():
    """What clients do with files and names, without their content."""
    for depth in (1, 16):
        yield f"create in one folder, 1 x {depth}", files("create", depth, lambda s: s.creates)
    yield "tree of small files written, each file", client(WRITE_TREE, lambda s: s.tree, small_tree)
    yield "tree of small files removed, each file", client("deltree tree", lambda s: s.tree, small_tree_there)
    yield "listing by a bare client, each entry", files(
        "list", 1, lambda s: s.entries, lambda server, s: long_listing(server, s) or "long")
    for depth in (1, 16):
        yield f"lock + unlock, 1 x {depth}", files("lock", depth)
    yield "open, break of a lease, close", files("lease")
    yield "open + close, 1,000 leases on the file", files("crowd", 16)
    for title, kind in (("find a name", "find"), ("find a name in another case", "other-case"),
                        ("fail to find a name", "missing"), ("create and delete", "pass")):
        for where, count in (("folder of 10", lambda s: 10), ("large folder", lambda s: s.names)):
            yield f"{title}, {where}", files(
                kind, 16, None, lambda server, s, count=count: folder_of(count(s), server))


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(results):
    """Markdown: what each server did, and Apus as a multiple of smbd (rate up is better, CPU and memory down)."""
    def cell(title, kind, key):
        samples = [sample[key] for sample in results[title].get(kind, []) if key in sample]
        return statistics.median(samples) if samples else None

    def ratio(one, other):
        return f"{one / other:.2f}" if one is not None and other else "–"

    lines = ["| | Apus, per s | smbd, per s | ratio | Apus CPU, µs each | smbd CPU, µs each | ratio |",
             "|---|--:|--:|--:|--:|--:|--:|"]
    memory = ["| memory | Apus | smbd | ratio |", "|---|--:|--:|--:|"]
    for title in results:
        if any("value" in sample for samples in results[title].values() for sample in samples):
            one, other = cell(title, "apus", "value"), cell(title, "smbd", "value")
            memory.append(f"| {title} | {number(one)} | {number(other)} | {ratio(one, other)} |")
            continue
        rate = [cell(title, kind, "rate") for kind in ("apus", "smbd")]
        cpu = [cell(title, kind, "cpu") for kind in ("apus", "smbd")]
        lines.append(f"| {title} | {number(rate[0])} | {number(rate[1])} | {ratio(*rate)} "
                     f"| {number(cpu[0])} | {number(cpu[1])} | {ratio(*cpu)} |")
    return "\n".join(lines + [""] + memory)


def machine(settings):
    """One line: on what, against what, how."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    smbd = subprocess.run([ROOT / "lab/peers", "smbd", "-V"], capture_output=True, text=True).stdout.strip()
    return (f"{os.cpu_count()} processors ({model[1] if model else os.uname().machine}), Linux {os.uname().release}, "
            f"smbd {smbd.replace('Version ', '')}; medians of {settings.rounds} rounds, the servers in turn.")


def bare_loop(settings, folder):
    """What the kernel takes for some requests: a line for a loop that does nothing but what cannot be done without."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler:
        return ""
    program = f"{settings.scratch}/bare_loop"
    subprocess.run([compiler, "-O2", "-o", program, ROOT / "Benchmarks/bare_loop.c"], check=True)
    last = str(max(os.sched_getaffinity(0)))
    found = [[float(word) for word in subprocess.run(
        ["taskset", "-c", last, program, str(settings.seconds), folder], capture_output=True, text=True, check=True,
        timeout=settings.seconds * 8 + 10).stdout.split()] for _ in range(settings.rounds)]

    def asked(kind):
        """The median with file_operations.py as the client."""
        times = []
        for _ in range(settings.rounds):
            with subprocess.Popen(["taskset", "-c", last, program, "0", folder, kind], stdout=subprocess.PIPE,
                                  text=True) as server:
                port = server.stdout.readline().strip()
                subprocess.run(["taskset", "-c", last, python(), ROOT / "Benchmarks/file_operations.py", "bare", port,
                                str(settings.seconds)], check=True, timeout=settings.seconds + 30)
                times.append(float(server.stdout.readline()))
        return number(statistics.median(times))

    with_poll, echo, lock, opening = (number(statistics.median(column)) for column in zip(*found))
    return (f"The kernel alone, one at a time (Benchmarks/bare_loop.c): {echo} µs for one request and answer of an echo's "
            f"size with recv and send, {with_poll} µs with epoll_wait; {lock} µs for two of them with a byte locked and "
            f"unlocked; {opening} µs for two with a file opened (openat2, statx, fgetxattr) and closed. With the client "
            f"of the rows about files, which leaves less in the processor's caches: {asked('nothing')}, "
            f"{asked('lock')} and {asked('open')} µs.")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each smbtorture bench")
    parser.add_argument("--only", default="", help="rows whose title matches this regular expression")
    parser.add_argument("--servers", default="apus,smbd")
    parser.add_argument("--global", dest="lines", action="append", default=[], metavar="LINE",
                        help="a line of Apus's [global], to see what it costs")
    parser.add_argument("--json", help="write every sample to this file too")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--small", action="store_true", help="a tenth of the data: to try the script")
    settings = parser.parse_args()
    settings.big, settings.many, settings.entries, settings.sessions = (
        (64, 200, 5_000, 50) if settings.small else (1024, 2_000, 100_000, 500))
    settings.creates, settings.tree, settings.names = (
        (1_000, 2_000, 100_000) if settings.small else (10_000, 20_000, 1_000_000))
    kinds = settings.servers.split(",")
    options = {"apus": [word for line in settings.lines for word in ("--global", line)], "smbd": []}
    chosen = [(title, measure) for title, measure in rows() if re.search(settings.only, title)]

    base = tempfile.mkdtemp(prefix="apus-bench.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.chmod(base, 0o711)
    settings.scratch = os.path.join(base, "scratch")
    os.mkdir(settings.scratch)
    servers, results, failures = {}, {title: {} for title, _ in chosen}, []
    try:
        for kind in kinds:
            servers[kind] = Server(kind, base, options[kind])
        for title, measure in chosen:
            for turn in range(settings.rounds):
                for kind in kinds if turn % 2 == 0 else reversed(kinds):
                    servers[kind].settle()
                    try:
                        sample = measure(servers[kind], settings)
                    except (RuntimeError, subprocess.SubprocessError) as error:
                        failures.append(f"{title}: {kind}: {error}")
                        print(f"    {title}: {kind} failed: {error}", file=sys.stderr)
                        if not servers[kind].alive():
                            servers[kind] = Server(kind, base, options[kind])
                        continue
                    results[title].setdefault(kind, []).append(sample)
                    shown = ", ".join(f"{key} {number(value)}" for key, value in sample.items())
                    print(f"    {title}: {kind}: {shown}", file=sys.stderr, flush=True)
        floor = bare_loop(settings, base)
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(base, ignore_errors=True)
    text = f"{machine(settings)}\n\n{table(results)}\n\n{floor}".rstrip()
    print(text)
    if settings.readme:
        page = ROOT / "README.md"
        page.write_text(re.sub(r"(<!-- bench -->\n).*?(<!-- /bench -->)",
                               lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page.read_text(), flags=re.S))
    if settings.json:
        pathlib.Path(settings.json).write_text(json.dumps(results, indent=1))
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


sys.exit(main())
