#!/usr/bin/env python3
"""Drives ksmbd-tools and ours through the same steps, and compares what comes of them.  Run by slow/45-ksmbd-tools.

    ksmbd_tools.py PEERS WORK      PEERS runs the real ones; WORK/ours holds links to ours
"""
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import time

PEERS, WORK = sys.argv[1:3]
LOCK = "/run/ksmbd.lock"
REAL, OURS = "real", "ours"
HASH = "qfDdV+Htq1u1WprAqZwV7A=="
commands = 0
failures = 0


def program(kind, tool):
    return [PEERS, f"/usr/sbin/ksmbd.{tool}"] if kind == REAL else [f"{WORK}/ours/ksmbd.{tool}"]


def folder(kind):
    return f"{WORK}/{kind}-files"


def run(kind, line):
    """One command line: its exit status, and what is to be the same of what it says."""
    words = shlex.split(line)
    done = subprocess.run(
        program(kind, words[0]) + words[1:], cwd=folder(kind), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60)
    return done.returncode, outcome(done.stdout.decode(errors="replace"))


# What scripts read; explanations are in each one's own words.
OUTCOMES = re.compile(
    r"(Added|Updated|Deleted|Wrote|Notified|Terminated|Ignored lock|Ignored option|Prompting|Password is empty"
    r"|No user database|No configuration file).*")


def outcome(text):
    lines = []
    for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[A-Z]|\r", "\n", text).split("\n"):
        match = re.match(r"\[(ksmbd\.\w+)/\d+\]: (INFO|ERROR): (.*)", line)
        if match and match[1] == "ksmbd.mountd":
            continue  # its status tells
        if match and match[2] == "ERROR":
            lines.append(f"{match[1]} ERROR")
        elif match and OUTCOMES.match(match[3]):
            lines.append(f"{match[1]} {match[3]}")
        elif line.startswith("Usage: "):
            lines.append(line.split(" [")[0])
    # Several complaints are one.
    return [line for index, line in enumerate(lines) if index == 0 or line != lines[index - 1]]


def press(kind, line, waits_for, keys):
    """The same at a terminal, with keys pressed once `waits_for` is shown."""
    words = shlex.split(line)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder(kind))
        os.execvp(program(kind, words[0])[0], program(kind, words[0]) + words[1:])
    shown, end, pressed = b"", time.monotonic() + 30, False
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
        if not pressed and waits_for in shown:
            time.sleep(0.05)
            os.write(terminal, keys)
            pressed = True
    os.close(terminal)
    if time.monotonic() >= end:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = shown.decode(errors="replace")
    prompts = re.findall(r"(?:New|Retype) password: |^[a-z ]+ = |(?<=\x1b\[2K)[a-z ]+ = ", text, re.M)
    distinct = [prompt for index, prompt in enumerate(prompts) if index == 0 or prompt != prompts[index - 1]]
    return status, outcome(text), distinct


