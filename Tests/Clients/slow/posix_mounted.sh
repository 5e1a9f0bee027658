#!/usr/bin/env bash
# What a mount with the POSIX extensions must be able to do; runs inside lab/vm, as root.
#   posix_mounted.sh REPOSITORY SERVER PORT DEBIAN part|whole     DEBIAN: a folder with a Debian root, to be copied
set -uo pipefail
repository=$1 server=$2 port=$3 debian=$4 what=(.)
if [ "$5" = part ]; then what=(bin sbin lib dev etc root run tmp usr/bin usr/sbin var/lib/dpkg var/log); fi
m=/tmp/m
mkdir -p "$m"
user=alice,password=Secret-Alice1
mount_it() { mount -t cifs "//$server/test" "$m" -o "port=$port,username=$user,vers=3.1.1,posix"; }
again() { umount "$m" && mount_it; }

modes() {
    local mode
    : >"$m/file"
    for mode in 644 600 755 4711 2750 400; do
        chmod "$mode" "$m/file" && again && [ "$(stat -c %a "$m/file")" = "$mode" ] || { stat -c '%a %A' "$m/file"; return 1; }
    done
    mkdir -m 1777 "$m/folder" && again && [ "$(stat -c '%a %F' "$m/folder")" = '1777 directory' ] || { stat "$m/folder"; return 1; }
    (umask 027 && : >"$m/masked") && again && [ "$(stat -c %a "$m/masked")" = 640 ] || { stat "$m/masked"; return 1; }
    chmod 700 "$m/file" && rm "$m/file" "$m/masked" && rmdir "$m/folder"
}
case_pairs() {
    echo lower >"$m/name" && echo upper >"$m/NAME" && mkdir "$m/Name" && again &&
        [ "$(cat "$m/name")$(cat "$m/NAME")" = lowerupper ] && [ "$(ls "$m" | grep -ci '^name$')" -eq 3 ] &&
        mv "$m/name" "$m/nAME" && [ ! -e "$m/name" ] && [ "$(cat "$m/nAME" "$m/NAME")" = "$(printf 'lower\nupper')" ] &&
        rm "$m/NAME" "$m/nAME" && rmdir "$m/Name"
}
special_names() {
    local name
    for name in 'colon:here' 'star*' 'question?' 'quote"s' 'pipe|' 'less<more>' 'back\slash' 'ends with.' 'ends with ' 'tab	x'; do
        echo "$name" >"$m/$name" && again && [ "$(cat "$m/$name")" = "$name" ] &&
            ls "$m" | grep -qxF -- "$name" || { echo "name: $name"; ls "$m"; return 1; }
        rm "$m/$name"
    done
}
delete_open() {
    echo keep >"$m/gone" && exec 6<"$m/gone" && rm "$m/gone" && [ ! -e "$m/gone" ] && echo new >"$m/gone" &&
        [ "$(cat <&6)" = keep ] && exec 6<&- && [ "$(cat "$m/gone")" = new ] && rm "$m/gone"
}
rename_over() {
    mkdir "$m/a" "$m/b" && echo x >"$m/a/x" && mv -T "$m/a" "$m/b" && [ "$(cat "$m/b/x")" = x ] &&
        echo old >"$m/t" && exec 6<"$m/t" && echo new >"$m/s" && mv -f "$m/s" "$m/t" && [ "$(cat "$m/t")" = new ] &&
        [ "$(cat <&6)" = old ] && exec 6<&- && rm -r "$m/b" "$m/t"
}
links() {
    ln -s 'some/where else' "$m/link" && ln -s /absolute "$m/root" && again &&
        [ "$(readlink "$m/link") $(readlink "$m/root")" = 'some/where else /absolute' ] || { ls -l "$m"; return 1; }
    mkdir "$m/d" && echo inside >"$m/d/f" && ln -s d "$m/to-d" && again && [ "$(cat "$m/to-d/f")" = inside ] &&
        rm "$m/to-d" "$m/link" "$m/root" && [ -e "$m/d/f" ] && rm -r "$m/d"
}
link_times() {
    ln -s nowhere "$m/l" && touch -h -d '2001-02-03 04:05:06' "$m/l" && again &&
        [ "$(stat -c %Y "$m/l")" = "$(date -d '2001-02-03 04:05:06' +%s)" ] && rm "$m/l" || { stat "$m/l"; return 1; }
}
# As root: device nodes, owners of files and of links. What this client changes of a fifo or a device once it is there stays
# in its own memory.
root_only() {
    mknod "$m/null" c 1 3 && mknod "$m/disk" b 8 17 && : >"$m/f" && chown 1234:4321 "$m/f" &&
        ln -s f "$m/l" && chown -h 77:88 "$m/l" && again &&
        [ "$(stat -c '%F %t %T %a' "$m/null" "$m/disk"; stat -c %u:%g "$m/f" "$m/l")" = \
            "$(printf '%s\n' 'character special file 1 3 644' 'block special file 8 11 644' 1234:4321 77:88)" ] ||
        { ls -ln "$m"; return 1; }
    rm "$m/null" "$m/disk" "$m/f" "$m/l"
}
fifos() {
    mkfifo "$m/fifo" && again && [ -p "$m/fifo" ] || { ls -l "$m"; return 1; }
    rm "$m/fifo"
}
# what is compared: the repository's own files with modes of all kinds
tree() {
    mkdir -p "$1" && (cd "$repository" && tar cf - Sources lab tools docs Tests/Clients) | tar xf - -C "$1" &&
        find "$1" -name '*.md' -exec chmod 640 {} + && find "$1" -type d -name Commands -exec chmod 2775 {} + &&
        cp "$1/tools/lint" "$1/Case" && cp "$1/tools/test" "$1/CASE" && ln "$1/Case" "$1/hard"
    if [ "$can_link" -eq 1 ]; then ln -s tools/lint "$1/soft" && mkfifo "$1/fifo"; fi
}
# Of a fifo only that it is one: what this client sets of it later stays in its own memory.
list() { (cd "$1" && find . -type p -printf '%P %y\n' -o -printf '%P %y %m %l %s %T@\n' | sed 's/ d \([0-9]*\) \(.*\) [0-9]* \([0-9.]*\)$/ d \1 \2/; s/\(\.[0-9]\{7\}\)[0-9]*$/\1/' | sort); }
contents() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 cksum); }
# What they are first: of a file that was opened this client shows the mount's mode until it looks again.
alike() { "$1" "$2" >/tmp/one && "$1" "$3" >/tmp/other && diff /tmp/one /tmp/other; }
same() { alike list "$1" "$2" && alike contents "$1" "$2"; }
archive() {
    tar cf /tmp/tree.tar --format=pax -C /tmp/tree . && mkdir "$m/tar" && tar xpf /tmp/tree.tar -C "$m/tar" --no-same-owner && again &&
        same /tmp/tree "$m/tar"
}
synchronised() {
    rsync -aHX --no-owner --no-group /tmp/tree/ "$m/rsync/" && again && same /tmp/tree "$m/rsync" &&
        [ -z "$(rsync -aHXcni --no-owner --no-group --delete /tmp/tree/ "$m/rsync/" | grep -v '^\.[dS]')" ] &&
        [ "$(stat -c %i "$m/rsync/Case")" = "$(stat -c %i "$m/rsync/hard")" ]
}
# A Debian root as debootstrap makes it, and what such a root may hold besides.
debian() {
    [ ! -e /tmp/debian ] || return 0
    mkdir /tmp/debian && (cd "$debian" && tar cf - "${what[@]}") | tar xpf - -C /tmp/debian &&
        chmod 4755 /tmp/debian/usr/bin/passwd && mkdir -p /tmp/debian/dev && mknod /tmp/debian/dev/full2 c 1 7 &&
        mkfifo -m 600 /tmp/debian/run/pipe && setfattr -n user.note -v hello /tmp/debian/etc/fstab
}
# Everything of everything, but of fifos and devices only what they are.
all() {
    (cd "$1" && find . \( -type f -o -type l \) -printf '%P %y %m %U:%G %n %l %T@\n' -o -type d -printf '%P %m %U:%G %T@\n' |
        sed 's/\(\.[0-9]\{7\}\)[0-9]*$/\1/' | sort && find . -type f -o -type l -o -type d -o -print0 | sort -z |
        xargs -0 stat -c '%n %F %t %T')
}
as_before() { alike all /tmp/debian "$1" && alike contents /tmp/debian "$1"; }
debian_tar() {
    debian && mkdir "$m/tar" && tar cf - --format=pax --numeric-owner -C /tmp/debian . |
        tar xpf - --numeric-owner -C "$m/tar" && again && as_before "$m/tar" && echo "$(find "$m/tar" | wc -l) files"
}
debian_rsync() {
    debian && rsync -aHAX --numeric-ids /tmp/debian/ "$m/rsync/" && again && as_before "$m/rsync" &&
        [ -z "$(rsync -aHAXni --numeric-ids --delete /tmp/debian/ "$m/rsync/" | grep -v '^\.[DS]')" ] &&
        echo "$(find "$m/rsync" | wc -l) files"
}
empty() { rm -rf "$m"/* && [ -z "$(ls -A "$m")" ] || { ls -lA "$m"; return 1; }; }
space() { [ "$(stat -f -c %b "$m")" -gt 0 ] && [ "$(stat -f -c %d "$m")" -gt 0 ]; }

check() {
    local name="posix, kernel $(uname -r): $1" output
    if output=$("$2" 2>&1); then
        echo "ok - $name$(tail -n 1 <<<"$output" | sed -n 's/^[0-9]* files$/ (&)/p')"
    else
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n 8 | cut -c1-180 | sed 's/^/#   /'
    fi
}
check 'mounts' mount_it
if ! mountpoint -q "$m"; then dmesg | tail -n 5 | sed 's/^/#   /'; exit 0; fi
grep -q ' /tmp/m .*posix' /proc/mounts || echo 'not ok - the mount says nothing of posix'
can_link=0
if ln -s x "$m/probe" 2>/dev/null; then can_link=1; rm "$m/probe"; fi
tree /tmp/tree
check 'modes' modes
check 'names that differ in case only' case_pairs
check 'characters that NT forbids' special_names
check 'an open file is deleted, its name used anew' delete_open
check 'renames over an empty folder and an open file' rename_over
if [ "$can_link" -eq 1 ]; then
    check 'symbolic links' links
    check 'times of a link' link_times
    check 'fifos' fifos
else
    echo "ok - posix, kernel $(uname -r): links and fifos # SKIP this kernel's client cannot make them"
fi
check 'tar' archive
check 'rsync -aHX, and again with nothing to do' synchronised
check 'file systems figures' space
check 'all of it deleted again' empty
umount "$m"

# Owners go by number with idsfromsid; without it this client asks a program on its machine what Windows would call them.
user=root,password=Secret-Root3,idsfromsid
check 'root mounts' mount_it
mountpoint -q "$m" || exit 0
if [ "$can_link" -eq 1 ]; then
    check 'device nodes, owners' root_only
fi
check 'a Debian root, tar' debian_tar
check 'a Debian root, rsync -aHAX' debian_rsync
check 'and deleted again' empty
umount "$m"
