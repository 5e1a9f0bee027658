# What the client tests share. Each test sources this, calls `begin`, then `check NAME COMMAND…`, then `finish`.
# It prints TAP lines (ok, not ok, ok # SKIP), which tools/test counts.
#   SERVER_KIND=apus|smbd   the server under test: smbd shows that a test can pass
#   SIZE=small|full|show    how much data (./dev test --all sets full; show: 1 GiB and 100,000 files in every combination)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../lab/common.sh"
clients=$repository/Tests/Clients
SERVER_KIND=${SERVER_KIND:-apus}
SIZE=${SIZE:-small}
failures=0

# begin [OPTION of lab/server start…]: a scratch folder in $work, and a server
begin() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/apus-clients.XXXXXX")
    chmod 711 "$work"
    trap 'stop_server; at_end; rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    start_server "$@"
}

# at_end: for a test that has started something else; called however it ends
at_end() { :; }

# start_server [OPTION…]: the next server, with a new share; the one before is stopped
start_server() {
    stop_server
    server_folder=$(mktemp -d "$work/server.XXXX")
    "$repository/lab/server" start "$SERVER_KIND" "$server_folder" "$@"
    # shellcheck disable=SC1091
    . "$server_folder/environment"
}

stop_server() {
    [ -n "${server_folder:-}" ] || return 0
    if ! kill -0 "${SERVER_PID:-0}" 2>/dev/null; then
        echo "not ok - the server is still there at the end"
        tail -n 5 "$server_folder/log" 2>/dev/null | sed 's/^/#   /'
        failures=$((failures + 1))
    fi
    local complaint
    if ! complaint=$("$repository/lab/server" stop "$server_folder" 2>&1); then
        echo "not ok - no sanitizer has reported anything"
        printf '%s\n' "$complaint" | cut -c1-200 | sed 's/^/#   /'
        failures=$((failures + 1))
    fi
    server_folder=
}

# check NAME COMMAND…: one test; what the command said is shown only when it fails
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok - $name"
    else
        failures=$((failures + 1))
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n "${CHECK_LINES:-8}" | cut -c1-200 | sed 's/^/#   /'
    fi
}

skip() { echo "ok - $1 # SKIP $2"; }

finish() {
    stop_server
    at_end
    rm -rf "$work"
    trap - EXIT
    [ "$failures" -eq 0 ]
}

# python_environment: prints the folder of a Python environment with the clients of requirements.txt
python_environment() {
    local folder=$LAB_CACHE/venv
    make_environment() {
        [ ! -e "$folder/requirements.txt" ] || ! cmp -s "$folder/requirements.txt" "$clients/requirements.txt" || return 0
        rm -rf "$folder"
        python3 -m venv "$folder" && "$folder/bin/pip" -q install -r "$clients/requirements.txt" >&2 &&
            cp "$clients/requirements.txt" "$folder/requirements.txt"
    }
    need_packages test
    in_lab_lock venv make_environment
    echo "$folder"
}