class Listener:
    """Stands for the server: says which signals it got, and its lock file names it."""

    def __init__(self, text=None):
        self.process = subprocess.Popen(
            [sys.executable, "-uc", "import signal,sys\n"
             "signal.pthread_sigmask(signal.SIG_BLOCK, {1, 10, 15, 28})\nprint('ready')\n"
             "while True: print(int(signal.sigwait({1, 10, 15, 28})))"], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        with open(LOCK, "w") as file:
            file.write((text or "{}\n").format(self.process.pid))

    def end(self):
        # Of signals that wait the lowest number is told first: once this one is, all are.
        os.kill(self.process.pid, signal.SIGWINCH)
        got = []
        while not got or got[-1] != str(int(signal.SIGWINCH)):
            got.append(self.process.stdout.readline().strip())
        got.pop()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.path.exists(LOCK) and os.unlink(LOCK)
        return [int(number) for number in got]


def prepare(kind, files):
    subprocess.run(["rm", "-rf", folder(kind)], check=True)
    os.mkdir(folder(kind))
    for name, content in files.items():
        with open(f"{folder(kind)}/{name}", "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())


def state(kind):
    """Every file's bytes; the configuration's mode too (the user database is nobody else's with us, a listed difference)."""
    found = {}
    for name in sorted(os.listdir(folder(kind))):
        path = f"{folder(kind)}/{name}"
        if os.path.isdir(path):
            continue
        with open(path, "rb") as file:
            found[name] = file.read()
        if name == "conf":
            found["mode"] = oct(os.stat(path).st_mode)
    return found


def report(name, results):
    global failures
    real, ours = results
    if real == ours:
        print(f"ok - {name}")
    else:
        failures += 1
        print(f"not ok - {name}")
        pairs = list(zip(real, ours)) if isinstance(real, list) and len(real) == len(ours) else [(real, ours)]
        for one, other in pairs:
            if one != other:
                print(f"#   real: {one}\n#   ours: {other}")


def case(name, files, *lines, keys=None, waits_for=b"New password: ", lock=None):
    """One case: files, then command lines one after the other, compared after each."""
    global commands
    results = []
    for kind in (REAL, OURS):
        prepare(kind, files)
        seen = []
        for line in lines:
            listener = Listener(lock) if lock else None
            seen.append(press(kind, line, waits_for, keys) if keys is not None else run(kind, line))
            if listener:
                seen.append(listener.end())
            seen.append(state(kind))
        results.append(seen)
    commands += len(lines)
    report(name, results)


def users():
    both = "-P db -C conf"
    db = {"db": f"alice:{HASH}\nbob:{HASH}\n"}
    conf = "[global]\n\tguest account = ghost\n[s]\n\tpath = /tmp\n\tvalid users = bob carol\n\twrite list = dave\n"
    case("a user is added to a new database", {}, f"adduser -a -p secret {both} alice", f"adduser -a -p x {both} bob")
    case("users are sorted", {}, *[f"adduser -p x {both} {name}" for name in ("zoe", "Adam", "émile", "anna", "b", "_x")])
    case("an empty password", {}, f"adduser -a -p '' {both} alice")
    case("a password in UTF-8", {}, f"adduser -a -p 'pässwörd €😀' {both} alice")
    case("a password of 128 bytes", {}, f"adduser -a -p {'x' * 128} {both} alice")
    case("a password of 129 bytes", {}, f"adduser -a -p {'x' * 129} {both} alice")
    case("a user that exists is not added", db, f"adduser -a -p x {both} alice")
    case("a user is changed", db, f"adduser -u -p other {both} alice", f"adduser --update --password=third {both} bob")
    case("a user that is missing is not changed", db, f"adduser -u -p x {both} carol")
    case("add or change", db, f"adduser -p new {both} alice", f"adduser -p new {both} carol")
    case("a user is deleted", db, f"adduser -d {both} alice", f"adduser -d {both} bob", f"adduser -d {both} bob")
    case("the last of -a, -u and -d counts", db, f"adduser -a -d {both} alice", f"adduser -d -u -p x {both} bob")
    case("capitals make another user", db, f"adduser -a -p x {both} Alice")
    for name, user in [
        ("a colon", "'a:b'"), ("nothing", "''"), ("48 bytes", "x" * 48), ("a line's end", "'a\nb'"), ("DEL", "'a\x7f'"),
    ]:
        case(f"no user's name: {name}", db, f"adduser -a -p x {both} {user}")
    case("names of 47 bytes, and with blanks", db, f"adduser -a -p x {both} {'x' * 47}", f"adduser -a -p x {both} 'a b'")
    case("no user, two users", db, f"adduser -a -p x {both}", f"adduser -a -p x {both} a b")
    case("options that there are not", db, "adduser -x alice", "adduser --nothing alice", "adduser --add=1 alice",
         "adduser -p", "adduser --p x alice")
    case("-h and -V", db, "adduser -h", "adduser --help", "adduser -V", "adduser --version", "adduser -V -x")
    case("long names cut short, and options after the name", {}, "adduser carol --pass=x --pwd db --conf conf --verb --ad")
    case("letters in one word", {}, "adduser -avpx -Pdb -Cconf alice", "adduser -vdPdb -Cconf -- alice")
    case("whom the configuration needs stays", {"conf": conf, "db": "".join(
        f"{name}:{HASH}\n" for name in ("bob", "carol", "dave", "eve"))},
        *[f"adduser -d {both} {name}" for name in ("bob", "carol", "dave", "ghost", "eve")])
    case("a guest's account is no user", {"conf": conf, "db": f"ghost:{HASH}\nbob:{HASH}\n"},
         f"adduser -a -p x {both} ghost", f"adduser -u -p x {both} ghost", f"adduser -p x {both} zed")
    case("nobody is a guest's account", db, f"adduser -a -p x {both} nobody", f"adduser -p x {both} nobody")
    for name, text in [
        ("no colon", "alice\n"), ("no hash", "alice:\n"), ("only padding", "alice:==\n"), ("a blank", "alice:a b\n"),
        ("no name", f":{HASH}\n"), ("a long name", f"{'x' * 48}:{HASH}\n"), ("from Windows", f"alice:{HASH}\r\n"),
        ("Latin-1", b"\xe9:" + HASH.encode() + b"\n"), ("a comment", f"# x\nalice:{HASH}\n"),
    ]:
        case(f"a database that is none: {name}", {"db": text}, f"adduser -p x {both} bob")
    case("a database with empty lines, twice the same, without an end", {
        "db": f"\nalice:aaaa\n\nbob:{HASH}\nalice:{HASH}"}, f"adduser -p x {both} carol")
    for name, text in [
        ("no section", "path = /\n"), ("no equals sign", "[s]\npath\n"), ("from Windows", "[s]\r\npath = /\r\n"),
        ("an open bracket", "[s\n"), ("no key", "[s]\n = x\n"), ("a control character", "[s]\npath = \x01\n"),
    ]:
        case(f"a configuration that is none: {name}", {"conf": text, **db}, f"adduser -p x {both} bob",
             f"addshare -o 'comment = x' {both} t")
    case("a folder that is missing", {}, "adduser -p x -P none/db -C conf alice", "addshare -o 'path = /' -C none/c x")


def passwords():
    line = "adduser -P db -C conf alice"
    case("a password is asked for twice", {}, line, keys=b"secret\nsecret\n")
    case("until both are the same", {}, line, keys=b"one\ntwo\nthree\nthree\n")
    case("an empty one", {}, line, keys=b"\n")
    case("corrected with the erase key", {}, line, keys="secrex\x7ftä\x7f\nsecret\n".encode())
    case("control characters do not count", {}, line, keys=b"se\x01cr\x1fet\nsecret\n")
    case("a long one is cut, and asked for again", {}, line, keys=b"x" * 130 + b"\n" + b"x" * 130 + b"\n\n")
    case("no answer", {}, line, keys=b"secret\n\x04")
    case("not asked for when deleting", {"db": f"alice:{HASH}\n"}, "adduser -d -P db -C conf alice", keys=b"")


def shares():
    both = "-P db -C conf"
    conf = ("; mine\n[global]\n\tworkgroup = W\n\tServer String = text ; comment\n\tread only = no\n\tmax connections = 9\n"
            "[Media]\n  path=/srv/media \n\tComment = Films # c\n\tguest ok = yes\n\tunknown key = 1\n"
            "[ipc$]\n\tcomment = pipes\n[media]\n\tpath = /other\n\tread only = yes\n[a]\n\tpath = /a\n")
    have = {"conf": conf, "db": f"alice:{HASH}\n"}
    case("a share is added to a new configuration", {}, f"addshare -a -o 'path = /srv' {both} data")
    case("several parameters", {}, f"addshare -o 'path = /srv' -o 'read only = no' -o 'comment = a b' {both} data")
    case("a parameter twice, without a value, as a comment", {},
         f"addshare -o 'path = /1' -o 'path=/2' -o 'comment =' -o '; x' -o 'guest ok = yes ; no' {both} data")
    case("parameters that there are not", {}, f"addshare -o 'nothing = 1' -o path -o 'admin users = x' "
         f"-o 'hosts allow = 1' -o 'path = /' {both} data")
    case("capitals and blanks of keys", {}, f"addshare -o 'PATH=/srv' -o ' Read  Only = no' -o 'read only\t=yes' {both} d")
    case("a key that begins as a known one", {}, f"addshare -o 'paths = /x' -o 'commentary = y' {both} d")
    case("a share that exists is not added", have, f"addshare -a -o 'path = /' {both} MEDIA")
    case("a share is changed, whatever its capitals", have, f"addshare -u -o 'comment = new' {both} mEdIa")
    case("a parameter is taken out", have, f"addshare -u -o 'comment = ' {both} media")
    case("a share that is missing is not changed", have, f"addshare -u -o 'path = /' {both} none")
    case("add or change", have, f"addshare -o 'path = /b' {both} b", f"addshare -o 'path = /c' {both} b")
    case("a share is deleted", have, f"addshare -d {both} A", f"addshare -d {both} a", f"addshare -d {both} media")
    case("[global]: what shares have in common", have, f"addshare -u -o 'browseable = no' -o 'guest account = x' "
         f"-o 'max connections = 1' -o 'workgroup = X' {both} global", f"addshare -d {both} global")
    case("[global] that is not there", {}, f"addshare -a -o 'read only = no' {both} global", f"addshare -d {both} Global")
    case("[ipc$]", have, f"addshare -u -o 'comment = x' {both} IPC$", f"addshare -d {both} ipc$")
    case("sections in order", {}, *[f"addshare -o 'path = /' {both} {name}" for name in ("z", "B", "a", "é", "global")])
    for name, share in [("a bracket", "'a]b'"), ("nothing", "''"), ("64 bytes", "x" * 64), ("a line's end", "'a\nb'")]:
        case(f"no share's name: {name}", have, f"addshare -o 'path = /' {both} {share}")
    case("names of 63 bytes, with blanks, in UTF-8", {}, f"addshare -o 'path=/' {both} {'x' * 63}",
         f"addshare -o 'path=/' {both} 'my share'", f"addshare -o 'path=/' {both} Größe", f"addshare -u -o 'path=/2' {both} GRÖßE")
    case("no share, two shares, no such option", have, f"addshare {both}", f"addshare -o 'path=/' {both} a b", "addshare -x a",
         "addshare -o", "addshare -h", "addshare -V")
    case("a database that is none", {"db": "alice\n"}, f"addshare -o 'path = /' {both} x")
    case("a configuration with everything the grammar has", {
        "conf": "\t; c\n# d\n\n[ s ] ; e\n\tk1\t= v1 \t\n k 2=v2;c\nk3 = ;\nK1 = w\n\xa0x = y\n[global]\n[t]\n".encode("latin-1")},
        f"addshare -o 'path = /' {both} t")


def share_prompts():
    asked = b"comment = "
    line = "addshare -P db -C conf data"
    down = b"\n"
    have = {"conf": "[data]\n\tpath = /old\n\tcomment = text\n", "db": f"alice:{HASH}\nbob:{HASH}\n"}

    def prompts(name, files, keys, which=line):
        case(f"asked for parameters: {name}", files, which, keys=keys, waits_for=asked)

    prompts("nothing said", {}, down * 29)
    prompts("some said", {}, b"words here" + down + b"/srv" + down + b"yes" + down * 27)
    prompts("what is there is kept", have, down * 29)
    prompts("emptied, and changed", have, b"\x17" + down + b"\x17/new" + down * 28)
    prompts("back with Control-P and the up key", {}, b"one" + down + b"\x10\x17two" + down + b"\x1b[A!" + down * 29)
    prompts("on with Control-N and the down key", {}, b"one\x0e/two\x1b[B" + down * 27)
    prompts("completed", have, down * 2 + b"\t" + down + b"a\t" + down * 14 + b"a\t,b\t" + down * 20)
    prompts("corrected", {}, b"onex\x7f" + down * 29)
    prompts("given up", have, down * 5 + b"\x04")
    prompts("[global]", {}, down * 2 + b"yes" + down * 25, "addshare -P db -C conf global")


def locks():
    both = "-P db -C conf"
    add, share = f"adduser -p x {both} alice", f"addshare -o 'path = /' {both} s"
    for name, text in [
        ("as the server writes it", "{}\n"), ("without a line's end", "{}"), ("and more lines", "{}\nx\n"),
        ("with a blank", "{} \n"), ("of another", "4194303\n"), ("of init", "1\n"), ("of nobody", "x\n"), ("empty", " \n"),
    ]:
        case(f"a lock file {name}", {}, add, share, "control -r", lock=text)
    case("no lock file", {}, add, "control -r", "control -l")
    case("ksmbd.control: mistakes", {}, "control", "control -x", "control -v", "control -d", "control -r -x", "control -h",
         "control -V", "control nothing", "control -d nothing")
    # Without ksmbd in the kernel the real one says that it failed: a listed difference. What the server gets is the same.
    got = []
    for kind in (REAL, OURS):
        listener = Listener()
        run(kind, "control -s")
        got.append(listener.end())
    report("ksmbd.control -s ends the server", got)


def servers():
    case("ksmbd.mountd: mistakes", {"bad": "[s]\npath\n"}, "mountd -x", "mountd extra", "mountd -h", "mountd -V", "mountd -p",
         "mountd -n -C none -P db", "mountd -n -C bad -P db", "mountd --nodetach=1 -C bad -P db")
    results = []
    for kind in (REAL, OURS):
        prepare(kind, {"conf": "[s]\npath = /tmp\n"})
        listener = Listener()
        status = run(kind, "mountd -n -C conf -P db")[0]
        with open(LOCK) as file:
            kept = file.read() == f"{listener.process.pid}\n"
        results.append((status, kept, listener.end()))
    report("ksmbd.mountd: another one serves already", results)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def locked():
    try:
        with open(LOCK) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def listing(kind):
    done = subprocess.run(program(kind, "control") + ["-l"], capture_output=True, text=True, timeout=60)
    return done.returncode, sorted(re.findall(r"^ +(?:\x1b\[1m)?.*\S", done.stdout.split("[ksmbd")[0], re.M))


def serve():
    """Ours serves; both sets of tools talk to it."""
    conf = ("[global]\n\ttcp port = {}\n\tinterfaces = lo\n\tbind interfaces only = yes\n\tadmin socket = {}/admin.sock\n"
            "[one]\n\tpath = /tmp\n\tcomment = The first\n")
    port = 20000 + os.getpid() % 10000
    prepare(OURS, {"conf": conf.format(port, folder(OURS)), "db": f"alice:{HASH}\n"})
    foreground = subprocess.Popen(program(OURS, "mountd") + ["-n", "-C", "conf", "-P", "db"], cwd=folder(OURS),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    report("mountd -n: the lock file names it", [True, wait_until(lambda: locked() == foreground.pid)])
    report("control -l: both list the same", [listing(REAL), listing(OURS)])
    report("control -l: names and comments", [True, any("one    The first" in line for line in listing(OURS)[1])])
    run(REAL, f"addshare -C {folder(OURS)}/conf -P {folder(OURS)}/db -o 'path = /tmp' two")
    report("the real addshare's SIGHUP: the share is there", [True, wait_until(lambda: "two" in str(listing(OURS)))])
    run(OURS, "addshare -C conf -P db -d two")
    report("our addshare's SIGHUP: the share is gone", [True, wait_until(lambda: "two" not in str(listing(OURS)))])
    with open(f"{folder(OURS)}/conf", "a") as file:
        file.write("[broken\n")
    report("control -r with a broken file", [0, run(REAL, "control -r")[0]])
    report("leaves the server as it was", [True, wait_until(lambda: "one" in str(listing(OURS)))])
    report("a second one ends", [1, run(OURS, "mountd -n -C conf -P db")[0]])
    report("our control -s", [0, run(OURS, "control -s")[0]])
    report("the server ends well", [0, foreground.wait(timeout=20)])
    report("and takes its lock file along", [False, os.path.exists(LOCK)])
    detach(conf.format(port, folder(OURS)))


def detach(conf):
    prepare(OURS, {"conf": conf, "db": f"alice:{HASH}\n", "bad": "[s]\npath\n"})
    report("mountd detaches", [0, run(OURS, "mountd -C conf -P db")[0]])
    process = locked()
    report("and serves", [True, process > 1 and listing(REAL)[0] == 0])
    run(REAL, "control -s")
    report("until the real control ends it", [True, wait_until(lambda: not os.path.exists(LOCK))])
    report("-n0 detaches too, and a broken file is told of", [1, run(OURS, "mountd -n0 -C bad -P db")[0]])
    report("and no lock file is left", [False, os.path.exists(LOCK)])


users()
passwords()
shares()
share_prompts()
locks()
servers()
serve()
report(f"{commands} command lines compared: at least 100", [True, commands >= 100])
sys.exit(failures != 0)
