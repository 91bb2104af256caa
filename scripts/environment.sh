#!/bin/sh
# Installs a hash lock into an environment (.venv, or the one that is named) with plain pip, making it
# first where it is missing.
# The first Python that is new enough and has pip serves; PYTHON=… names another.
set -eu
lock=$1
environment=${2:-.venv}

suitable() {
    "$1" -c 'import sys, pip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if suitable "$python"; then
            echo "$python"
            return
        fi
    done
    echo "valetkey needs Python 3.11 or newer with pip. Tried: ${PYTHON:-python3, python3.11 to python3.14}." >&2
    echo "On Debian: apt-get install python3 python3-pip. Elsewhere: make PYTHON=/path/to/python3 …" >&2
    return 1
}

python=$(find_python)
if ! "$environment/bin/python" -c '' 2>/dev/null; then
    echo "Making $environment with $("$python" --version)"
    "$python" -m venv --clear --without-pip "$environment"
fi
echo "Installing $(grep -c '^[a-z0-9]' "$lock") locked packages into $environment"

# The machine's pip may be old, and not know how a lock is meant: it brings the lock's own, which brings
# the rest. Python compiles what it imports.
own=$(mktemp)
trap 'rm -f "$own"' EXIT
sed -n '/^pip==/,/^    # via/p' "$lock" >"$own"
if [ -s "$own" ]; then
    "$python" -m pip --python "$environment/bin/python" --disable-pip-version-check \
        install --quiet --no-compile --require-hashes --requirement "$own"
    set -- "$environment/bin/python" -m pip
else
    set -- "$python" -m pip --python "$environment/bin/python"
fi
"$@" --disable-pip-version-check \
    install --quiet --no-compile --require-hashes --requirement "$lock"
