#!/usr/bin/env bash
# Two mounts of one share, each with a connection of its own, as two machines have them; runs inside lab/kclient or lab/vm, as root.
#   two_mounts.sh REPOSITORY SERVER PORT SHARE USER PASSWORD TRANSACTIONS COMMITS MODE…
set -uo pipefail
repository=$1 server=$2 port=$3 share=$4 user=$5 password=$6 transactions=$7 commits=$8
shift 8
here=$(dirname "$(readlink -f "$0")")
a=/tmp/a b=/tmp/b
mkdir -p "$a" "$b"
export HOME=/tmp GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b

mount_at() { mount -t cifs "//$server/$share" "$1" -o "port=$port,username=$user,password=$password,nosharesock,$mode"; }
# This client believes for a second what it has seen of names and attributes; actimeo=0 has it ask.

check() {
    local name="two mounts, kernel $(uname -r) $mode: $1" output
    shift
    if output=$("$@" 2>&1); then
        echo "ok - $name${output:+ ($(tail -n 1 <<<"$output"))}"
    else
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n 8 | cut -c1-180 | sed 's/^/#   /'
    fi
}

# requests: how many the clients of this kernel have sent so far
requests() { awk '/^SMBs:/ { sum += $2 } END { print sum }' /proc/fs/cifs/Stats; }

# With a lease, opening and reading again asks the server for nothing; once the other writes, it must.
leases() {
    local before after n
    echo content >"$a/leased" && cat "$a/leased" >/tmp/read || return 1
    before=$(requests)
    for n in $(seq 200); do read -r line <"$a/leased" && [ "$line" = content ] || return 1; done
    after=$(requests)
    echo "$((after - before)) requests for 200 times open, read, close"
    [ $((after - before)) -le 40 ] && echo other >"$b/leased" && [ "$(cat "$a/leased")" = other ] &&
        [ "$(requests)" -gt "$after" ] || return 1
    echo "$((after - before)) requests for 200 times open, read, close"
}

# What one has written and closed the other reads, at once, though it had the file in its cache, and open.
coherent() {
    local n
    exec 7<"$a/shared-file" || return 1
    for n in $(seq "$2"); do
        echo "$n" >"$b/shared-file" && [ "$(cat "$a/shared-file")" = "$n" ] || { echo "from b: $n"; return 1; }
        echo "back $n" >>"$a/shared-file" && [ "$(tail -n 1 "$b/shared-file")" = "back $n" ] || { echo "from a: $n"; return 1; }
    done
    exec 7<&-
}
names() {
    local n
    for n in $(seq 50); do
        : >"$a/name-$n" && [ -e "$b/name-$n" ] && mv "$b/name-$n" "$b/other-$n" && [ -e "$a/other-$n" ] && rm "$a/other-$n" &&
            [ ! -e "$b/other-$n" ] || { echo "$n"; return 1; }
    done
}
reads() { /usr/bin/python3 "$here/two_mounts.py" reads "$a/counted" "$b/counted" "$((transactions / 2))"; }
notified() { mkdir "$a/watched" && /usr/bin/python3 "$here/two_mounts.py" notify "$a/watched" "$b/watched"; }
locks() { /usr/bin/python3 "$here/two_mounts.py" locks "$a/locked" "$b/locked"; }
sqlite() { /usr/bin/python3 "$here/two_mounts.py" sqlite "$a/data.db" "$b/data.db" "$transactions"; }

# Both commit to one branch of one repository, each time on top of what is there, and to one of their own.
commit() {
    local root=$1 who=$2 n old new tries tree
    tree=$(git -C "$root/repository" mktree </dev/null) || return 1
    for n in $(seq "$commits"); do
        for tries in $(seq 200); do
            # A name whose file somebody has open is replaced in two steps by this client: for a moment it is not there.
            old=$(git -C "$root/repository" rev-parse -q --verify refs/heads/shared) || continue
            new=$(git -C "$root/repository" commit-tree "$tree" -p "$old" -m "$who $n") || return 1
            git -C "$root/repository" update-ref refs/heads/shared "$new" "$old" 2>"/tmp/why-$who" && continue 2
        done
        echo "$who: commit $n never came in: $(cat "/tmp/why-$who")"
        ls -l "$root/repository/refs/heads"
        return 1
    done
}
repositories() {
    git init -q --bare "$a/repository" && git -C "$a/repository" update-ref refs/heads/shared \
        "$(git -C "$a/repository" commit-tree "$(git -C "$a/repository" mktree </dev/null)" -m first)" || return 1
    local one two
    commit "$a" a & one=$!
    commit "$b" b & two=$!
    wait "$one" && wait "$two" && git -C "$a/repository" fsck --full --strict && git -C "$b/repository" fsck --full --strict &&
        [ "$(git -C "$b/repository" rev-list --count shared)" -eq $((2 * commits + 1)) ] &&
        git -C "$b/repository" gc -q && git -C "$a/repository" fsck --full &&
        [ "$(git -C "$a/repository" rev-list --count shared)" -eq $((2 * commits + 1)) ] || {
        echo "of $((2 * commits + 1)) commits there are $(git -C "$b/repository" rev-list --count shared)"
        return 1
    }
    echo "$((2 * commits)) commits"
}

for mode in "$@"; do
    mode=$mode,actimeo=0
    if ! mount_at "$a" || ! mount_at "$b"; then
        echo "not ok - $mode: mount"
        continue
    fi
    check 'leases save round trips' leases
    : >"$a/shared-file"
    check 'each reads what the other has written' coherent "$a/shared-file" 100
    check 'one reads while the other writes: nothing stale, nothing out of order' reads
    check 'each sees the names that the other makes, renames and deletes' names
    check 'locks of one keep the other out, and wait for each other' locks
    check 'one is told what the other changes in a folder and below it' notified
    check 'SQLite from both' sqlite
    check 'git from both' repositories
    rm -rf "$a"/*
    umount "$a" "$b"
done
