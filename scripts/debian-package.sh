#!/bin/sh
# Builds the Debian package for Debian 12 (Python 3.11) and prints its path: build/valetkey_VERSION_ARCH.deb.
set -eu
cd "$(dirname "$0")/.."
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
umask 022
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/DEBIAN" "$root/usr/share/doc/valetkey" build
scripts/app-root.sh "$root"
cp LICENSE "$root/usr/share/doc/valetkey/copyright"
cat >"$root/DEBIAN/control" <<CONTROL
Package: valetkey
Version: $version
Architecture: amd64
Maintainer: the valetkey authors
Installed-Size: $(du -ks "$root/usr" | cut -f 1)
Depends: python3 (>= 3.11), python3 (<< 3.12), ca-certificates
Section: net
Priority: optional
Description: authorization server for OAuth 2.1 and OpenID Connect
 The user's grant is the thing: people let an app use an API on their behalf, see what it may do,
 and take it back. \`valetkey init --for systemd --folder /etc/valetkey\` sets it up.
CONTROL
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "build/valetkey_${version}_amd64.deb" >/dev/null
echo "build/valetkey_${version}_amd64.deb"
