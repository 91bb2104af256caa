#!/bin/sh
# Lays out the server for Debian 12 (Python 3.11) under a folder, from the hash lock alone:
# /usr/lib/valetkey with the packages, and /usr/bin/valetkey. The image and the Debian package hold it.
#
#   scripts/app-root.sh FOLDER [x86_64 | aarch64]
#
# The same sources give the same bytes (SOURCE_DATE_EPOCH; by default, the time of the last commit).
set -eu
folder=$1
arch=${2:-x86_64}
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target=$folder/usr/lib/valetkey
mkdir -p "$target" "$folder/usr/bin"

.venv/bin/python -m build --no-isolation --wheel --outdir "$work" . >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

install() {
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
        --target "$target" --upgrade --implementation cp --python-version 3.11 --only-binary=:all: \
        --platform "manylinux_2_34_$arch" --platform "manylinux_2_28_$arch" \
        --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" "$@"
}
# Another interpreter's markers would count: the lock is for CPython on Linux as it is here.
install --require-hashes --requirement requirements/image.txt
install "$work"/valetkey-*.whl
# Where they were installed from and for whom is no part of them.
rm -rf "$target/bin"
find "$target" \( -name direct_url.json -o -name REQUESTED -o -name INSTALLER \) -delete
sed -i -E '/\/(direct_url.json|REQUESTED|INSTALLER),/d' "$target"/*.dist-info/RECORD

cat >"$folder/usr/bin/valetkey" <<'PY'
#!/usr/bin/python3 -sP
import sys

sys.path.insert(0, "/usr/lib/valetkey")

from valetkey.cli import main

sys.exit(main())
PY
chmod 755 "$folder/usr/bin/valetkey"

# Compiled once, by what is in the source and not by its time: nothing is written at run time.
# PYTHONHASHSEED: the order of sets is part of compiled code.
if command -v python3.11 >/dev/null; then
    (cd "$folder" && PYTHONHASHSEED=0 python3.11 -m compileall -q -j 1 --invalidation-mode unchecked-hash \
        -s . -p / usr/lib/valetkey)
fi
find "$folder" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
