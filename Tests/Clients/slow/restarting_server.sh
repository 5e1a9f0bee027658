#!/usr/bin/env bash
# restarting_server.sh FILE COMMAND…: runs the command; as soon as FILE appears, kills it, runs it again, and takes FILE away.
set -u
file=$1
shift
trap 'kill "$server" 2>/dev/null; exit' TERM INT
while :; do
    "$@" &
    server=$!
    for _ in 1 2 3 4 5; do sleep 0.1; kill -0 "$server" 2>/dev/null || exit 1; done
    rm -f "$file"
    until [ -e "$file" ]; do
        kill -0 "$server" 2>/dev/null || exit 1
        sleep 0.05
    done
    kill -KILL "$server"
    wait "$server" 2>/dev/null
done
