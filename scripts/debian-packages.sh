#!/bin/sh
# Installs those of the named Debian packages that are missing, where apt and root are there
# and NO_APT is not set. Otherwise says what is missing and goes on: tests that need it skip.
set -u

missing=
for package; do
    command -v "$package" >/dev/null && continue
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
    missing="$missing $package"
done
[ -z "$missing" ] && exit 0

go_on_without() {
    echo "Not installed ($1):$missing"
    echo "Tests that need them are skipped, each with the reason."
    exit 0
}

[ -n "${NO_APT:-}" ] && go_on_without "NO_APT is set"
command -v apt-get >/dev/null || go_on_without "there is no apt-get here"
[ "$(id -u)" = 0 ] || go_on_without "not root; apt-get install$missing would do it"

apt() {
    DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -qq -o Acquire::Retries=1 \
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=120 "$@"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing Debian packages:$missing"
# shellcheck disable=SC2086  # one word a package
if { apt update && apt install --yes --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    exit 0
fi
tail -n 15 "$log"
go_on_without "apt-get failed, as above"
