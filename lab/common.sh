# Shared by the lab's scripts. Nothing of what they fetch or build comes into the repository:
# LAB_CACHE holds it (/var/cache/smb-lab for root, else ~/.cache/apus-lab); LAB_CACHE=FOLDER sets another.

. "$(dirname "${BASH_SOURCE[0]}")/../tools/common.sh"

if [ -z "${LAB_CACHE:-}" ]; then
    LAB_CACHE=/var/cache/smb-lab
    [ "$(id -u)" -eq 0 ] || LAB_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/apus-lab
fi
export LAB_CACHE

# need_root SCRIPT ARG...: roots, networks and machines of our own want root; goes on as root by sudo
need_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "$(basename "$1") needs root, or sudo"
    exec sudo --preserve-env=LAB_CACHE,VM_OUT,KCLIENT_OUT "$@"
}

# debian_mirror: where this machine gets Debian from
debian_mirror() {
    local mirror
    mirror=$(awk '/^URIs:.*\/debian\/?$/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null) || true
    echo "${mirror:-http://deb.debian.org/debian}"
}

# in_lab_lock NAME COMMAND...: one at a time makes what is missing in the cache
in_lab_lock() {
    local name=$1
    shift
    mkdir -p "$LAB_CACHE"
    (
        flock 9
        "$@"
    ) 9>"$LAB_CACHE/$name.lock"
}
