#!/bin/sh
# Install system packages with apt: scripts/system.sh PACKAGE...
# Says what is missing before it installs anything, and does nothing if all are there. Fails with one sentence where it cannot install.
# HOW_TO_SKIP is the command that does without them.
set -eu

is_there() {
    case $1 in
        postgresql) command -v initdb || ls /usr/lib/postgresql/*/bin/initdb ;;
        *) command -v "$1" || dpkg-query --show --showformat='${db:Status-Status}\n' "$1" | grep -x installed ;;
    esac
} >/dev/null 2>&1

missing=
for package in "$@"; do
    is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then as_root="sudo --non-interactive"; fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "Please install these packages yourself, as this user may not:$missing${HOW_TO_SKIP:+ (or do without: $HOW_TO_SKIP)}" >&2
    exit 1
fi

apt() {
    # RUNLEVEL=1 asks the packages not to start their services: the tests start their own.
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >/dev/null
}
echo "Installing with apt:$missing${HOW_TO_SKIP:+ (to do without: $HOW_TO_SKIP)}" >&2
apt update || true
# shellcheck disable=SC2086
apt install --yes --no-install-recommends $missing
