#!/usr/bin/env bash
# What a kernel's SMB client must be able to do with a mount; runs inside lab/kclient or lab/vm, as root.
#   mounted.sh REPOSITORY SERVER PORT SHARE USER PASSWORD MIB MODE…     MODE: mount options, e.g. vers=3.1.1,seal
set -uo pipefail
repository=$1 server=$2 port=$3 share=$4 user=$5 password=$6 mib=$7
shift 7
m=/tmp/m
mkdir -p "$m"
export HOME=/tmp GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

# What is copied: the tracked text of this repository, as of now, with its times.
source=/tmp/source
mkdir -p "$source"
(cd "$repository" && tar cf - Sources Tests/*Tests lab tools docs 2>/dev/null) | tar xf - -C "$source" --no-same-owner
find "$source" -type l -delete
head -c "$((mib << 20))" /dev/urandom >/tmp/big

mount_it() { mount -t cifs "//$server/$share" "$m" -o "port=$port,username=$user,password=$password,$mode"; }
again() { umount "$m" && mount_it; } # what is compared after it comes from the server, not from the client's cache
times() { (cd "$1" && find . -printf '%P %s %y %T@\n' | sed 's/\(\.[0-9]\{7\}\)[0-9]*$/\1/; s/ [0-9]* d / d /' | sort); }

source_tree() {
    cp -r --preserve=timestamps "$source" "$m/tree" && again && diff -r "$source" "$m/tree" &&
        times "$source" >/tmp/times && times "$m/tree" | diff /tmp/times - && cp -r --preserve=timestamps "$m/tree" /tmp/back &&
        diff -r "$source" /tmp/back && times /tmp/back | diff /tmp/times -
}
archive() {
    tar cf /tmp/source.tar -C "$source" . && mkdir "$m/untarred" &&
        tar xf /tmp/source.tar -C "$m/untarred" --no-same-owner && again && diff -r "$source" "$m/untarred"
}
clone() {
    git clone -q --no-hardlinks --no-tags "file://$repository" "$m/clone" && again && git -C "$m/clone" fsck --full &&
        [ -z "$(git -C "$m/clone" status --porcelain)" ] && echo change >>"$m/clone/LICENSE" &&
        git -C "$m/clone" -c user.name=a -c user.email=a@b commit -qam change && git -C "$m/clone" gc -q && git -C "$m/clone" fsck
}
big_file() { cp /tmp/big "$m/big" && again && cmp /tmp/big "$m/big" && truncate -s 12345 "$m/big" && cmp -n 12345 /tmp/big "$m/big"; }
rename_open() {
    exec 5<>"$m/open-one" && echo first >&5 && mv "$m/open-one" "$m/open-two" && echo second >&5 && exec 5>&- &&
        [ ! -e "$m/open-one" ] && [ "$(cat "$m/open-two")" = "$(printf 'first\nsecond')" ]
}
rename_over() {
    echo old >"$m/target" && echo new >"$m/source" && mv -f "$m/source" "$m/target" && [ "$(cat "$m/target")" = new ] &&
        mkdir "$m/d1" && echo x >"$m/d1/x" && mv "$m/d1" "$m/d2" && [ "$(cat "$m/d2/x")" = x ] && [ ! -e "$m/d1" ]
}
delete_open() {
    echo keep >"$m/gone" && exec 6<"$m/gone" && rm "$m/gone" && [ "$(cat <&6)" = keep ] && exec 6<&- &&
        [ ! -e "$m/gone" ] && ! ls "$m" | grep -q '^gone$'
}
many() {
    mkdir "$m/many" && for n in $(seq 300); do : >"$m/many/file $n" || return 1; done
    again && [ "$(find "$m/many" -name 'file *' | wc -l)" -eq 300 ] && rm -r "$m/many" && [ ! -e "$m/many" ]
}
odd_names() {
    local name
    for name in 'ümläut' '東京' 'a file with spaces' '.hidden' "$(printf 'long%.0s' $(seq 50))"; do
        echo "$name" >"$m/$name" && [ "$(cat "$m/$name")" = "$name" ] || { echo "$name"; return 1; }
    done
}
append_and_sparse() {
    echo one >"$m/log" && echo two >>"$m/log" && [ "$(wc -l <"$m/log")" = 2 ] &&
        dd if=/tmp/big of="$m/sparse" bs=4096 seek=1000 count=1 status=none && again &&
        [ "$(stat -c %s "$m/sparse")" = $((1001 * 4096)) ] && cmp -n 4096 "$m/sparse" /dev/zero
}
# The mount is made anew before the second name is read: a kernel whose lease is on the first asks for a new one with its key.
hard_link() { echo link >"$m/name-one" && ln "$m/name-one" "$m/name-two" && again && [ "$(cat "$m/name-two")" = link ]; }
empty() { [ -z "$(ls -A "$m")" ] || { ls -A "$m"; return 1; }; }
space() { [ "$(stat -f -c %b "$m")" -gt 0 ] && [ "$(stat -f -c %a "$m")" -gt 0 ]; }

check() {
    local name="kernel $(uname -r) $mode: $1" output
    if output=$("$2" 2>&1); then
        echo "ok - $name"
    else
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n 6 | cut -c1-180 | sed 's/^/#   /'
    fi
}

for mode in "$@"; do
    check 'mounts' mount_it
    if ! mountpoint -q "$m"; then
        dmesg | tail -n 5 | sed 's/^/#   /'
        continue
    fi
    check 'a source tree copied in and out, equal with its times' source_tree
    check 'tar x' archive
    check 'git clone, fsck, commit, gc' clone
    check 'a big file, then truncated' big_file
    check 'an open file is renamed' rename_open
    check 'renames over a file, and of a folder' rename_over
    check 'an open file is deleted' delete_open
    check '300 files made, listed, deleted' many
    check 'names with spaces and of other scripts' odd_names
    check 'append, and a hole' append_and_sparse
    check 'a hard link' hard_link
    check 'free space' space
    rm -rf "$m"/* "$m"/.[!.]* /tmp/back
    check 'all of it deleted again' empty
    umount "$m" || umount -l "$m"
done
