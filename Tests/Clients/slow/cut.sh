#!/usr/bin/env bash
# A mount whose connection is cut again and again; runs inside lab/kclient or lab/vm, as root.
#   cut.sh REPOSITORY SERVER PORT DIRECT-PORT SHARE USER PASSWORD MIB MODE…
# PORT leads through cutting_proxy.py, DIRECT-PORT to the server itself. $OUT/cut cuts; $OUT/restart kills the server and
# has another one take its place. Each mode has files of its own: a resilient handle whose client never came back keeps its
# file, with its locks, until its time is over.
set -uo pipefail
repository=$1 server=$2 port=$3 direct=$4 share=$5 user=$6 password=$7 mib=$8
shift 8
m=/tmp/m other=/tmp/other
mkdir -p "$m" "$other"
head -c "$((mib << 20))" /dev/urandom >/tmp/big

mount_at() { mount -t cifs "//$server/$share" "$1" -o "port=$2,username=$user,password=$password,nosharesock,$mode"; }
# (In the virtual machine the file can go while it is being made, which fails then.)
ask() { : 2>/dev/null >"$OUT/$1" || : >"$OUT/$1"; while [ -e "$OUT/$1" ]; do sleep 0.05; done; }
cut_once() { ask cut; }
python_cut='
import contextlib, fcntl, os, time
def cut():
    for _ in range(2):
        with contextlib.suppress(FileNotFoundError):  # as above
            open(os.environ["CUT"], "w").close()
            break
    while os.path.exists(os.environ["CUT"]):
        time.sleep(0.02)
'
restart_once() { ask restart; }
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then echo "ok - $mode: $name"; else
        echo "not ok - $mode: $name"
        printf '%s\n' "$output" | tail -n 8 | sed 's/^/#   /'
    fi
}

# Everything that was written is there, once, in its place, although the connection went several times meanwhile, or the
# server did; to the other mount too.
writes() {
    local cutter disturb=$1
    (for _ in 1 2 3 4 5; do sleep 0.7; "$disturb"; done) &
    cutter=$!
    for part in $(seq 0 15); do
        # This client does not repeat a FLUSH that was cut off, it reports it, and an open while the server is away can be
        # refused with "Host is down": an application then writes again, a little later. Five such disturbances follow
        # on each other.
        for _ in 1 2 3 4 5 6 7 8; do
            dd if=/tmp/big of="$m/big-$mode" bs=64k count=$((mib)) skip=$((part * mib)) seek=$((part * mib)) \
                conv=notrunc,fsync 2>&1 && continue 2
            sleep 0.5
        done
        return 1
    done
    wait "$cutter"
    cmp /tmp/big "$m/big-$mode" && cmp /tmp/big "$other/big-$mode" && umount "$m" && mount_at "$m" "$port" &&
        cmp /tmp/big "$m/big-$mode"
}

# A handle that is open over a cut reads and writes as before, and its file has the name it had. (As above: what fsync says
# was not written, this client forgets, and an application writes again.)
handle() {
    HANDLE=$m/handle-$mode CUT=$OUT/cut /usr/bin/python3 -c "$python_cut"'
file = os.open(os.environ["HANDLE"], os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"before\n", 0)
os.fsync(file)
cut()
for _ in range(4):
    os.pwrite(file, b"after\n", 7)
    try:
        os.fsync(file)
        break
    except OSError as error:
        print(error)
        time.sleep(0.5)
os.close(file)
' && [ "$(cat "$other/handle-$mode")" = "$(printf 'before\nafter')" ]
}

# A lock that is held over a cut is nobody else's: not while the client is away, not when it is back.
locks() {
    : >"$m/locked-$mode"
    LOCKED=$m/locked-$mode OTHER=$other/locked-$mode CUT=$OUT/cut /usr/bin/python3 -c "$python_cut"'
mine = os.open(os.environ["LOCKED"], os.O_RDWR)
fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
theirs = os.open(os.environ["OTHER"], os.O_RDWR)
def is_locked():
    try:
        fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
    except OSError:
        return True
    return False
# Locks of one process never conflict with each other here: another one tries.
def other_is_locked():
    child = os.fork()
    if child == 0:
        os._exit(0 if is_locked() else 1)
    return os.waitpid(child, 0)[1] == 0
assert other_is_locked(), "not locked at first"
cut()
for _ in range(5):
    assert other_is_locked(), "lost when the connection was cut"
os.pwrite(mine, b"back again", 0)
os.fsync(mine)
assert other_is_locked(), "lost when the client came back"
fcntl.lockf(mine, fcntl.LOCK_UN, 10)
assert not other_is_locked(), "not released"
'
}

for mode in "$@"; do
    if ! mount_at "$m" "$port" || ! mount_at "$other" "$direct"; then
        echo "not ok - $mode: mount"
        continue
    fi
    check "no byte is lost when the connection is cut during writes" writes cut_once
    check "no byte is lost when the server is killed and started again during writes" writes restart_once
    check "an open handle goes on after a cut" handle
    case $mode in *resilienthandles*) check "a lock holds over a cut, against another mount" locks ;; esac
    rm -f "$m"/* 
    umount "$m" "$other"
done
