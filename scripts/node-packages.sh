#!/bin/sh
# Installs the locked npm packages of a folder, where Node.js and npm are there.
# Otherwise says what is missing and goes on: tests that need it skip.
set -u
folder=$1

go_on_without() {
    echo "No npm packages in $folder ($1). Tests that need them are skipped, each with the reason."
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || go_on_without "Node.js or npm is missing"
cd "$folder" || exit 1
# npm leaves its own copy of the lock in what it installed.
[ node_modules/.package-lock.json -nt package-lock.json ] && exit 0

echo "Installing npm packages in $folder"
npm ci --no-audit --no-fund --ignore-scripts --loglevel=error </dev/null || {
    rm -rf node_modules
    go_on_without "npm ci failed, as above"
}
