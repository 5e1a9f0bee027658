# Shared by the scripts in tools/ and lab/: messages, Debian packages, the Swift toolchain, the build.
# Sourced, with `set -euo pipefail` in force.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
swift_minimum=6.2

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# packages_for PURPOSE...: the names in tools/debian-packages, one a line
packages_for() {
    local purpose
    for purpose in "$@"; do
        awk -v purpose="$purpose" '$1 == purpose { print $2 }' "$repository/tools/debian-packages"
    done | sort -u
}

# need_packages PURPOSE...: installs what is missing, saying so; where it cannot, names the command and ends
need_packages() {
    command -v dpkg-query >/dev/null || return 0 # another distribution: its owner knows the names
    local package missing=()
    for package in $(packages_for "$@"); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -v ||
            die "packages are missing. Run as root: apt-get install --no-install-recommends ${missing[*]}"
        root=(sudo)
    fi
    say "installing Debian packages: ${missing[*]}"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
        "${apt[@]}" update >/dev/null &&
            "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
    } || die "could not install: ${missing[*]}"
}

# need_swift: a toolchain that can build this, or how to get one
need_swift() {
    local found=none
    if command -v swift >/dev/null; then
        swift --version >/dev/null 2>&1 || need_packages swift
        swift --version >/dev/null || die "swift is there ($(command -v swift)) and does not run"
        found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
        [ "$(printf '%s\n' "$swift_minimum" "${found:-0}" | sort -V | head -n 1)" = "$swift_minimum" ] && return 0
    fi
    cat >&2 <<MESSAGE
Apus needs Swift $swift_minimum or later; found: ${found:-none}.
  Debian with the package swiftlang $swift_minimum or later (apt-cache policy swiftlang):
      sudo apt-get install swiftlang
  Any Debian, by Swift's own installer:
      curl -O https://download.swift.org/swiftly/linux/swiftly-\$(uname -m).tar.gz
      tar xzf swiftly-\$(uname -m).tar.gz && ./swiftly init
  All ways: https://www.swift.org/install/linux/
Then run this command again.
MESSAGE
    exit 1
}

# The flags of every build: an import that Package.swift does not declare is an error.
build_flags=(--explicit-target-dependency-import-check error)

# static_flags: prints the flag that puts Swift's own libraries into the binary, where the toolchain has them
static_flags() {
    local lib
    lib=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift_static
    if [ -d "$lib" ]; then echo --static-swift-stdlib; fi
}

# build_release: sets `apus` to the release binary, building it only if a source, or the toolchain, is newer
build_release() {
    cd "$repository"
    local folder=.build/release stamp=.build/apus-release.stamp version
    version=$(swift --version 2>/dev/null | head -n 1)
    apus=$PWD/$folder/apus
    if [ -x "$apus" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ] &&
        [ -z "$(find Package.swift Package.resolved Sources tools/common.sh -newer "$stamp" -print -quit 2>/dev/null)" ]; then
        return 0
    fi
    say "building Apus for release (some minutes the first time)"
    mkdir -p .build
    # Writes Package.resolved now, where the build would and make itself look out of date.
    swift package resolve >&2 || true
    touch "$stamp.new" # older than anything changed while the build runs
    # shellcheck disable=SC2046 # no flag, or one
    swift build -c release --product apus "${build_flags[@]}" $(static_flags) >&2
    echo "$version" >"$stamp.text"
    touch -r "$stamp.new" "$stamp.text"
    mv "$stamp.text" "$stamp"
    rm -f "$stamp.new"
}

# random_word N: N characters that are safe in a command line and easy to read out
random_word() {
    LC_ALL=C tr -dc 'abcdefghjkmnpqrstuvwxyz23456789' </dev/urandom | head -c "$1" || true
}
