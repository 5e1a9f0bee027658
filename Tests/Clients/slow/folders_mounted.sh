#!/usr/bin/env bash
# What directory leases are good for; runs inside lab/vm, as root. Two servers, with and without them, each with `metrics address`.
#   folders_mounted.sh SERVER PORT METRICS PORT-WITHOUT METRICS-WITHOUT SHARE USER PASSWORD
set -uo pipefail
server=$1 share=$6 user=$7 password=$8
ports=("$2" "$4") counters=("$3" "$5")
a=/tmp/a b=/tmp/b
mkdir -p "$a" "$b"
export HOME=/tmp

mount_at() { # FOLDER PORT: a client of its own, since it has its own connection and its own ClientGuid
    mount -t cifs "//$server/$share" "$1" -o "port=$2,username=$user,password=$password,vers=3.1.1,nosharesock"
}
# requests METRICS-PORT: what the server has answered so far, by its own count
requests() {
    curl -sS --fail --noproxy '*' --max-time 20 "http://$server:$1/metrics" |
        awk '/^apus_requests_total{/ && !/echo/ { sum += $2 } END { printf "%d\n", sum }'
}
check() {
    local name="kernel $(uname -r): $1" output
    shift
    if output=$("$@" 2>&1); then
        echo "ok - $name${output:+ ($(tail -n 1 <<<"$output"))}"
    else
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n 8 | cut -c1-180 | sed 's/^/#   /'
    fi
}

fill() { mkdir "$a/folder" && for n in $(seq 20); do echo "$n" >"$a/folder/file $n" || return 1; done; }
# cost METRICS-PORT: requests for ten lists of a folder that was listed before, as a program makes them: by name only
cost() {
    local before round
    ls "$a/folder" >/dev/null
    sleep 2
    ls "$a/folder" >/dev/null
    before=$(requests "$1")
    for round in 1 2 3 4 5 6 7 8 9 10; do [ "$(\ls -1 "$a/folder" | wc -l)" -ge 20 ] || return 1; done
    echo $(($(requests "$1") - before))
}
saved() {
    local with without
    with=$(cost "${counters[0]}") || return 1
    umount "$a" && mount_at "$a" "${ports[1]}" && fill || return 1
    without=$(cost "${counters[1]}") || return 1
    umount "$a" && mount_at "$a" "${ports[0]}" || return 1
    echo "$with requests for ten lists, $without without directory leases"
    # What is left is the client's look at the folder itself, once a second.
    [ "$with" -le 10 ] && [ $((3 * with)) -le "$without" ]
}
# seen WHAT COMMAND...: the other client does something, and the list that was cached is right after it
listed() { ls "$a/folder"; }
seen() {
    local wanted=$1
    shift
    listed >/dev/null && listed >/dev/null && "$@" || return 1
    sleep 0.5
    case $wanted in
    -*) ! listed | grep -qx -- "${wanted#-}" ;;
    *) listed | grep -qx -- "$wanted" ;;
    esac
}
by_smbclient() { smbclient "//$server/$share" -p "${ports[0]}" -U "$user%$password" -s /dev/null -c "$1"; }
# sizes: what a list of attributes says of a file that the other client has written to
longer() {
    ls -l "$a/folder" >/dev/null && echo 'quite a bit longer' >"$b/folder/file 1" || return 1
    sleep 1.5 # this client believes for a second what it has seen of attributes
    [ "$(ls -l "$a/folder" | awk '/file 1$/ { print $5 }')" = 19 ]
}
many_changes() {
    local n
    for n in $(seq 15); do
        listed >/dev/null
        : >"$b/folder/many $n"
        sleep 0.3
        listed | grep -qx "many $n" || { echo "many $n is not seen"; return 1; }
    done
}

check 'mounts' mount_at "$a" "${ports[0]}"
check 'a folder of twenty files' fill
check 'directory leases save requests' saved
check 'mounts as another client' mount_at "$b" "${ports[0]}"
check 'a file that another client makes is seen' seen new touch "$b/folder/new"
check 'a file that another client renames is seen' seen renamed mv "$b/folder/new" "$b/folder/renamed"
check 'a file that another client removes is gone' seen -renamed rm "$b/folder/renamed"
check 'a folder that another client makes is seen' seen sub mkdir "$b/folder/sub"
check 'a file that smbclient writes is seen' seen hostname by_smbclient 'put /etc/hostname folder\hostname'
check 'a file that smbclient removes is gone' seen -hostname by_smbclient 'del folder\hostname'
check 'a size that another client changes is seen' longer
check 'fifteen changes, each seen in the list after it' many_changes
check 'its own changes are seen' seen mine touch "$a/folder/mine"
umount "$b" "$a"
