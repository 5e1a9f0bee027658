#!/usr/bin/env bash
# A kernel's client with several channels, of which connections are cut in mid-transfer; runs inside lab/vm, as root.
#   multichannel_mounted.sh REPOSITORY MIB
# The server stands in a network of its own, which two cables lead to; their ends have several receive queues, without
# which the kernel makes one channel for each. It is told to ask again (hard): else it gives up what is under way.
set -uo pipefail
repository=$1 mib=$2
m=/tmp/m
folder=/lab/scratch/server
mkdir -p "$m"

networks() {
    modprobe veth && ip netns add server && ip -n server link set lo up || return
    local n
    for n in 1 2; do
        ip link add "c$n" numrxqueues 4 numtxqueues 4 type veth peer name "s$n" netns server numrxqueues 4 numtxqueues 4 && ip addr add "10.7.$n.1/24" dev "c$n" &&
            ip -n server addr add "10.7.$n.2/24" dev "s$n" && ip link set "c$n" up && ip -n server link set "s$n" up || return
    done
}
# The kernel looks for other interfaces of the server at port 445.
server() {
    ip netns exec server "$repository/lab/server" start apus "$folder" --bind 'lo s1 s2' --port 445 \
        --global 'server multi channel support = yes'
}
# Writes of 64 KiB: this client (7.2.12) sends larger ones again in other pieces, when a new connection has fewer credits
# than the old one had, and reads those from beyond its memory ("Error -14 sending data", without end, from any server).
mount_it() { mount -t cifs //10.7.1.2/test "$m" -o "username=$USER1,password=$PASS1,wsize=65536,$mode"; }
again() { umount "$m" && mount_it; }

# How many connections the session has that has most.
channels() {
    "${APUS:-$repository/.build/release/apus}" status --json --socket "$ADMIN_SOCKET" | python3 -c '
import json, sys
print(max([len(session["connections"]) for session in json.load(sys.stdin).get("session", [])], default=0))'
}
has_channels() { # COUNT, within a minute
    local count=
    for _ in $(seq 60); do
        count=$(channels) || return
        [ "$count" -lt "$1" ] || return 0
        sleep 1
    done
    echo "$count connections of the session"
    return 1
}
both_cables() { # how many connections each carries
    ss -tnH dst 10.7.1.2 | grep -c ESTAB && ss -tnH dst 10.7.2.2 | grep -c ESTAB
}

# cutting COMMAND…: while it runs, the connections of one cable are reset and then those of the other, each time that the
# session has all its channels. Were both cut at once, the session would end, and this client then loses writes by itself:
# some are sent with the new session and the old tree connect. A fast machine can be through before the channels of the last cut are
# back, so the command is run anew, for a minute or two at most, until there were two cuts.
cutting() {
    local copy cuts=0 n=1
    echo 0 >/tmp/cuts
    { for _ in $(seq 60); do "$@" || exit 1; [ "$(cat /tmp/cuts)" -lt 2 ] || exit 0; sleep 0.5; done; } &
    copy=$!
    while kill -0 "$copy" 2>/dev/null; do
        if [ "$(channels)" -lt 4 ]; then
            sleep 0.2
            continue
        fi
        n=$((3 - n))
        ip netns exec server ss -KtH src "10.7.$n.2" >/tmp/cut 2>&1
        [ ! -s /tmp/cut ] || cuts=$((cuts + 1))
        echo "$cuts" >/tmp/cuts.new && mv /tmp/cuts.new /tmp/cuts
    done
    wait "$copy" || { echo "the client was told of an error"; return 1; }
    [ "$cuts" -gt 1 ] || { echo "cut $cuts times"; return 1; }
}
writes() {
    head -c "$((mib << 20))" /dev/urandom >/tmp/big || return
    cutting dd if=/tmp/big of="$m/big" bs=1M conv=fsync status=none && cmp /tmp/big "$SHARE_FOLDER/big"
}
# What is read is read from the server each time, not from this client's cache.
read_whole() { dd if="$m/big" iflag=nocache count=0 status=none && cp "$m/big" /tmp/back && cmp /tmp/big /tmp/back; }
reads() { again && has_channels 4 && cutting read_whole; }
file_by_file() {
    local n
    rm -f "$m/file "*
    for n in $(seq 300); do echo "$n" >"$m/file $n" || return; done
    for n in $(seq 300); do [ "$(cat "$m/file $n")" = "$n" ] || return; done
}
names() { cutting file_by_file && [ "$(find "$SHARE_FOLDER" -name 'file *' | wc -l)" -eq 300 ]; }
# no error but those of the cuts themselves is in the kernel's log, and the server is the same
nothing_else() { kill -0 "$SERVER_PID" && ! dmesg | grep -E 'BUG:|Oops|WARNING:|CIFS.*([Cc]orrupt|[Ss]ignature|[Dd]ecrypt)'; }

check() {
    local name="kernel $(uname -r) $mode: $1" output
    shift
    if output=$("$@" 2>&1); then
        echo "ok - $name"
    else
        echo "not ok - $name"
        { printf '%s\n' "$output"; dmesg | tail -n 4; } | tail -n 10 | cut -c1-180 | sed 's/^/#   /'
    fi
}

mode=setup
check 'two cables to the server' networks
check 'the server' server
# shellcheck disable=SC1091
. "$folder/environment"
for mode in vers=3.1.1,hard,multichannel,max_channels=4 vers=3.1.1,hard,seal,multichannel,max_channels=4; do
    check 'mounts' mount_it
    check 'four channels, as the server says' has_channels 4
    check 'over both cables' both_cables
    check "$mib MiB written while connections are cut" writes
    echo "# $(cat /tmp/cuts) cuts"
    check 'the channels are back' has_channels 4
    check "$mib MiB read while connections are cut" reads
    echo "# $(cat /tmp/cuts) cuts"
    check 'files made and read while connections are cut' names
    echo "# $(cat /tmp/cuts) cuts"
    check 'nothing else went wrong' nothing_else
    rm -f "$m"/*
    umount "$m" || umount -l "$m"
done
ip netns exec server "$repository/lab/server" stop "$folder"
